"""Pictures of decompositions while training: every frame, box, bar and label where it should be."""

import numpy as np
import pytest

from pipeline_lib.training import decomposition_pictures as pictures
from pipeline_lib.training.decomposition_pictures import columns, decomposition_montage
from pipeline_lib.training.picture_page import GAP, INK, SPACE, TOP

N, N_COND, N_PRED = 2, 4, 3
WIDTH = 64


def parts(size=64, n_objects=2, n_channels=1, missing=None):
    """Frame t of window n is (n + t) / 16 in what is observed, 1/16 brighter from part to part; objects are black."""
    levels = (np.arange(N)[:, None] + np.arange(N_COND + N_PRED)) / 16
    video = np.broadcast_to(
        levels[:, :, None, None, None].astype(np.float32), (N, N_COND + N_PRED, n_channels, size, size)
    )
    truth = video + 1 / 16
    truth = truth.copy()
    truth[0, 0, :, 0, :4], truth[0, 0, :, 1, :4] = 0.0, 1.0  # the scale
    box = np.zeros((N, N_COND + N_PRED, n_objects, 4), np.float32)
    for k in range(n_objects):
        for t in range(N_COND + N_PRED):
            box[:, t, k] = 0.5 * size, (0.2 + 0.12 * t) * size, (0.3 + 0.1 * k) * size, 0.4 * size
    scores = (np.arange(N_COND) / 10)[:, None] + np.arange(n_objects) / 2
    return {
        "observed_NTCHW": video[:, :N_COND],
        "video_NTCHW": truth,
        "reconstruction_NTCHW": video[:, :N_COND] + 2 / 16,
        "forecast_NTCHW": video[:, N_COND:] + 2 / 16,
        "components_NTKCHW": np.zeros((N, N_COND + N_PRED, n_objects, n_channels, size, size), np.float32),
        "box_NTK4": box,
        "visibility_NTK": np.broadcast_to(scores.astype(np.float32), (N, N_COND, n_objects)),
        "missing_NTK": missing,
    }


def left(column):
    return pictures.LEFT + column * (WIDTH + GAP) + (SPACE if column >= N_COND else 0)


def tops(window, n_objects, n_lanes):
    """The upper edges of a window's rows: observed, truth, prediction, objects."""
    lanes, with_bar = n_lanes * (pictures.LANE + GAP), WIDTH + GAP + pictures.BAR + 2 * GAP
    y = TOP + window * (3 * (WIDTH + GAP) + lanes + n_objects * with_bar + SPACE)
    first = [y, y + WIDTH + GAP, y + 2 * (WIDTH + GAP) + lanes]
    return first + [first[2] + WIDTH + GAP + k * with_bar for k in range(n_objects)]


@pytest.mark.parametrize(("size", "n_objects"), [(64, 2), (16, 1), (256, 3)])
def test_frames_are_where_their_time_and_their_row_are(size, n_objects):
    drawn = np.asarray(decomposition_montage(**parts(size, n_objects)))
    assert drawn.shape[1] == left(N_COND + N_PRED - 1) + WIDTH + SPACE
    for window in range(N):
        for row, top in enumerate(tops(window, n_objects, 0)):
            for t in range(N_COND + N_PRED):
                inner = drawn[top + 20 : top + WIDTH, left(t) : left(t) + WIDTH]
                if row >= 3:
                    assert (inner.min(axis=(0, 1)) == 0).all()
                elif row == 0 and t >= N_COND:
                    assert (inner == 255).all(), "nothing is observed of output frames"
                else:
                    assert (inner == round(255 * (window + t + row) / 16)).all(), (window, row, t)


@pytest.mark.parametrize(("size", "n_objects"), [(64, 2), (16, 1), (256, 3)])
def test_boxes_are_where_objects_are_and_end_at_the_frame(size, n_objects):
    given = parts(size, n_objects)
    drawn = np.asarray(decomposition_montage(**given))
    for number, top in enumerate(tops(1, n_objects, 0)[3:]):
        for t in range(N_COND + N_PRED):
            tile = drawn[top : top + WIDTH, left(t) : left(t) + WIDTH]
            rows, found = np.nonzero((tile == pictures.OBJECT_COLOURS[number]).all(axis=-1))
            row, column, height, width = given["box_NTK4"][1, t, number]
            scale = WIDTH / size
            expected = [(row - height / 2 + 0.5) * scale, max((column - width / 2 + 0.5) * scale, 0)]
            assert np.abs(np.array([rows.min(), found.min()]) - expected).max() <= 1, (number, t)
            expected = [(row + height / 2 + 0.5) * scale, min((column + width / 2 + 0.5) * scale, WIDTH)]
            assert np.abs(np.array([rows.max(), found.max()]) + 1 - expected).max() <= 1, (number, t)


