"""Points of curves as a tracking store holds them: how values are stored, and which points of long curves are."""

import math
import sys
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from pipeline_lib.records.journal import END_STATES, Entry

THIN_ABOVE = 10_000
"""Points of one curve that are all stored; of what follows every second is, from twice as many on every fourth, ….

The store's web page draws one chart per curve and freezes on very long ones. The journal keeps every point.
"""


class Point(NamedTuple):
    """One value of one curve; `time_ms` is the Unix time in milliseconds at which it was journalled."""

    key: str
    step: int
    time_ms: int
    value: float


def as_stored(value: float) -> float | None:
    """What a store answers when asked for `value`: infinities as the largest float64, NaN here as None."""
    if math.isnan(value):
        return None
    return max(-sys.float_info.max, min(sys.float_info.max, value))


class Thinning:
    """Decides, while entries of one journal pass by in their order, which points are stored.

    The decision rests on the entries passed so far alone, so that a journal shipped in parts, by several processes or
    again from its beginning gives the same points. The last point of every curve is stored when the run ends.
    """

    def __init__(self, thin_above: int = THIN_ABOVE) -> None:
        assert thin_above > 0
        self.thin_above = thin_above
        self.journalled: Counter[str] = Counter()
        self._held_back: dict[str, Point] = {}

    def passed(self, entry: Entry) -> list[Point]:
        """Points to store now that `entry` has passed."""
        if entry.kind == "metrics":
            points = [Point(k, entry.content["step"], entry.time_ms, v) for k, v in entry.content["values"].items()]
            return [point for point in points if self._keeps(point)]
        if entry.kind == "state" and entry.content["status"] in END_STATES:
            last = list(self._held_back.values())
            self._held_back.clear()
            return last
        return []

    @property
    def thinned(self) -> list[str]:
        """Curves of which not every point is stored."""
        return sorted(key for key, count in self.journalled.items() if count > self.thin_above)

    def _keeps(self, point: Point) -> bool:
        number = self.journalled[point.key]
        self.journalled[point.key] += 1
        every = 1 << (number // self.thin_above).bit_length()
        if number % every == 0:
            self._held_back.pop(point.key, None)
            return True
        self._held_back[point.key] = point
        return False


class Curves:
    """Sets of (step, time in ms, stored value) by key, to compare what should be stored with what is."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self.by_key: dict[str, set[tuple[int, int, float | None]]] = {}
        for point in points:
            self.add(point)

    def add(self, point: Point) -> None:
        self.by_key.setdefault(point.key, set()).add((point.step, point.time_ms, as_stored(point.value)))

    def counts(self) -> dict[str, int]:
        return {key: len(points) for key, points in sorted(self.by_key.items())}


class Comparison(NamedTuple):
    """`missing`: what a store lacks, `extra`: what it holds beside that; a sentence for each curve concerned."""

    missing: list[str]
    extra: list[str]


def compare(expected: Curves, stored: Curves) -> Comparison:
    """Hold what a store has against what it should have, point by point."""
    missing, extra = [], []
    for key in sorted(expected.by_key | stored.by_key):
        wanted, found = expected.by_key.get(key, set()), stored.by_key.get(key, set())
        counts = f"{key}: {len(wanted)} points should be stored, {len(found)} are"
        if absent := sorted(wanted - found, key=lambda point: point[:2]):
            missing.append(f"{counts} ({len(absent)} missing, the first at step {absent[0][0]})")
        if surplus := sorted(found - wanted, key=lambda point: point[:2]):
            extra.append(f"{counts} ({len(surplus)} that no file holds, the first at step {surplus[0][0]})")
    return Comparison(missing, extra)
