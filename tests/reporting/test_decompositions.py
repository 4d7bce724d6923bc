"""Figures of decompositions: boxes where objects are, marks at the frames that are missing, texts that can be read."""

import itertools

import h5py
import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import read_predictions
from pipeline_lib.reporting.decompositions import imputed_frames, missing_of, something_missing
from pipeline_lib.reporting.figures.imputation import frames_around
from pipeline_lib.reporting.style import COMPONENT_COLOURS, FAINT, INK, VERMILION
from tests.reporting.decompositions import (
    JUDGED,
    MISSING,
    N_COND,
    N_PRED,
    N_WINDOWS,
    box_of,
    flags,
    visibility_of,
    write_decompositions,
)
from tests.reporting.test_figures import assert_is_a_figure, draw, refusal

SMALL = (1, 16, 16)
KINDS = {
    "one object": (SMALL, 1),
    "two": ((1, 64, 64), 2),
    "three, large": ((1, 256, 256), 3),
    "colours": ((3, 16, 16), 2),
    "two channels": ((2, 16, 16), 1),
}


@pytest.fixture
def run(drawable):
    """The folder of a run on digits, which are grey, with decompositions."""

    def make(frame_shape=SMALL, n_objects=2, missing="known", first_window=0):
        folder = drawable(frame_shape=frame_shape)
        labels = flags(MISSING, n_objects) if isinstance(missing, str) else missing
        write_decompositions(RunPaths(folder).predictions, frame_shape, n_objects, labels, first_window)
        with h5py.File(RunPaths(folder).predictions, "r+") as file:
            file.attrs["dataset"] = "moving_mnist"
        return folder

    return make


