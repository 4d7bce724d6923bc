"""Progress of a training: a bar on a terminal, plain lines elsewhere, every line in the log."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

from pipeline_lib.runtime.training_progress import TrainingProgress

VALUES = {"loss": 0.25, "loss_forecast": 0.125, "learning_rate": 4e-4}


def test_a_line_says_rate_losses_data_wait_and_time_left(capsys):
    log = io.StringIO()
    progress = TrainingProgress(total=1000, initial=0, log=log)
    progress.show(400, VALUES, rate=10.0, data_share=0.03)
    progress.close()
    line = "iteration 400/1000  10.00 it/s  data wait 3%  left 0:01:00  loss 0.25  loss_forecast 0.125\n"
    assert log.getvalue() == line and capsys.readouterr().err == line


def test_screens_get_few_lines_and_logs_all(capsys):
    log = io.StringIO()
    progress = TrainingProgress(total=1000, initial=0, log=log, line_interval=3600)
    for iteration in range(100, 1001, 100):
        progress.show(iteration, VALUES, rate=10.0, data_share=0.0)
    assert log.getvalue().count("\n") == 10
    shown = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in shown] == ["100/1000", "1000/1000"]  # the first and the last


def test_a_terminal_gets_a_bar():
    code = (
        "from pipeline_lib.runtime.training_progress import TrainingProgress\n"
        "progress = TrainingProgress(total=10, initial=4)\n"
        "progress.tick(5); progress.show(5, {'loss': 0.25}, 1.0, 0.5); progress.tick(10); progress.close()\n"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.write(theirs, b"<end>")
    shown = ""
    while "<end>" not in shown:
        shown += os.read(ours, 65536).decode()
    os.close(theirs)
    os.close(ours)
    assert "10/10" in shown and "loss 0.25, data wait 50%" in shown and "iteration" not in shown
