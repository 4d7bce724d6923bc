"""Figure `forecast`: truth, forecast and error of a few test windows.

Vector frames (height 1) become space-time panels, images rows of frames. Conditioning frames are shown as such in the
truth; forecast and error have the predicted frames only.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
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
from pipeline_lib.reporting.style import ERRORS, FAINT, FULL_WIDTH, INK, MUTED, VALUES, heading, save, styled

N_EXAMPLES = 3
N_COND_FRAMES = 2
N_FRAMES = 8

Frames = NDArray[np.float32]


def draw(runs: Sequence[Path], pdf: Path, png: Path) -> None:
    """Draw predictions.h5 of the one run whose folder is in `runs`. Raises ValueError where there is none."""
    (folder,) = runs
    predictions = read_predictions(RunPaths(folder).predictions)
    examples = _chosen(predictions.examples)
    with styled():
        is_vector = examples.truth.shape[3] == 1
        figure = _space_time(examples, predictions.facts) if is_vector else _rows_of_frames(examples)
        heading(figure, str(predictions.facts["title"]), _subject(predictions.facts))
        save(figure, pdf, png)


def _subject(facts: Mapping[str, Any]) -> str:
    seed = "" if facts.get("seed") is None else f", seed {facts['seed']}"
    return f"{facts['dataset']}{seed}"


def _chosen(examples: Examples) -> Examples:
    """A few of them, spread evenly."""
    shown = _evenly(len(examples.window), N_EXAMPLES)
    return Examples(**{field.name: getattr(examples, field.name)[shown] for field in fields(Examples)})


def _scales(examples: Examples) -> tuple[Normalize, Normalize]:
    """Colour scales of values and of errors, the same for all examples."""
    values = Normalize(float(min(examples.truth.min(), examples.cond.min())), float(examples.truth.max()))
    largest = max(float(np.abs(examples.prediction - examples.truth).max()), 1e-12)
    return values, Normalize(-largest, largest)


def _space_time(examples: Examples, facts: Mapping[str, Any]) -> Figure:
    """A row per example: truth | forecast | error, pixels against time."""
    n_examples, n_cond = examples.cond.shape[:2]
    order, pixels = _pixel_order(facts, math.prod(examples.truth.shape[2:]))
    values, errors = _scales(examples)
    figure = Figure(figsize=(FULL_WIDTH, 0.9 + 1.35 * n_examples), layout="constrained")
    grid = figure.subplots(n_examples, 3, sharex=True, sharey=True, squeeze=False)
    for k, row in enumerate(grid):
        truth, prediction = _flat(examples.truth[k])[:, order], _flat(examples.prediction[k])[:, order]
        whole = np.concatenate([_flat(examples.cond[k])[:, order], truth])
        _panel(row[0], whole, 1 - n_cond, VALUES, values)
        _panel(row[1], prediction, 1, VALUES, values)
        _panel(row[2], prediction - truth, 1, ERRORS, errors)
        for axes, is_blank in zip(row, (False, True, True), strict=True):
            _mark_conditioning(axes, n_cond, is_blank)
        row[0].set_ylabel(f"test video {examples.video[k]}\nfrom frame {examples.start[k]}", fontsize=7)
    for axes, title in zip(grid[0], ("truth", "forecast", "error"), strict=True):
        axes.set_title(title)
    for axes in grid[-1]:
        axes.set_xlabel("predicted frame")
        axes.set_xticks(_frame_ticks(examples.truth.shape[1]))
    grid[0, 0].set_yticks([])
    shape: dict[str, Any] = {"aspect": 40, "shrink": 0.6, "pad": 0.03}
    _value_bar(figure, values, examples, ax=list(grid[:, :2].flat), **shape)
    _colour_bar(figure, ERRORS, errors, "forecast − truth", ax=list(grid[:, 2]), **shape)
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


def _value_bar(figure: Figure, scale: Normalize, examples: Examples, **where: Any) -> None:
    """Its ends are pointed where forecasts go beyond the range of the truth, which is the scale."""
    assert scale.vmin is not None and scale.vmax is not None
    below, above = examples.prediction.min() < scale.vmin, examples.prediction.max() > scale.vmax
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    _colour_bar(figure, VALUES, scale, "value", extend=extend[bool(below), bool(above)], **where)


def _colour_bar(figure: Figure, colours: str, scale: Normalize, label: str, **where: Any) -> None:
    assert scale.vmin is not None and scale.vmax is not None
    bar = figure.colorbar(ScalarMappable(scale, colours), orientation="horizontal", **where)
    if scale.vmin == -scale.vmax:  # the narrow bar of errors: 0, and one round number on either side
        end = float(f"{0.85 * scale.vmax:.0e}")
        bar.set_ticks([-end, 0.0, end], labels=[f"{-end:g}", "0", f"{end:g}"])
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=7, labelpad=2)


def _evenly(n: int, n_wanted: int) -> list[int]:
    """At most n_wanted of 0..n-1, first and last among them."""
    return sorted(set(np.linspace(0, n - 1, min(n, n_wanted)).round().astype(int).tolist()))


def _rows_of_frames(examples: Examples) -> Figure:
    """Three rows per example: truth behind the last conditioning frames, forecast, error."""
    (n_examples, n_cond), n_pred = examples.cond.shape[:2], examples.truth.shape[1]
    n_channels, height, width = examples.truth.shape[2:]
    values, errors = _scales(examples)
    before, after = list(range(max(0, n_cond - N_COND_FRAMES), n_cond)), _evenly(n_pred, N_FRAMES)
    tile_height = 0.88 * FULL_WIDTH / (len(before) + len(after)) * height / width
    figure = Figure(figsize=(FULL_WIDTH, 0.9 + n_examples * (3 * tile_height + 0.3)), layout="constrained")
    places: list[Any] = [[f"{k}", f"{k}"] for k in range(n_examples)] + [["values", "errors"]]
    mosaic = figure.subplot_mosaic(places, height_ratios=[1.0] * n_examples + [0.035])
    numbers = [t - n_cond + 1 for t in before] + [t + 1 for t in after]
    for k in range(n_examples):
        cond, truth, prediction = examples.cond[k][before], examples.truth[k][after], examples.prediction[k][after]
        blank = np.zeros((len(before), height, width, 4))
        rows = [
            np.concatenate([_coloured(cond, values, VALUES), _coloured(truth, values, VALUES)]),
            np.concatenate([blank, _coloured(prediction, values, VALUES)]),
            np.concatenate([blank, _coloured(prediction - truth, errors, ERRORS, is_error=True)]),
        ]
        _montage(mosaic[f"{k}"], rows, numbers, len(before))
        mosaic[f"{k}"].set_title(
            f"test video {examples.video[k]}, from frame {examples.start[k]}", loc="left", fontsize=7
        )
    mosaic[f"{n_examples - 1}"].set_xlabel(
        "predicted frame" + ("" if n_channels in (1, 3) else f" (channel 1 of {n_channels})")
    )
    _value_bar(figure, values, examples, cax=mosaic["values"])
    _colour_bar(figure, ERRORS, errors, "forecast − truth", cax=mosaic["errors"])
    return figure


def _coloured(frames_NCHW: Frames, scale: Normalize, colours: str, is_error: bool = False) -> Frames:
    """(N, H, W, 4): three channels as they are, their mean error by the colour map; else the first channel by it."""
    if frames_NCHW.shape[1] == 3 and not is_error:
        rgb = np.clip(scale(np.moveaxis(frames_NCHW, 1, -1)), 0, 1)
        return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1)
    one = frames_NCHW.mean(axis=1) if frames_NCHW.shape[1] == 3 else frames_NCHW[:, 0]
    return np.stack([ScalarMappable(scale, colours).to_rgba(frame) for frame in one])


def _montage(axes: Axes, rows: list[Frames], numbers: list[int], n_before: int) -> None:
    """Rows (N, H, W, 4) of frames under each other, with gaps; `numbers` are written below the columns."""
    _, height, width, _ = rows[0].shape
    gap = max(1, width // 16)
    padded = [np.pad(row, ((0, 0), (0, gap), (0, gap), (0, 0))) for row in rows]
    axes.imshow(np.concatenate([np.concatenate(list(row), axis=1) for row in padded]))
    axes.set_xticks(
        [k * (width + gap) + width / 2 for k in range(len(numbers))], [f"{n}".replace("-", "−") for n in numbers]
    )
    axes.set_yticks([k * (height + gap) + height / 2 for k in range(len(rows))], ["truth", "forecast", "error"])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if n_before:
        axes.axvline(n_before * (width + gap) - gap / 2 - 0.5, color=INK, linewidth=0.8)
        middle = (n_before * (width + gap) - gap) / 2
        axes.text(middle, 2 * (height + gap), "conditioning", fontsize=6, color=MUTED, ha="center", va="center")
