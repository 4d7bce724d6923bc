"""Work on several processes, whose results come in order, and which end with this process however it ends."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

N_AHEAD = 2
"""Results per process that may wait to be asked for: more would fill the memory where they are used slowly."""


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task], n_workers: int) -> Iterator[Result]:
    """`function` of each task, in the order of the tasks, computed on `n_workers` processes; 1 is this process itself.

    The function must be one of a module, and arguments and results such as can be sent. What it raises is raised here.
    Raises ValueError where a process was killed.
    """
    assert n_workers >= 1, n_workers
    if n_workers == 1:
        yield from map(function, tasks)
        return
    # spawn: a fork would inherit open files, and the locks on them would outlive this process.
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(n_workers, context, initializer=_end_with_parent) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) == N_AHEAD * n_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ValueError("a process that worked on this was killed: did the memory run out?") from error
        finally:
            for future in waiting:
                future.cancel()


def _end_with_parent() -> None:
    """Have this process end as soon as its parent has, even where that was killed; Ctrl-C is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
