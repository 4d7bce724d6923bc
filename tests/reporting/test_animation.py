"""Animations: every frame is there, shows what it should, and the file stays small."""

import base64
import re

import numpy as np
import pytest
from matplotlib.colors import Normalize
from PIL import Image

from pipeline_lib.cli import main
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import read_predictions
from pipeline_lib.reporting import animation
from pipeline_lib.reporting.animation import FIRST_VALUE, MARGIN, Palette, Panel, save_animation
from pipeline_lib.reporting.figures.decomposition_animation import reduced
from tests.reporting import decompositions
from tests.reporting.conftest import N_COND, N_PRED_TEST
from tests.reporting.decompositions import JUDGED, box_of, write_decompositions

ORANGE, SKY = (213, 94, 0), (86, 180, 233)


def frames_of(path):
    with Image.open(path) as picture:
        for number in range(picture.n_frames):
            picture.seek(number)
            yield np.asarray(picture.convert("RGB"))


def animated(figure, folder, out):
    """The GIF file that a figure leaves."""
    assert main(["draw", figure, "--out", str(out / "f.gif"), str(out / "f.html"), "--run", str(folder)]) == 0
    return out / "f.gif"


@pytest.mark.parametrize(("figure", "n_panels"), [("forecast_animation", 3), ("swap_animation", 4)])
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 16), (2, 16, 16)], ids=["grey", "colour", "two channels"])
def test_every_frame_is_shown_and_the_animation_begins_again(drawable, tmp_path, figure, n_panels, shape):
    path = animated(figure, drawable(frame_shape=shape), tmp_path)
    with Image.open(path) as picture:
        assert picture.n_frames == N_COND + N_PRED_TEST and picture.info["loop"] == 0
        width = 4 * (2 * 16 + 1) if shape[0] == 2 else 128  # with a gap between the channels
        assert picture.size[0] == 2 * MARGIN + n_panels * (width + animation.GAP) - animation.GAP
    assert path.stat().st_size < 2_500_000


def test_forecasts_stand_beside_the_truth_at_their_time(drawable, tmp_path):
    folder = drawable(frame_shape=(1, 16, 16))
    examples = read_predictions(RunPaths(folder).predictions).examples
    drawn = list(frames_of(animated("forecast_animation", folder, tmp_path)))
    assert len(drawn) == N_COND + N_PRED_TEST
    pitch, top = 128 + animation.GAP, MARGIN + 3 * animation.LINE

    def panel(t, column, row):
        y, x = top + row * pitch, MARGIN + column * pitch
        return drawn[t][y : y + 128 : 8, x : x + 128 : 8]

    def level(frame):
        low, high = min(examples.cond.min(), examples.truth.min()), max(examples.cond.max(), examples.truth.max())
        return np.clip((frame - low) / (high - low), 0, 1)

    viridis = animation.matplotlib.colormaps["viridis"]
    for row, example in enumerate((0, 2, 3)):  # spread evenly over four
        for t in (0, N_COND, N_COND + 17, N_COND + N_PRED_TEST - 1):
            truth = np.concatenate([examples.cond, examples.truth], axis=1)[example, t, 0]
            forecast = np.concatenate([examples.cond, examples.prediction], axis=1)[example, t, 0]
            for column, values in enumerate((truth, forecast)):
                wanted = viridis(np.round(level(values) * 31) / 31)[..., :3] * 255
                assert np.abs(panel(t, column, row) - wanted).max() <= 1, (row, t, column)
    assert (panel(0, 2, 0) == 255).all() and not (panel(N_COND, 2, 0) == 255).all()


