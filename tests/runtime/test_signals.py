"""Requests to stop."""

import os
import signal
import subprocess
import sys
import time

from pipeline_lib.runtime.signals import StopRequest


def test_a_signal_becomes_a_reason_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert stop.poll() is None
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # the same wish, passed on by the parent
        assert stop.poll() == "received SIGTERM" and stop.signal_number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_impatient_repetition_ends_the_process():
    code = (
        "import os, signal, time; from pipeline_lib.runtime import signals; signals.IMPATIENCE_SECONDS = 0.1\n"
        "with signals.StopRequest() as stop:\n"
        "    os.kill(os.getpid(), signal.SIGINT); time.sleep(0.3); os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGINT


def test_an_orphan_stops():
    child = (
        "import sys, time; from pipeline_lib.runtime.signals import StopRequest\n"
        "with StopRequest(parent=int(sys.argv[1])) as stop:\n"
        "    print('ready', flush=True)\n"
        "    while stop.poll() is None: time.sleep(0.05)\n"
        "    print(stop.reason, flush=True)\n"
    )
    parent = (
        "import os, subprocess, sys, time\n"
        "end, held = os.pipe()\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}, str(end)], pass_fds=[end]); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.kill()
    assert process.stdout.readline() == "the parent process is gone\n"
    process.wait()
    process.stdout.close()
