"""The processes of one training as their parent sees them: started, waited for, and none left when one fails.

The first process records and answers signals, the others follow it. Which of them is the cause of an end is told from
exit codes: who has only lost the others ends with `LOST`, and leaves the reason to the one that failed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline_lib.runtime.atomic import write_bytes

LOST = 75
CHECK_SECONDS = 0.2
PARENT_CHECK_SECONDS = 1.0
# For the one that failed to end after those that noticed.
PATIENCE_SECONDS = 10.0


def tell_failure(meeting: Path, rank: int, reason: str) -> None:
    """Leave the reason of a follower's failure where the parent looks for it."""
    write_bytes(_failure(meeting, rank), reason.encode())


def _failure(meeting: Path, rank: int) -> Path:
    return meeting / f"failure_{rank}"


class TrainingProcesses:
    """One process, or several that meet in the folder `meeting`; all inherit `descriptors`, the locks of the run."""

    def __init__(self, count: int, meeting: Path, variables: Mapping[str, str], descriptors: Sequence[int]) -> None:
        self.meeting = meeting
        # Its other end closes with this process, however that ends: so the processes know when they are orphans.
        parent, self._held = os.pipe()
        command = [sys.executable, "-m", "pipeline_lib", *sys.argv[1:], "--process", "--parent", str(parent)]
        environ = {**os.environ, **variables}
        places: list[list[str]] = [[]]
        if count > 1:
            places = [["--rank", str(rank), "--meeting", str(meeting)] for rank in range(count)]
        shared = [*descriptors, parent]
        self._all = [subprocess.Popen(command + place, env=environ, pass_fds=shared) for place in places]
        os.close(parent)

    def send_signal(self, number: int) -> None:
        """To the first, which answers for all."""
        self._all[0].send_signal(number)

    def wait(self, parent: int | None = None) -> tuple[int, int]:
        """Wait for the end, and end whoever is left: rank and exit code of the process that was the cause.

        Where our own parent dies (a workflow that was killed), the training is asked to save and stop. parent: its
        number, where this process asked for it earlier than now, so that a death in between is noticed.
        """
        parent = parent or os.getppid()
        while all(process.poll() in (None, 0) for process in self._all[1:]):
            try:
                self._all[0].wait(timeout=CHECK_SECONDS if len(self._all) > 1 else PARENT_CHECK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:
                    self._all[0].terminate()
                    parent = os.getppid()
        cause = self._cause()
        self._end_all()
        return cause

    def failure(self, rank: int) -> str | None:
        """Why a process failed, in its own words, where it could say it."""
        path = _failure(self.meeting, rank)
        return path.read_text() if path.exists() else None

    def _cause(self) -> tuple[int, int]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            ended = [(rank, code) for rank, process in enumerate(self._all) if (code := process.poll()) is not None]
            decisive = [(rank, code) for rank, code in ended if code != LOST and (code != 0 or rank == 0)]
            if decisive:
                return decisive[0]
            if time.monotonic() > deadline:
                return next(each for each in ended if each[1] == LOST)
            time.sleep(CHECK_SECONDS / 4)

    def _end_all(self) -> None:
        for process in self._all:
            process.kill()  # nothing happens to one that has ended
            process.wait()
        os.close(self._held)
