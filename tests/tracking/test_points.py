"""Which points a store holds, and how a difference is told."""

import math

import pytest

from pipeline_lib.records.journal import Entry
from pipeline_lib.tracking.points import Curves, Point, Thinning, as_stored, compare


def metrics(step: int, **values: float) -> Entry:
    return Entry("metrics", 1000 + step, {"step": step, "values": values}, end_offset=0)


def state(status: str) -> Entry:
    return Entry("state", 0, {"status": status, "reason": ""}, end_offset=0)


def stored_steps(thinning: Thinning, entries: list[Entry]) -> list[int]:
    return [point.step for entry in entries for point in thinning.passed(entry)]


def test_curves_up_to_the_limit_are_stored_whole():
    entries = [metrics(step, loss=1.0) for step in range(8)]
    assert stored_steps(Thinning(8), entries) == list(range(8))


def test_each_doubling_of_a_longer_curve_is_stored_half_as_densely():
    steps = stored_steps(Thinning(8), [metrics(step, loss=1.0) for step in range(64)])
    kept = [sum(low <= step < high for step in steps) for low, high in ((0, 8), (8, 16), (16, 32), (32, 64))]
    assert kept == [8, 4, 4, 4]


def test_the_last_point_of_every_curve_is_stored_when_the_run_ends():
    thinning = Thinning(4)
    entries = [metrics(step, loss=1.0, **({"rare": 2.0} if step == 3 else {})) for step in range(12)]
    before = stored_steps(thinning, entries)
    assert before[-1] != 11
    assert thinning.passed(state("running")) == []
    assert thinning.passed(state("finished")) == [Point("loss", 11, 1011, 1.0)]
    assert thinning.passed(state("finished")) == []
    assert thinning.thinned == ["loss"]
    assert thinning.journalled == {"loss": 12, "rare": 1}


@pytest.mark.parametrize(
    ("value", "stored"),
    [(0.25, 0.25), (math.inf, 1.7976931348623157e308), (-math.inf, -1.7976931348623157e308), (math.nan, None)],
)
def test_values_are_compared_as_a_store_holds_them(value, stored):
    assert as_stored(value) == stored


def test_a_difference_is_told_with_key_and_counts():
    journalled = Curves(Point("loss", step, step, math.inf if step == 1 else 0.5) for step in range(5))
    held = Curves(Point("loss", step, step, 1.7976931348623157e308 if step == 1 else 0.5) for step in range(5))
    assert compare(journalled, held) == ([], [])
    held.by_key["loss"].remove((3, 3, 0.5))
    held.add(Point("loss", 3, 4, 0.5))
    held.add(Point("strange", 0, 0, 1.0))
    found = compare(journalled, held)
    assert found.missing == ["loss: 5 points should be stored, 5 are (1 missing, the first at step 3)"]
    assert found.extra == [
        "loss: 5 points should be stored, 5 are (1 that no file holds, the first at step 3)",
        "strange: 0 points should be stored, 1 are (1 that no file holds, the first at step 0)",
    ]
