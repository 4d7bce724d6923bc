"""Frames side by side: which ones are shown, in which colours, and where."""

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pipeline_lib.reporting.frames import (
    Row,
    channels_beside,
    colour_gamma,
    colour_map,
    coloured,
    error_of,
    error_scale,
    evenly,
    frame_name,
    montage,
    predicted_frames,
    tile_height,
    value_scale,
)


@pytest.mark.parametrize(
    ("n_pred", "n_most", "frames"),
    [
        (95, 13, [1, 3, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95]),
        (95, 10, [1, 2, 3, 5, 10, 20, 40, 60, 80, 95]),
        (40, 13, [1, 2, 3, 5, 10, 15, 20, 25, 30, 35, 40]),
        (12, 13, list(range(1, 13))),
        (10, 10, list(range(1, 11))),
        (5, 10, [1, 2, 3, 4, 5]),
        (1, 10, [1]),
    ],
)
def test_the_first_the_tenth_the_last_and_round_numbers_are_shown(n_pred, n_most, frames):
    assert predicted_frames(n_pred, n_most) == frames


@pytest.mark.parametrize("n_pred", [*range(1, 130), 200, 333, 1000])
def test_frames_are_as_few_as_asked_for(n_pred):
    for n_most in (6, 10, 13):
        frames = predicted_frames(n_pred, n_most)
        assert len(frames) <= n_most and frames == sorted(set(frames))
        assert {1, n_pred} <= set(frames) <= set(range(1, n_pred + 1))
        assert n_pred < 10 or 10 in frames


def test_names_count_from_the_last_conditioning_frame():
    assert [frame_name(number) for number in (-1, 0, 1, 95)] == ["t−1", "t", "t+1", "t+95"]


def test_examples_are_spread_evenly():
    assert evenly(10, 3) == [0, 4, 9] and evenly(2, 3) == [0, 1] and evenly(1, 3) == [0]


def test_digits_are_grey_and_waves_are_not():
    assert (colour_map("moving_mnist"), colour_map("wave_eq"), colour_map("another")) == ("gray", "viridis", "viridis")
    frames = np.linspace(0, 1, 4, dtype=np.float32).reshape(1, 1, 2, 2)
    grey = coloured(frames, Normalize(0, 1), "gray")
    assert grey.shape == (1, 2, 2, 4)
    assert np.allclose(grey[..., :3], np.linspace(0, 1, 4).reshape(1, 2, 2, 1), atol=0.01)


def test_three_channels_are_colours_and_their_error_is_one_number():
    frames = np.zeros((1, 3, 2, 2), np.float32)
    frames[:, 1] = 0.6
    assert np.allclose(coloured(frames, Normalize(0, 1), "gray"), [0, 0.6, 0, 1])
    assert np.allclose(error_of(frames, np.zeros_like(frames)), 0.2)
    assert error_of(frames[:, :2], frames[:, :2]).shape == (1, 2, 2, 2)


def test_other_channels_stand_beside_each_other():
    frames = np.zeros((4, 2, 5, 3), np.float32)
    frames[:, 1] = 1.0
    drawn = coloured(frames, Normalize(0, 1), "gray")
    assert drawn.shape == (4, 5, 3 + 1 + 3, 4)
    assert (drawn[:, :, :3] == [0, 0, 0, 1]).all() and (drawn[:, :, 4:] == [1, 1, 1, 1]).all()
    assert (drawn[:, :, 3, 3] == 0).all(), "nothing is drawn between them"
    assert error_of(frames, 0 * frames).shape == frames.shape
    assert tile_height(2, frames[None], 14.0) == 5.0
    assert channels_beside("taxibj", 2) == "each frame: inflow, outflow"
    assert channels_beside("another", 2) == "each frame: channel 1, channel 2"
    assert channels_beside("wave_eq", 1) == channels_beside("another", 3) == ""


def test_scales_are_those_of_the_truth_and_symmetric_for_errors():
    scale = value_scale(np.array([0.2, 0.9]), np.array([-0.1]))
    assert (scale.vmin, scale.vmax) == (-0.1, 0.9)
    scale = error_scale(np.array([0.2, -0.5]))
    assert (scale.vmin, scale.vmax) == (-0.5, 0.5)


def test_small_flows_are_told_apart_on_a_scale_of_their_own():
    values = np.array([0.0, 100.0], np.float32)
    assert value_scale(values, gamma=0.5)(25.0) == pytest.approx(0.5) and value_scale(values)(25.0) == 0.25
    assert (value_scale(values, gamma=0.5)(0.0), value_scale(values, gamma=0.5)(100.0)) == (0.0, 1.0)
    assert (colour_gamma("taxibj"), colour_gamma("wave_eq"), colour_gamma("another")) == (0.5, 1.0, 1.0)


def test_rows_stand_under_each_other_and_conditioning_apart():
    def tiles(level, n):
        return np.full((n, 16, 16, 4), level)

    axes = Figure().subplots()
    rows = [Row("truth", tiles(0.1, 2), tiles(0.2, 3)), Row("model", None, tiles(0.3, 3))]
    montage(axes, rows, [-1, 0], [1, 5, 10])
    canvas = np.asarray(axes.images[0].get_array())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["t−1", "t", "t+1", "t+5", "t+10"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["truth", "model"]
    columns = [round(place) for place in axes.get_xticks()]
    top, below = (round(place) for place in axes.get_yticks())
    assert [canvas[top, x, 0] for x in columns] == [0.1, 0.1, 0.2, 0.2, 0.2]
    assert [canvas[below, x, 0] for x in columns] == [0, 0, 0.3, 0.3, 0.3]
    gaps = np.diff(axes.get_xticks())
    assert gaps[1] > gaps[0] == gaps[2] == gaps[3]
    assert [text.get_text() for text in axes.texts] == ["conditioning"]
