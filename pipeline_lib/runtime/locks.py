"""Locks between processes that vanish with the process that holds them, however it ends.

A lock is `flock` on a file whose text names the holder. The file stays when the lock is gone: removing it would let
two processes hold "the same" lock on two files.
"""

import fcntl
import os
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 1.0


class LockHeldError(ValueError):
    """Somebody else holds the lock; the message says who."""


class FileLock:
    """A lock on `path`, held from `acquire` (or `with`) until `release`, the end of the process, or its death."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The open file, for a child process that shall hold the lock too (`pass_fds`)."""
        assert self._descriptor is not None, f"{self.path} is not locked"
        return self._descriptor

    def acquire(self) -> None:
        """Take the lock, or raise LockHeldError that names its holder."""
        assert self._descriptor is None, f"{self.path} is locked already"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise LockHeldError(f"{self.path} is held by {holder or 'a process that has just started'}") from None
        except BaseException:
            os.close(descriptor)
            raise
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, _holder().encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not held."""
        if self._descriptor is not None:
            os.truncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lease_one(folder: Path, names: Sequence[str], wait_seconds: float = 0.0) -> tuple[str, FileLock]:
    """The first of several things that nobody has leased, and the lock that keeps it ours.

    Waits up to `wait_seconds` (may be infinite) for one to become free; raises LockHeldError after that.
    """
    ((name, lock),) = lease_several(folder, names, 1, wait_seconds)
    return name, lock


def lease_several(
    folder: Path, names: Sequence[str], count: int, wait_seconds: float = 0.0
) -> list[tuple[str, FileLock]]:
    """The first `count` of several things that nobody has leased, and the locks that keep them ours.

    Waits like `lease_one`, holding none meanwhile, so that two who want several can't wait for each other.
    """
    assert 0 < count <= len(names), f"{count} of {len(names)}"
    deadline = time.monotonic() + wait_seconds
    while True:
        leased: list[tuple[str, FileLock]] = []
        holders = []
        for name in names:
            lock = FileLock(folder / f"{name}.lock")
            try:
                lock.acquire()
            except LockHeldError as error:
                holders.append(str(error))
            else:
                leased.append((name, lock))
                if len(leased) == count:
                    return leased
        for _, lock in leased:
            lock.release()
        if time.monotonic() >= deadline:
            raise LockHeldError("all are taken: " + "; ".join(holders))
        time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def node_local_folder() -> Path:
    """Folder for locks on what belongs to this machine, such as its GPUs; each user has one."""
    return Path(tempfile.gettempdir()) / f"pipeline_lib-{os.getuid()}"


def _holder() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}: {shlex.join(sys.argv)}\n"