def test_two_channels_stand_beside_each_other_with_paper_between_them():
    palette = Palette("gray", Normalize(0, 1), Normalize(-1, 1))
    frames = np.zeros((1, 1, 2, 3, 2), np.float32)
    frames[:, :, 1] = 1.0
    (values,), (errors,) = palette.values(frames)[0], palette.errors(frames)[0]
    n_values, n_errors = animation.N_VALUES, animation.N_ERRORS
    first_error = FIRST_VALUE + n_values
    assert values.tolist() == [[FIRST_VALUE] * 2 + [0] + [FIRST_VALUE + n_values - 1] * 2] * 3
    assert errors.tolist() == [[first_error + n_errors // 2] * 2 + [0] + [first_error + n_errors - 1] * 2] * 3


def test_conditioning_frames_have_a_border_and_others_none(drawable, tmp_path):
    marked = [
        (frame == ORANGE).all(axis=-1).any()
        for frame in frames_of(animated("forecast_animation", drawable(frame_shape=(1, 16, 16)), tmp_path))
    ]
    assert marked == [True] * N_COND + [False] * N_PRED_TEST


def test_the_web_page_holds_the_animation_and_nothing_from_elsewhere(drawable, tmp_path):
    path = animated("swap_animation", drawable(frame_shape=(1, 16, 16)), tmp_path)
    page = (tmp_path / "f.html").read_text()
    (content,) = re.findall(r'src="data:image/gif;base64,([^"]+)"', page)
    assert base64.b64decode(content) == path.read_bytes()
    assert "://" not in page and page.count("src=") == 1


def test_another_forecast_is_another_animation(drawable, tmp_path):
    one = animated("forecast_animation", drawable(frame_shape=(1, 16, 16)), tmp_path).read_bytes()
    other = animated("forecast_animation", drawable(seed=1, noise_seed=1, frame_shape=(1, 16, 16)), tmp_path)
    assert one != other.read_bytes()


def test_values_beyond_the_scale_are_cut_off_and_names_are_no_markup(tmp_path):
    palette = Palette("gray", Normalize(0, 1))
    values = np.array([-3.0, 0.0, 0.5, 1.0, 9.0], np.float32).reshape(1, 1, 1, 1, 5)
    assert palette.values(values).ravel().tolist() == [FIRST_VALUE + k for k in (0, 0, 16, 31, 31)]
    panel = Panel("a", palette.values(np.zeros((1, 2, 1, 4, 4), np.float32)))
    save_animation({"html": tmp_path / "f.html"}, [panel], palette, "<b>&", 1)
    assert "<b>" not in (tmp_path / "f.html").read_text()


@pytest.mark.parametrize(("size", "n_objects"), [(16, 1), (64, 2), (256, 3)])
def test_objects_have_their_boxes_in_every_frame_and_dashed_ones_where_they_are_judged_missing(
    drawable, tmp_path, size, n_objects
):
    folder = drawable(frame_shape=(1, 16, 16))
    write_decompositions(RunPaths(folder).predictions, (1, size, size), n_objects)
    drawn = list(frames_of(animated("decomposition_animation", folder, tmp_path)))
    assert len(drawn) == decompositions.N_COND + decompositions.N_PRED
    pitch, top = 128 + animation.GAP, MARGIN + 3 * animation.LINE
    assert drawn[0].shape[1] == 2 * MARGIN + (3 + n_objects) * pitch - animation.GAP
    scale = 128 / size
    for t, frame in enumerate(drawn):
        for line, window in enumerate((0, 2, 3)):
            y, x = top + line * pitch, MARGIN + 3 * pitch
            row, column, height, width = box_of(window, t, 0, (size, size))
            inked = (frame[y : y + 128, x : x + 128] == SKY).all(axis=-1)
            rows, columns = np.nonzero(inked)
            expected = [(row - height / 2 + 0.5) * scale, (column - width / 2 + 0.5) * scale]
            assert np.abs(np.array([rows.min(), columns.min()]) - expected).max() <= 1, (t, window)
            expected = [(row + height / 2 + 0.5) * scale, min((column + width / 2 + 0.5) * scale, 128)]
            assert np.abs(np.array([rows.max(), columns.max()]) + 1 - expected).max() <= 1, (t, window)
            is_dashed = inked[rows.min(), columns.min() : columns.max() + 1].mean() < 0.8
            assert is_dashed == (t in JUDGED[0]), (t, window)


def test_what_is_observed_ends_with_the_input_frames_and_a_prediction_goes_on(drawable, tmp_path):
    folder = drawable(frame_shape=(1, 16, 16))
    path = RunPaths(folder).predictions
    write_decompositions(path, (1, 16, 16), 1)
    found = read_predictions(path).decomposition
    drawn = list(frames_of(animated("decomposition_animation", folder, tmp_path)))
    with Image.open(tmp_path / "f.gif") as picture:
        assert picture.info["duration"] == 250
    prediction = np.concatenate([found.reconstruction, found.forecast], axis=1)[0, :, 0]
    viridis = animation.matplotlib.colormaps["viridis"]
    top, n_cond = MARGIN + 3 * animation.LINE, decompositions.N_COND
    low, high = found.complete.min(), found.complete.max()
    for t, frame in enumerate(drawn):
        panels = [frame[top : top + 128 : 8, MARGIN + k * (128 + animation.GAP) :][:, :128:8] for k in range(3)]
        shown = [found.observed[0, t, 0] if t < n_cond else None, found.complete[0, t, 0], prediction[t]]
        for panel, values in zip(panels, shown, strict=True):
            if values is None:
                assert (panel == 255).all(), t
            else:
                wanted = viridis(np.round(np.clip((values - low) / (high - low), 0, 1) * 31) / 31)[..., :3] * 255
                is_right = np.abs(panel - wanted).max(axis=-1) <= 1
                assert is_right.mean() > 0.98, t  # a value may lie in the middle of two colours
        assert (frame == ORANGE).all(axis=-1).any() == (t < n_cond)


def test_frames_are_reduced_by_means():
    frames = np.arange(16, dtype=np.float32).reshape(1, 1, 1, 4, 4)
    assert reduced(frames, 2).ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert (reduced(frames, 1) == frames).all()
