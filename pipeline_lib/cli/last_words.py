"""The ends of trainings, told where people look for them: in the journal, which is shipped, and in the log.

Where a disk is full, last words find room: a file that takes up a little of it from the start is given up for them.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline_lib.cli.training_request import TrainingRequest
from pipeline_lib.records.journal import END_STATES, GONE, Journal, read_journal
from pipeline_lib.runtime.atomic import write_bytes

LOG_NAME = "train.log"
RESERVED_BYTES = 2**16


def begin_session(request: TrainingRequest) -> int:
    """What the journal must have before the training process starts; its length then [bytes], for `is_told`.

    It begins with what identifies the run, so that whatever end comes is that of a run. An earlier session that
    nobody could tell the end of gets it now.
    """
    write_bytes(_reserve(request), os.urandom(RESERVED_BYTES))  # a file of zeros may take no room
    journal = Journal(request.journal)
    if journal.repaired:
        say(request, journal.repaired)
    if not journal.has_run:
        journal.run(request.run_entry)
    elif journal.last_status not in END_STATES:
        tell_end(request, journal, "killed", GONE)
    journal.close()
    return request.journal.stat().st_size


def end_session(request: TrainingRequest) -> None:
    """Give the room back that was kept for last words."""
    _reserve(request).unlink(missing_ok=True)


def is_told(request: TrainingRequest, start: int) -> bool:
    """Whether an end is journalled from byte `start` on; "finished" is one only where the outputs are kept, too."""
    ends = [
        entry.content["status"]
        for entry in read_journal(request.journal, start)
        if entry.kind == "state" and entry.content["status"] in END_STATES
    ]
    return bool(ends) and (ends[-1] != "finished" or request.is_finished)


def tell_end(request: TrainingRequest, journal: Journal, status: str, reason: str) -> None:
    """Journal the end of a session, and say it. Where one of these fails, the other is tried before it is raised."""
    end_session(request)
    first_error = None
    tellings: list[Callable[[], None]] = [
        lambda: journal.state(status, reason),
        lambda: say(request, f"{status}: {reason}" if reason else status),
    ]
    for tell in tellings:
        try:
            tell()
        except OSError as error:
            first_error = first_error or error
    if first_error is not None:
        raise first_error


def say(request: TrainingRequest, line: str) -> None:
    """To the run's log, and to whoever watches."""
    with open(request.state / LOG_NAME, "a") as log:
        print(line, file=log)
    print(line, file=sys.stderr, flush=True)


def _reserve(request: TrainingRequest) -> Path:
    return request.state / ".room_for_last_words"
