"""The journal of a run: JSON lines with a checksum each, appended while training goes on.

Each line is one JSON object that ends in `"crc":"xxxxxxxx"`, the CRC-32 of the line without that member. Kinds:

    run        what identifies the run: names, tags, parameters, dataset inputs (written once)
    session    one start of the process: commit, versions, hardware, iteration it resumed from
    metrics    {step, values: {key: float}}
    artifact   {path (relative to the run folder), step, key}: a picture or file made while training
    state      {status: running | finished | stopped | failed | killed, reason}

Times are Unix milliseconds, stamped once when the line is written, so that replaying a journal is idempotent.
"""

import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.runtime.atomic import copy_file, named

SCHEMA_VERSION = 1
KINDS = ("run", "session", "metrics", "artifact", "state")
END_STATES = ("finished", "stopped", "failed", "killed")
GONE = "the training process is gone and could not say why: it, or the machine, was killed"
"""The reason of a run without an end state that nobody is at."""


@dataclass(frozen=True)
class Entry:
    """One journalled line: its kind, Unix time in milliseconds, content, and the byte offset just after it."""

    kind: str
    time_ms: int
    content: dict[str, Any]
    end_offset: int


def encode_line(kind: str, time_ms: int, content: dict[str, Any]) -> bytes:
    """One line of the journal, newline included."""
    assert kind in KINDS, kind
    body = json.dumps({"kind": kind, "time_ms": time_ms, **content}, separators=(",", ":"), allow_nan=True)
    body_bytes = body.encode()
    return body_bytes[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body_bytes)


def decode_line(line: bytes) -> tuple[str, int, dict[str, Any]] | None:
    """Kind, time and content of a line (with or without its newline), or None where it is torn or corrupt."""
    line = line.rstrip(b"\n")
    head, separator, tail = line.rpartition(b',"crc":"')
    if not separator or len(tail) != 10 or tail[8:] != b'"}':
        return None
    body = head + b"}"
    if b"%08x" % zlib.crc32(body) != tail[:8]:
        return None
    content = json.loads(body)
    return content.pop("kind"), content.pop("time_ms"), content


def read_journal(path: Path, start: int = 0, end: int | None = None) -> Iterator[Entry]:
    """Entries between two byte offsets. A torn last line (a writer was killed, or is at it) ends the iteration.

    Raises ValueError, naming file and line offset, where a line that has its end is corrupt.
    """
    with open(path, "rb") as stream:
        stream.seek(start)
        offset = start
        while (end is None or offset < end) and (line := stream.readline()):
            decoded = decode_line(line) if line.endswith(b"\n") else None
            if decoded is None:
                if line.endswith(b"\n"):
                    raise ValueError(
                        f"{path}: the journal is corrupt at byte {offset}: restore it from a copy, or move it away"
                    )
                return
            offset += len(line)
            yield Entry(*decoded, end_offset=offset)


