"""Progress of long work: a bar on a terminal, now and then a plain line in a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm


@contextmanager
def counted(what: str, unit: str, stream: TextIO | None = None) -> Iterator[Callable[[int, int], None]]:
    """Yield `report(done, total)`, which shows how far `what` has come, counted in `unit`.

    unit: "B" stands for bytes, which are shown as kB, MB and so on.
    stream: where to, standard error by default. On a terminal a bar; elsewhere one line per tenth of the total.
    """
    stream = stream or sys.stderr
    in_bytes = unit == "B"
    with tqdm(desc=what, unit=unit, unit_scale=in_bytes, file=stream, disable=not stream.isatty()) as bar:
        tenth = 0

        def report(done: int, total: int) -> None:
            nonlocal tenth
            bar.total = total
            bar.update(done - bar.n)
            if bar.disable and done * 10 // total > tenth:
                tenth = done * 10 // total
                amounts = [tqdm.format_sizeof(n) if in_bytes else str(n) for n in (done, total)]
                print(f"{what}: {amounts[0]} of {amounts[1]} {unit}", file=stream, flush=True)

        yield report


def say(line: str, stream: TextIO | None = None) -> None:
    """A line beside a bar: the bar makes room for it."""
    tqdm.write(line, file=stream or sys.stderr)
