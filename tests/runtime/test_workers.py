"""Work on several processes: results in order, errors as they are, and no process that outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline_lib.runtime.workers import in_order

WORK = """
import os, signal, time

def squared(n):
    time.sleep(0.02 * (n % 3))
    return n * n, os.getpid()

def failing(n):
    if n == 3:
        raise ValueError("three is not to be had")
    return n

def killed(n):
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return n

def long(n):
    time.sleep(60)
"""

PARENT = """
import multiprocessing, sys, threading, time
from pipeline_lib.runtime.workers import in_order
import some_work

def tell():
    while len(multiprocessing.active_children()) < 2:
        time.sleep(0.01)
    time.sleep(1.0)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)

threading.Thread(target=tell, daemon=True).start()
list(in_order(some_work.long, range(8), 2))
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module whose functions other processes find too."""
    (tmp_path / "some_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    import some_work

    yield some_work
    del sys.modules["some_work"]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(work, n_workers: int) -> None:
    results = list(in_order(work.squared, iter(range(10)), n_workers))
    assert [square for square, _ in results] == [n * n for n in range(10)]
    processes = {process for _, process in results}
    assert (processes == {os.getpid()}) is (n_workers == 1)


def test_tasks_are_not_taken_far_ahead_of_the_results(work) -> None:
    taken = []
    results = in_order(work.squared, (taken.append(n) or n for n in range(100)), 2)
    next(results), next(results)
    assert len(taken) <= 6
    results.close()


@pytest.mark.parametrize("n_workers", [1, 2])
def test_what_a_task_raises_is_raised_in_its_turn(work, n_workers: int) -> None:
    results = in_order(work.failing, range(6), n_workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three is not to be had"):
        next(results)


def test_a_process_that_is_killed_is_an_error_that_says_so(work) -> None:
    with pytest.raises(ValueError, match="a process that worked on this was killed"):
        list(in_order(work.killed, range(6), 2))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_processes_end_with_their_parent_even_where_that_is_killed(work, tmp_path: Path, repository: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{repository}{os.pathsep}{tmp_path}"}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        children = [int(word) for word in parent.stdout.readline().split()]
        assert len(children) == 2 and all(is_running(child) for child in children)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        deadline = time.monotonic() + 10
        while any(is_running(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(is_running(child) for child in children)
    finally:
        parent.kill()
        parent.communicate()


def is_running(process: int) -> bool:
    """Whether there is such a process, and not only its end that nobody has asked for yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
