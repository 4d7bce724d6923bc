"""Readers as users meet them: of a hostile file, the command line makes an answer or a sentence that names it."""

import argparse
import contextlib
import io
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from pipeline_lib import cli

MEMORY = 2**30
"""Bytes beyond those that the process has, of address space; no file here has more than a few MB."""
SECONDS = 60
"""Longest time for one file; a hang would be longer."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Memory and time within which a file is read or refused."""

    def late(*_: object) -> None:
        raise AssertionError(f"not done after {SECONDS} s")

    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def answer(read: Callable[[], Any], named: Path | str) -> Any:
    """What `read` gives; a text where the command line refuses, which must be a sentence that names `named`.

    Whatever the command line would show as a traceback is raised here.
    """
    given: list[Any] = []
    stage = argparse.Namespace(
        __doc__="", add_arguments=lambda parser: None, run=lambda args: given.append(read()) or 0
    )
    said = io.StringIO()
    modules = mock.patch.dict(sys.modules, {"hostile_stage": stage})
    with modules, mock.patch.dict(cli.STAGES, {"hostile": ("hostile_stage", "")}), contextlib.redirect_stderr(said):
        with bounded():
            code = cli.main(["hostile"])
    if code == 0:
        return given[0]
    sentence = said.getvalue()
    assert code == 1 and str(named) in sentence, sentence
    assert sentence.startswith("pipeline_lib hostile: error: ") and len(sentence) < 20_000, sentence[:500]
    return sentence


@st.composite
def damaged(draw: st.DrawFn, sound: bytes, header: int | None = None) -> bytes:
    """A file with bytes changed, cut out or repeated, broken off, or nothing but random bytes.

    header: bytes at its start that half of the changes are in, where sizes and types stand.
    """
    kind = draw(st.sampled_from(["flip", "flip", "flip", "field", "field", "cut", "repeat", "truncate", "random"]))
    if kind == "random":
        return draw(st.binary(max_size=300))
    end = draw(st.sampled_from([len(sound), min(header or len(sound), len(sound))]))
    place = draw(st.integers(0, end - 1))
    changed = bytearray(sound)
    if kind == "truncate":
        return bytes(changed[:place])
    if kind == "flip":
        for _ in range(draw(st.integers(1, 4))):
            changed[draw(st.integers(0, end - 1))] ^= draw(st.integers(1, 255))
    elif kind == "field":  # a size or an address: as large as can be, or nothing
        width = draw(st.sampled_from([1, 2, 4, 8]))
        changed[place : place + width] = draw(st.sampled_from([b"\xff", b"\x7f", b"\0", b"\x80"])) * width
    else:
        span = changed[place : place + draw(st.integers(1, 64))]
        changed[place : place + len(span)] = b"" if kind == "cut" else span * 2
    return bytes(changed)


def files_in(folder: Path) -> list[str]:
    """All that a folder holds, temporary files too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
