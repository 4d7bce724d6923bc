"""Who holds a lock of `pipeline_lib.runtime.locks`, asked without taking it or changing its file."""

import fcntl
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")


@dataclass(frozen=True)
class LockState:
    """is_held: whether a process holds the lock now. text: what its last holder wrote, empty if that gave it back.

    pid, host: of that holder, where the text tells.
    """

    path: Path
    is_held: bool
    text: str
    pid: int | None = None
    host: str | None = None

    @property
    def is_of_this_machine(self) -> bool:
        """Whether the holder runs, or ran, here."""
        return self.host == socket.gethostname()


def lock_state(path: Path) -> LockState:
    """The state of a lock. Raises OSError where its file cannot be read, or not be locked.

    For as long as the question takes, microseconds, the lock is shared: who asks for it then is told that it is held.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            is_held = False
        except BlockingIOError:
            is_held = True
        text = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    holder = re.match(r"process (\d{1,9}) on (\S+)", text)
    return LockState(path, is_held, text, int(holder[1]), holder[2]) if holder else LockState(path, is_held, text)


def is_running(pid: int) -> bool:
    """Whether this machine has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def processes_in(folder: Path, word: str, processes: Path = PROCESSES) -> list[int]:
    """Numbers of the processes of this machine that work in a folder and have a word in their command line.

    Processes of others do not tell their folder, and are not found.
    """
    found = []
    wanted = folder.resolve()
    for process in processes.glob("[0-9]*"):
        try:
            if word.encode() in (process / "cmdline").read_bytes() and (process / "cwd").resolve(strict=True) == wanted:
                found.append(int(process.name))
        except OSError:  # it has ended, or is another user's
            continue
    return sorted(found)
