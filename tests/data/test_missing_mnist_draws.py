"""Draws of videos with missing data: how digits move and bounce, when they are missing."""

import math

import numpy as np
import pytest

from pipeline_lib.data.missing_mnist_draws import Draws, draw
from tests.data import missing_digits
from tests.reference import missing_mnist as reference


def drawn(scenario: str, n_videos: int = 3000, n_digits: int = 2) -> Draws:
    settings = missing_digits.settings(scenario, n_digits=n_digits)
    return draw(np.random.default_rng(1), n_videos, 23, settings)


def positions(row: float, column: float, angle: float, n_frames: int) -> list[list[int]]:
    nothing = np.zeros((1, 1), np.int64)
    one = Draws(nothing, np.array([[[row, column]]]), np.array([[angle]]), nothing, np.empty((1, 1, 0, 28, 28)))
    return one.positions(n_frames)[0, :, 0].tolist()


def test_digits_stop_at_the_walls_turn_and_lose_the_rest_of_the_step() -> None:
    along_columns = positions(0.5, 0.8, 0.0, 5)
    # 0.95; then 1.10, which becomes 1; then back by whole steps: 0.85, 0.70, 0.55.
    assert along_columns == [[18, 34], [18, 36], [18, 30], [18, 25], [18, 19]]
    up = positions(0.2, 0.51, 1.5 * math.pi, 4)  # 0.05; then -0.10, which becomes 0; then 0.15 and 0.30
    assert up == [[1, 18], [0, 18], [5, 18], [10, 18]]


def test_the_first_step_is_made_before_the_first_frame() -> None:
    assert positions(0.0, 0.0, 0.0, 1) == [[0, 5]]  # the row has touched its wall; 36 · 0.15 = 5.4


def test_trajectories_equal_the_plain_loop() -> None:
    draws = drawn("out of scene", n_videos=300)
    found = draws.positions(60)
    for n, k in np.ndindex(300, 2):
        row, column = draws.start[n, k]
        assert [tuple(place) for place in found[n, :, k]] == reference.trajectory((row, column), draws.angle[n, k], 60)
    assert (found.min(), found.max()) == (0, 36)
    at_wall = (found == 0) | (found == 36)
    assert at_wall.mean() > 0.05


@pytest.mark.parametrize(
    ("scenario", "n_missing", "starts"),
    [
        ("occlusion", 0, None),
        ("occlusion, as published", 1, range(2, 8)),
        ("out of scene", 2, range(2, 7)),
        ("varying", 1, range(2, 8)),
    ],
)
def test_digits_are_missing_on_end_in_input_frames_but_the_first_two(scenario, n_missing, starts) -> None:
    settings = missing_digits.settings(scenario)
    assert settings.n_missing == n_missing
    draws = drawn(scenario)
    removed = draws.removed(20, n_missing)
    assert (removed.sum(axis=1) == n_missing).all()
    assert not removed[:, :2].any() and not removed[:, 8:].any()
    if starts is not None:
        found, counts = np.unique(removed.argmax(axis=1), return_counts=True)
        assert found.tolist() == list(starts)
        expected = removed[:, 0].size / len(found)
        assert abs(counts - expected).max() < 5 * np.sqrt(expected)
        assert removed.all(axis=2).any(), "both at once"
        assert (removed.any(axis=2) & ~removed.all(axis=2)).any(), "one alone"
        assert (removed[:, 1:] & ~removed[:, :-1]).sum() == removed[:, 0].size, "on end: each vanishes once"
        np.testing.assert_array_equal(removed.argmax(axis=1), draws.first_missing)


def test_digits_starts_and_directions_are_drawn_equally_often() -> None:
    draws = drawn("varying", n_videos=5000)
    for values, n_bins in ((draws.digit_index / 23, 23), (draws.start, 20), (draws.angle / (2 * np.pi), 20)):
        counts = np.histogram(values, bins=n_bins, range=(0, 1))[0]
        expected = values.size / n_bins
        assert counts.sum() == values.size and abs(counts - expected).max() < 5 * np.sqrt(expected)
    assert draws.noise.dtype == np.float32 and draws.noise.shape == (5000, 2, 1, 28, 28)
    assert (draws.noise.min() >= 0, draws.noise.max() < 1) == (True, True)
    assert draws.noise.mean() == pytest.approx(0.5, abs=1e-3)
    correlation = np.corrcoef(draws.start.reshape(-1, 2).T)[0, 1]
    assert abs(correlation) < 0.05


def test_only_what_is_deformed_has_noise() -> None:
    axes = {name: drawn(name, n_videos=1).noise.shape[2] for name in missing_digits.SCENARIOS}
    assert axes == {
        "occlusion": 0,
        "occlusion, as published": 0,
        "out of scene": 0,
        "varying": 1,
        "varying, both axes": 2,
    }