class Journal:
    """Appends to a journal. Opening it repairs a torn last line and learns what is journalled already.

    A (key, step) that is journalled is not written again, so a training that repeats the steps after its last
    checkpoint leaves each point once. Where the file lacks what it had at the last checkpoint, or is corrupt, opening
    puts the copy of then in its place; `repaired` says so.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.repaired = _restored(self.path)
        self._last_step: dict[str, int] = {}
        self._has_run = False
        self.last_status: str | None = None
        end = 0
        if self.path.exists():
            for entry in read_journal(self.path):
                self._remember(entry.kind, entry.content)
                end = entry.end_offset
        self._stream = open(self.path, "ab", buffering=0)
        self._stream.truncate(end)

    def run(self, content: dict[str, Any]) -> None:
        """What identifies the run; written once, later calls are ignored."""
        if not self._has_run:
            self._append("run", content)

    def session(self, content: dict[str, Any]) -> None:
        self._append("session", content)

    def metrics(self, step: int, values: dict[str, float]) -> None:
        """Journal `values` at `step`, leaving out keys that are journalled up to this step already."""
        new = {key: float(value) for key, value in values.items() if step > self._last_step.get(key, -1)}
        if new:
            self._append("metrics", {"step": step, "values": new})

    def artifact(self, path: str, key: str, step: int) -> None:
        """Journal a file of the series `key`; `path` counts from the run folder."""
        if not self.has_artifact(key, step):
            self._append("artifact", {"path": path, "key": key, "step": step})

    def has_artifact(self, key: str, step: int) -> bool:
        """Whether the series `key` is journalled up to this step already."""
        return step <= self._last_step.get(f"artifact:{key}", -1)

    def state(self, status: str, reason: str = "") -> None:
        """The run's state; `reason` says why in a sentence."""
        assert status == "running" or status in END_STATES, status
        self._append("state", {"status": status, "reason": reason})
        with named(self.path):
            os.fsync(self._stream.fileno())

    @property
    def has_run(self) -> bool:
        """Whether it says which run it is of."""
        return self._has_run

    @property
    def offset(self) -> int:
        """Bytes written so far."""
        return self._stream.tell()

    def sync(self) -> None:
        """Force what is written to the disk, and keep a copy of it: called before a checkpoint that rests on it."""
        with named(self.path):
            os.fsync(self._stream.fileno())
        copy_file(self.path, copy_of(self.path))

    def close(self) -> None:
        self._stream.close()

    def _append(self, kind: str, content: dict[str, Any]) -> None:
        line = encode_line(kind, time.time_ns() // 1_000_000, content)
        start = self._stream.tell()
        try:
            with named(self.path):
                left = line
                while left:  # a disk that becomes full takes a part, and refuses the next
                    left = left[self._stream.write(left) :]
        except OSError:
            self._stream.truncate(start)
            self._stream.seek(start)
            raise
        self._remember(kind, content)

    def _remember(self, kind: str, content: dict[str, Any]) -> None:
        match kind:
            case "metrics":
                for key in content["values"]:
                    self._last_step[key] = max(content["step"], self._last_step.get(key, -1))
            case "artifact":
                self._last_step[f"artifact:{content['key']}"] = content["step"]
            case "run":
                self._has_run = True
            case "state":
                self.last_status = content["status"]


def copy_of(path: Path) -> Path:
    """Where the copy of a journal is, as it was at the last checkpoint."""
    return path.with_name(f"{path.stem}.copy{path.suffix}")


def _restored(path: Path) -> str | None:
    """Put the copy in the place of a journal that is corrupt, or shorter; says so in a sentence, or is None.

    Points that were journalled after the copy belong to steps that come again after the last checkpoint.
    """
    copy = copy_of(path)
    (end, is_sound), (copy_end, copy_is_sound) = _whole_lines(path), _whole_lines(copy)
    if not copy_is_sound or copy_end == 0 or (is_sound and end >= copy_end):
        return None
    damaged = path.with_name(f"{path.stem}.damaged{path.suffix}")
    if path.exists():
        os.replace(path, damaged)
    copy_file(copy, path)
    what = "ended too early" if is_sound else "was corrupt"
    return f"{path} {what} at byte {end}: it is as at the last checkpoint again; what it was is kept as {damaged.name}"


def _whole_lines(path: Path) -> tuple[int, bool]:
    """Bytes of a journal up to the first line that is not whole, and whether only a torn one is there, if any."""
    end = 0
    try:
        for entry in read_journal(path):
            end = entry.end_offset
    except FileNotFoundError:
        pass
    except ValueError:
        return end, False
    return end, True


def metric_points(entries: Iterable[Entry]) -> dict[str, list[tuple[int, int, float]]]:
    """Curves of a journal: (step, time in ms, value) by key, in journalled order."""
    curves: dict[str, list[tuple[int, int, float]]] = {}
    for entry in entries:
        if entry.kind == "metrics":
            for key, value in entry.content["values"].items():
                curves.setdefault(key, []).append((entry.content["step"], entry.time_ms, value))
    return curves
