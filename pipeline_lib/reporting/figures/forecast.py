"""Figure `forecast`: truth, forecast and error of a few test windows.

Vector frames (height 1) become space-time panels, images rows of frames. Conditioning frames are shown as such in the
truth; forecast and error have the predicted frames only.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import Examples, read_predictions
from pipeline_lib.reporting.examples import example_name, few, subject
from pipeline_lib.reporting.frames import (
    Frames,
    Row,
    channels_beside,
    colour_gamma,
    colour_map,
    coloured,
    coloured_errors,
    error_of,
    error_scale,
    in_unit,
    montage,
    predicted_frames,
    tile_height,
    value_scale,
)
from pipeline_lib.reporting.style import ERRORS, FAINT, FULL_WIDTH, INK, MUTED, heading, save, styled

N_EXAMPLES = 3
N_COND_FRAMES = 2
N_FRAMES = 10


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw predictions.h5 of the one run whose folder is in `runs`. Raises ValueError where there is none."""
    (folder,) = runs
    predictions = read_predictions(RunPaths(folder).predictions)
    examples = few(predictions.examples, N_EXAMPLES)
    with styled():
        is_vector = examples.truth.shape[3] == 1
        dataset = str(predictions.facts["dataset"])
        drawn = _space_time(examples, predictions.facts, dataset) if is_vector else _rows_of_frames(examples, dataset)
        heading(drawn, str(predictions.facts["title"]), subject(predictions.facts))
        save(drawn, files)


def _space_time(examples: Examples, facts: Mapping[str, Any], dataset: str) -> Figure:
    """A row per example: truth | forecast | error, pixels against time."""
    colours = colour_map(dataset)
    n_examples, n_cond = examples.cond.shape[:2]
    order, pixels = _pixel_order(facts, math.prod(examples.truth.shape[2:]))
    values = value_scale(examples.cond, examples.truth)
    errors = error_scale(examples.prediction - examples.truth)
    figure = Figure(figsize=(FULL_WIDTH, 0.9 + 1.35 * n_examples), layout="constrained")
    grid = figure.subplots(n_examples, 3, sharex=True, sharey=True, squeeze=False)
    for k, row in enumerate(grid):
        truth, prediction = _flat(examples.truth[k])[:, order], _flat(examples.prediction[k])[:, order]
        whole = np.concatenate([_flat(examples.cond[k])[:, order], truth])
        _panel(row[0], whole, 1 - n_cond, colours, values)
        _panel(row[1], prediction, 1, colours, values)
        _panel(row[2], prediction - truth, 1, ERRORS, errors)
        for axes, is_blank in zip(row, (False, True, True), strict=True):
            _mark_conditioning(axes, n_cond, is_blank)
        row[0].set_ylabel(example_name(examples, k).replace(", ", "\n"), fontsize=7)
    for axes, title in zip(grid[0], ("truth", "forecast", "error"), strict=True):
        axes.set_title(title)
    for axes in grid[-1]:
        axes.set_xlabel("predicted frame")
        axes.set_xticks(_frame_ticks(examples.truth.shape[1]))
    grid[0, 0].set_yticks([])
    shape: dict[str, Any] = {"aspect": 40, "shrink": 0.6, "pad": 0.03}
    _value_bar(figure, values, examples, dataset, ax=list(grid[:, :2].flat), **shape)
    _error_bar(figure, errors, dataset, ax=list(grid[:, 2]), **shape)
    figure.supylabel(pixels, fontsize=8)
    return figure