class Drawn:
    """A figure with the pixels of its PNG file."""

    def __init__(self, name, folder, out, figures):
        self.pdf, _ = draw(name, out / name, folder)
        self.figure = figures[-1]
        self.pixels = matplotlib.image.imread(out / f"{name}.png")[..., :3]

    def places(self, axes):
        """Left, top, right, bottom [pixels of the file] of the frames of one video, from the left, row by row."""
        found = [self.place(axes, *image.get_extent()) for image in axes.images]
        tops = sorted({round(top) for _, top, _, _ in found})
        rows = [[place for place in found if round(place[1]) == top] for top in tops]
        return [sorted(row) for row in rows]

    def place(self, axes, left, right, bottom, top):
        scale = self.pixels.shape[1] / self.figure.bbox.width
        ends = axes.transData.transform([(left, top), (right, bottom)]) * scale
        height = self.pixels.shape[0]
        return ends[0, 0], height - ends[0, 1], ends[1, 0], height - ends[1, 1]

    def of_colour(self, colour, left, top, right, bottom):
        """Where pixels within these edges have a colour, row by row."""
        part = self.pixels[round(top) : round(bottom), round(left) : round(right)]
        return np.abs(part - to_rgb(colour)).max(axis=-1) < 0.06

    def texts(self):
        """Where they stand, of those that are seen, by text and number."""
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()  # saving has left the places of another resolution
        shown = [text for text in self.figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
        return {(text.get_text(), k): text.get_window_extent(canvas.get_renderer()) for k, text in enumerate(shown)}


@pytest.mark.parametrize(("shape", "n_objects"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("figure", ["decomposition", "imputation"])
def test_texts_keep_clear_of_each_other_and_of_the_edges(run, figures, tmp_path, figure, shape, n_objects):
    drawn = Drawn(figure, run(shape, n_objects), tmp_path, figures)
    assert_is_a_figure(drawn.pdf, tmp_path / f"{figure}.png")
    texts = drawn.texts()
    assert len(texts) > 20
    for (one, place), (other, there) in itertools.combinations(texts.items(), 2):
        assert not place.overlaps(there), (one, other)
    edges = drawn.figure.bbox
    for text, place in texts.items():
        assert place.x0 >= 0 and place.y0 >= 0 and place.x1 <= edges.x1 and place.y1 <= edges.y1, text
    assert drawn.figure.get_size_inches()[1] < 9.5, "no higher than a page"


@pytest.mark.parametrize(("n_objects", "n_videos"), [(1, 3), (2, 2), (3, 2)])
def test_a_video_has_a_row_for_what_was_seen_truth_prediction_and_every_object(
    run, figures, tmp_path, n_objects, n_videos
):
    drawn = Drawn("decomposition", run(n_objects=n_objects), tmp_path, figures)
    assert len(drawn.figure.axes) == n_videos
    for axes in drawn.figure.axes:
        objects = [text for k in range(n_objects) for text in (f"object {k + 1}", "visibility")]
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["observed", "truth", "prediction", *objects]
        numbers = [label.get_text() for label in axes.get_xticklabels()]
        assert numbers == [f"t−{k}" for k in range(9, 0, -1)] + ["t"] + [f"t+{k}" for k in range(1, 6)]
        assert [text.get_text() for text in axes.texts] == ["to be predicted", "input frames", "output frames"]
        rows = drawn.places(axes)
        assert [len(row) for row in rows] == [N_COND] + [N_COND + N_PRED] * (2 + n_objects)
        gaps = np.diff([left for left, *_ in rows[1]])
        assert gaps.argmax() == N_COND - 1 and gaps.max() > 1.1 * gaps[0], "output frames stand apart"
    assert [axes.get_title(loc="left") for axes in drawn.figure.axes][0] == "test video 0, from frame 0"


def test_rows_show_the_frames_of_the_file(run, figures, tmp_path):
    folder = run(n_objects=1)
    found = read_predictions(RunPaths(folder).predictions).decomposition
    axes = Drawn("decomposition", folder, tmp_path, figures).figure.axes[2]  # the last of four videos
    parts = [found.observed[3], found.complete[3], found.reconstruction[3], found.forecast[3]]
    expected = np.concatenate([*parts, found.component[3, :, 0]])[:, 0]
    for image, frame in zip(axes.images, expected, strict=True):
        np.testing.assert_allclose(np.asarray(image.get_array())[..., 0], frame, atol=0.01)


@pytest.mark.parametrize(("size", "n_objects"), [(16, 1), (64, 2), (256, 3)])
def test_boxes_are_where_objects_are_and_end_at_the_frame(run, figures, tmp_path, size, n_objects):
    drawn = Drawn("decomposition", run((1, size, size), n_objects), tmp_path, figures)
    for window, axes in zip((0, N_WINDOWS - 1), (drawn.figure.axes[0], drawn.figure.axes[-1]), strict=True):
        for number, row in enumerate(drawn.places(axes)[3:]):
            for time, (left, top, right, bottom) in enumerate(row):
                scale = (right - left) / size
                y, x, height, width = box_of(window, time, number, (size, size))
                edges = [(x - width / 2 + 0.5) * scale, (y - height / 2 + 0.5) * scale]
                ends = [min((x + width / 2 + 0.5) * scale, right - left), (y + height / 2 + 0.5) * scale]
                inked = drawn.of_colour(COMPONENT_COLOURS[number], left, top, right, bottom)
                rows, columns = np.nonzero(inked)
                assert len(rows), (window, number, time)
                first, last = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()]) + 1
                assert np.abs(first - edges).max() < 2.5 and np.abs(last - ends).max() < 2.5, (window, number, time)
                is_dashed = time in JUDGED[number] if time < N_COND else False
                along = inked[rows.min() : rows.min() + 3].any(axis=0)[columns.min() : columns.max() + 1]
                assert (along.mean() < 0.85) == is_dashed, (window, number, time)


def marks(drawn, row, below, number):
    """For each input frame below an object's row: whether a cross is there, and a mark; how far its cell is filled."""
    for left, _, right, bottom in row[:N_COND]:
        inked = drawn.of_colour(INK, left + 1, bottom + 1, right - 1, below)
        lines = inked.all(axis=1)
        filled = drawn.of_colour(COMPONENT_COLOURS[number], left + 2, bottom, left + 3, below).sum()
        free = drawn.of_colour(FAINT, left + 2, bottom, left + 3, below).sum()
        yield bool(inked[~lines].any()), bool(lines.any()), filled / (filled + free)


WHOLE_FRAMES = flags({0: (4,)}, 1)
LABELS = {"of each object": flags(MISSING, 3), "of whole frames": WHOLE_FRAMES, "of fewer objects": flags(MISSING, 2)}


@pytest.mark.parametrize("labels", [*LABELS.values(), None], ids=[*LABELS, "unknown"])
def test_missing_frames_are_marked_where_they_are_and_bars_are_as_high_as_visibility(run, figures, tmp_path, labels):
    drawn = Drawn("decomposition", run((1, 64, 64), 3, missing=labels), tmp_path, figures)
    axes = drawn.figure.axes[0]
    rows = drawn.places(axes)
    tops = [row[0][1] - 2 for row in rows[4:]] + [drawn.place(axes, 0, 0, axes.get_ylim()[0], 0)[3]]
    for number, (row, below) in enumerate(zip(rows[3:], tops, strict=True)):
        found = list(marks(drawn, row, below, number))
        assert [time for time, (cross, _, _) in enumerate(found) if cross] == list(JUDGED[number])
        if labels is None or labels.shape[2] == 2 and number == 2:
            expected = []
        else:
            expected = np.flatnonzero(labels[0, :, min(number, labels.shape[2] - 1)]).tolist()
        assert [time for time, (_, line, _) in enumerate(found) if line] == expected
        for time, (_, _, filled) in enumerate(found):
            assert filled == pytest.approx(visibility_of(time, number), abs=0.12)
    legend = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert ("truly missing" in legend) == (labels is not None)


@pytest.mark.parametrize("known", [True, False])
def test_imputed_frames_stand_between_what_was_seen_and_the_truth_and_missing_ones_are_framed(
    run, figures, tmp_path, known
):
    folder = run(missing="known" if known else None)
    drawn = Drawn("imputation", folder, tmp_path, figures)
    found = read_predictions(RunPaths(folder).predictions).decomposition
    assert len(drawn.figure.axes) == N_WINDOWS
    missing = sorted({*MISSING[0], *MISSING[1]} if known else {*JUDGED[0], *JUDGED[1]})
    shown = frames_around(np.isin(np.arange(N_COND), missing), 8)
    for k, axes in enumerate(drawn.figure.axes):
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["observed", "imputed", "truth", "object 1", "object 2"]
        assert axes.get_title(loc="left") == f"test video {k}, from frame {7 * k}"
        parts = [part[k, list(shown), 0] for part in (found.observed, found.imputation, found.complete)]
        for image, frame in zip(axes.images, np.concatenate(parts), strict=True):
            np.testing.assert_allclose(np.asarray(image.get_array())[..., 0], frame, atol=0.01)
        for row in drawn.places(axes):
            beside = [drawn.of_colour(VERMILION, left - 4, top + 5, left + 1, bottom - 5).any(axis=1).all()
                      for left, top, _, bottom in row]  # fmt: skip
            # The border of a frame is also that to the right of the one before it.
            framed = {time for time in missing} | {time + 1 for time in missing if time + 1 in shown}
            assert [time for time, there in zip(shown, beside, strict=True) if there] == sorted(framed)
    legend = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert legend[-1] == ("something is missing" if known else "something is judged missing")


def test_videos_in_which_nothing_is_missing_are_left_out_where_there_are_others(run, figures, tmp_path):
    labels = flags(MISSING, 2)
    labels[[0, 2]] = False
    folder = run(missing=labels)
    drawn = Drawn("imputation", folder, tmp_path, figures)
    assert [axes.get_title(loc="left") for axes in drawn.figure.axes] == [
        "test video 1, from frame 7",
        "test video 3, from frame 21",
    ]
    write_decompositions(RunPaths(folder).predictions, SMALL, missing=labels & False)
    drawn = Drawn("imputation", folder, tmp_path, figures)
    assert len(drawn.figure.axes) == N_WINDOWS


def test_windows_whose_forecasts_are_not_kept_have_a_number(run, figures, tmp_path):
    drawn = Drawn("decomposition", run(first_window=3), tmp_path, figures)
    titles = [axes.get_title(loc="left") for axes in drawn.figure.axes]
    assert titles == ["test video 3, from frame 21", "test window 6"]


@pytest.mark.parametrize("figure", ["decomposition", "imputation", "decomposition_animation"])
def test_a_run_that_was_not_taken_apart_has_no_such_figure(run, tmp_path, capsys, figure):
    folder = run()
    with h5py.File(RunPaths(folder).predictions, "r+") as file:
        del file["decomposition"]
    told = refusal(capsys, figure, tmp_path, folder)
    assert "predictions.h5: holds no decompositions; add reconstruction and imputation to" in told


def test_labels_are_of_objects_or_of_frames(run):
    both = read_predictions(RunPaths(run(n_objects=3, missing=flags(MISSING, 2))).predictions).decomposition
    np.testing.assert_array_equal(missing_of(both, 1), flags(MISSING, 2)[..., 1])
    assert missing_of(both, 2) is None
    assert np.flatnonzero(something_missing(both)[0]).tolist() == [2, 3, 6]
    assert np.flatnonzero(imputed_frames(both, 1)[0]).tolist() == [3, 5] and imputed_frames(both, 1).shape[1] == 15


@pytest.mark.parametrize(
    ("missing", "shown"),
    [
        ([2, 3], range(0, 8)),
        ([6, 7], range(2, 10)),
        ([2, 3, 6, 7], range(1, 9)),
        ([2, 8], range(1, 9)),
        ([9], range(2, 10)),
        ([], range(0, 8)),
        ([1, *range(2, 10)], range(0, 8)),
        ([3, 9], range(2, 10)),
        ([2, 9], range(1, 9)),
    ],
)  # fmt: skip
def test_frames_before_and_after_the_missing_ones_are_shown(missing, shown):
    assert frames_around(np.isin(np.arange(10), missing), 8) == shown
    assert frames_around(np.isin(np.arange(4), missing), 8) == range(4)
