"""A journal line by line: whether each is what was written, and what the run says of itself there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.records.journal import KINDS, decode_line


@dataclass(frozen=True)
class JournalCheck:
    """wrong: what is not as it was written, in a sentence each. run: content of the entry that identifies the run.

    status: the last state that was journalled. run, status: None where there is none.
    """

    n_lines: int
    wrong: tuple[str, ...]
    run: dict[str, Any] | None
    status: str | None


def check_journal(path: Path) -> JournalCheck:
    """Check every line by its checksum."""
    wrong: list[str] = []
    run, status, number = None, None, 0
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, start=1):
            decoded = decode_line(line) if line.endswith(b"\n") else None
            if decoded is None:
                torn = "" if line.endswith(b"\n") else ", it is torn: its writer was killed, or is at it"
                wrong.append(f"line {number} is not what was written{torn or ' (its checksum is another one)'}")
                continue
            kind, _, content = decoded
            if kind not in KINDS:
                wrong.append(f"line {number} is of the kind {kind!r}, which there is not")
            elif kind == "run" and run is not None:
                wrong.append(f"line {number} identifies the run for the second time")
            elif kind == "run":
                run = content
            elif kind == "state":
                status = content.get("status")
    if run is None:
        wrong.append("no line identifies the run")
    return JournalCheck(number, tuple(wrong), run, status)
