"""Locks that name their holder and vanish with it, however it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline_lib.runtime.locks import FileLock, LockHeldError, lease_one

HOLDER = """
import sys, time
from pathlib import Path
from pipeline_lib.runtime.locks import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """A process that holds tmp_path/lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_that_is_held_names_its_holder(tmp_path, holder):
    lock = FileLock(tmp_path / "lock")
    with pytest.raises(LockHeldError) as error:
        lock.acquire()
    message = str(error.value)
    assert f"process {holder.pid} on {os.uname().nodename} since 20" in message
    assert str(tmp_path / "lock") in message
    assert not lock.is_held


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_ends_with_its_process(tmp_path, holder, number):
    holder.send_signal(number)
    holder.wait(timeout=10)
    with FileLock(tmp_path / "lock") as lock:
        assert lock.is_held


def test_a_lock_that_is_given_back_is_free_and_nobody_is_named(tmp_path):
    path = tmp_path / "new" / "folder" / "lock"
    first, second = FileLock(path), FileLock(path)
    with first:
        with pytest.raises(LockHeldError):
            second.acquire()
        assert path.read_text().startswith(f"process {os.getpid()} ")
    assert path.read_text() == ""
    with second:
        pass
    second.release()  # a second time: nothing happens


def test_a_lock_does_not_live_on_in_programs_that_its_holder_starts(tmp_path):
    with FileLock(tmp_path / "lock"):
        child = subprocess.Popen(["sleep", "30"])
    try:
        FileLock(tmp_path / "lock").acquire()
    finally:
        child.kill()
        child.wait()


def lease_and_report(folder: Path, queue, hold: float) -> None:
    name, lock = lease_one(folder, ["gpu_0", "gpu_1"], wait_seconds=30)
    began = time.monotonic()
    time.sleep(hold)
    queue.put((name, began, time.monotonic()))
    lock.release()


def test_leases_are_shared_out_and_waited_for(tmp_path):
    """Three processes for two things: never two of them have the same at a time."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=lease_and_report, args=(tmp_path, queue, 0.5)) for _ in range(3)]
    for process in processes:
        process.start()
    leases = sorted(queue.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(timeout=10)
    for (name, _, end), (next_name, begin, _) in pairwise(leases):
        assert name != next_name or end <= begin
    assert len(leases) == 3


def test_when_all_are_taken_and_nobody_waits_the_holders_are_named(tmp_path):
    with FileLock(tmp_path / "a.lock"), FileLock(tmp_path / "b.lock"):
        began = time.monotonic()
        with pytest.raises(LockHeldError, match=r"all are taken: .*a\.lock is held by process.*b\.lock is held by"):
            lease_one(tmp_path, ["a", "b"])
        assert time.monotonic() - began < 1
    assert lease_one(tmp_path, ["a", "b"])[0] == "a"