def _frame_ticks(n_pred: int) -> list[int]:
    """The first and the last predicted frame, and round numbers between that keep away from both."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, n_pred) if n_pred / step <= 5)
    return sorted({1, *(t for t in range(step, n_pred, step) if n_pred - t > step / 2), n_pred})


def _flat(frames_TCHW: Frames) -> Frames:
    return frames_TCHW.reshape(len(frames_TCHW), -1)


def _pixel_order(facts: Mapping[str, Any], n_pixels: int) -> tuple[NDArray[np.intp], str]:
    """In which order pixels are drawn, and what to call it: by distance from the middle where positions are known."""
    rows, columns = facts.get("pixel_rows"), facts.get("pixel_columns")
    if rows is None or columns is None or len(rows) != n_pixels:
        return np.arange(n_pixels), "pixel"
    middle = [(axis.min() + axis.max()) / 2 for axis in (rows, columns)]
    distance = np.hypot(rows - middle[0], columns - middle[1])
    return np.argsort(distance, kind="stable"), "pixels, from the middle outwards"


def _panel(axes: Axes, frames_TP: Frames, first: int, colours: str, scale: Normalize) -> None:
    """Pixels from bottom to top, time from left to right; `first` is the number of the first frame."""
    n_frames, n_pixels = frames_TP.shape
    extent = (first - 0.5, first + n_frames - 0.5, -0.5, n_pixels - 0.5)
    axes.imshow(frames_TP.T, cmap=colours, norm=scale, aspect="auto", origin="lower", extent=extent)


def _mark_conditioning(axes: Axes, n_cond: int, is_blank: bool) -> None:
    """A line between conditioning and predicted frames; where the former have nothing to show, a label instead."""
    axes.axvline(0.5, color=INK, linewidth=0.8)
    axes.set_xlim(0.5 - n_cond, None)
    axes.tick_params(left=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if is_blank:
        axes.axvspan(0.5 - n_cond, 0.5, color=FAINT, linewidth=0)
        label = axes.text(0.5 - n_cond / 2, 0.5, "conditioning", rotation=90, fontsize=6, color=MUTED)
        label.set(transform=axes.get_xaxis_transform(), ha="center", va="center")


def _value_bar(figure: Figure, scale: Normalize, examples: Examples, dataset: str, **where: Any) -> None:
    """Its ends are pointed where forecasts go beyond the range of the truth, which is the scale."""
    assert scale.vmin is not None and scale.vmax is not None
    below, above = examples.prediction.min() < scale.vmin, examples.prediction.max() > scale.vmax
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    label, ends = in_unit(dataset), extend[bool(below), bool(above)]
    _colour_bar(figure, colour_map(dataset), scale, label, extend=ends, **where)


def _error_bar(figure: Figure, scale: Normalize, dataset: str, is_rgb: bool = False, **where: Any) -> None:
    label = in_unit(dataset, "forecast − truth") + (", mean over colours" if is_rgb else "")
    _colour_bar(figure, ERRORS, scale, label, **where)


def _colour_bar(figure: Figure, colours: str, scale: Normalize, label: str, **where: Any) -> None:
    assert scale.vmin is not None and scale.vmax is not None
    bar = figure.colorbar(ScalarMappable(scale, colours), orientation="horizontal", **where)
    if scale.vmin == -scale.vmax:  # the narrow bar of errors: 0, and one round number on either side
        end = float(f"{0.85 * scale.vmax:.0e}")
        bar.set_ticks([-end, 0.0, end], labels=[f"{-end:g}", "0", f"{end:g}"])
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=7, labelpad=2)


def _rows_of_frames(examples: Examples, dataset: str) -> Figure:
    """Three rows per example: truth behind the last conditioning frames, forecast, error."""
    colours = colour_map(dataset)
    (n_examples, n_cond), n_pred = examples.cond.shape[:2], examples.truth.shape[1]
    before, numbers = list(range(max(0, n_cond - N_COND_FRAMES), n_cond)), predicted_frames(n_pred, N_FRAMES)
    after = [number - 1 for number in numbers]
    errors_NTCHW = error_of(examples.prediction, examples.truth)
    values = value_scale(examples.cond, examples.truth, gamma=colour_gamma(dataset))
    errors = error_scale(errors_NTCHW[:, after])
    frame_height = tile_height(len(before) + len(after), examples.truth, 0.88 * FULL_WIDTH)
    figure = Figure(figsize=(FULL_WIDTH, 0.9 + n_examples * (3 * frame_height + 0.35)), layout="constrained")
    # Three channels are colours themselves, which no bar explains: its place stays empty.
    is_rgb = examples.truth.shape[2] == 3
    places: list[Any] = [[f"{k}", f"{k}"] for k in range(n_examples)] + [["." if is_rgb else "values", "errors"]]
    mosaic = figure.subplot_mosaic(places, height_ratios=[1.0] * n_examples + [0.035])
    for k in range(n_examples):
        cond, truth = examples.cond[k][before], examples.truth[k][after]
        rows = [
            Row("truth", coloured(cond, values, colours), coloured(truth, values, colours)),
            Row("forecast", None, coloured(examples.prediction[k][after], values, colours)),
            Row("error", None, coloured_errors(errors_NTCHW[k][after], errors)),
        ]
        montage(mosaic[f"{k}"], rows, [t - n_cond + 1 for t in before], numbers)
        mosaic[f"{k}"].set_title(example_name(examples, k), loc="left", fontsize=7)
    mosaic[f"{n_examples - 1}"].set_xlabel(channels_beside(dataset, examples.truth.shape[2]), fontsize=7)
    if not is_rgb:
        _value_bar(figure, values, examples, dataset, cax=mosaic["values"])
    _error_bar(figure, errors, dataset, is_rgb, cax=mosaic["errors"])
    return figure