def test_bars_are_filled_as_high_as_objects_are_visible():
    given = parts()
    given["visibility_NTK"] = given["visibility_NTK"].copy()
    given["visibility_NTK"][1, 3, 1] = np.nan
    drawn = np.asarray(decomposition_montage(**given))
    for window in range(N):
        for number, top in enumerate(tops(window, 2, 0)[3:]):
            for t in range(N_COND):
                cell = drawn[top + WIDTH + GAP :, left(t) : left(t) + WIDTH][: pictures.BAR]
                filled = (cell == pictures.OBJECT_COLOURS[number]).all(axis=(1, 2))
                score = given["visibility_NTK"][window, t, number]
                expected = 0 if np.isnan(score) else round(float(score) * pictures.BAR)
                assert filled.tolist() == [k >= pictures.BAR - expected for k in range(pictures.BAR)]
            after = drawn[top + WIDTH + GAP :, left(N_COND) :][: pictures.BAR]
            assert (after == 255).all(), "there is no bar of output frames"


@pytest.mark.parametrize("n_labels", [1, 2, 3])
def test_lines_below_the_truth_say_what_is_missing(n_labels):
    missing = np.random.default_rng(0).uniform(size=(N, N_COND, n_labels)) < 0.5
    drawn = np.asarray(decomposition_montage(**parts(missing=missing)))
    for window in range(N):
        top = tops(window, 2, n_labels)[1] + WIDTH + GAP
        for number in range(n_labels):
            for t in range(N_COND):
                y = top + number * (pictures.LANE + GAP)
                lane = drawn[y : y + pictures.LANE, left(t) : left(t) + WIDTH]
                assert (lane == (INK if missing[window, t, number] else pictures.FAINT)).all()


def test_without_true_labels_the_foot_does_not_tell_of_them():
    with_labels = decomposition_montage(**parts(missing=np.zeros((N, N_COND, 2), bool)))
    without = decomposition_montage(**parts())
    foot = [np.asarray(picture)[-pictures.FOOT :, :400] for picture in (with_labels, without)]
    assert (foot[0] < 128).sum() > 1.5 * (foot[1] < 128).sum() > 0


def test_objects_without_finite_boxes_or_values_are_drawn_without():
    given = parts()
    given["box_NTK4"][0, 2, 1, 3] = np.inf
    given["forecast_NTCHW"] = np.full_like(given["forecast_NTCHW"], np.nan)
    drawn = np.asarray(decomposition_montage(**given))
    top = tops(0, 2, 0)
    assert (drawn[top[4] : top[4] + WIDTH, left(2) : left(2) + WIDTH] == 0).all()
    assert (drawn[top[2] : top[2] + WIDTH, left(5) : left(5) + WIDTH] == 0).all()


def test_colours_stay():
    given = parts(n_channels=3)
    given["observed_NTCHW"] = np.zeros_like(given["observed_NTCHW"])
    given["observed_NTCHW"][:, :, 0] = 1.0
    tile = np.asarray(decomposition_montage(**given))[TOP : TOP + WIDTH, left(0) : left(0) + WIDTH]
    assert (tile == [255, 0, 0]).all()


@pytest.mark.parametrize(("n_cond", "n_pred"), [(10, 10), (10, 5), (1, 1), (30, 50)])
def test_few_columns_with_the_first_and_the_last_frames(n_cond, n_pred):
    for shown, n in zip(columns(n_cond, n_pred), (n_cond, n_pred), strict=True):
        assert len(shown) == min(n, pictures.MAX_COLUMNS) == len(set(shown))
        assert (shown[0], shown[-1]) == (0, n - 1)
