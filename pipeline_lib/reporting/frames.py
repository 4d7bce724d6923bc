"""Frames side by side in a figure: which ones, their colours, and rows of them under each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, PowerNorm
from numpy.typing import NDArray

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.registry import DATASETS
from pipeline_lib.reporting.style import ERRORS, INK, MUTED, VALUES

Frames = NDArray[np.float32]
Coloured = NDArray[np.float64]

ALWAYS = 10
"""This predicted frame is shown wherever there is one: the horizon that Moving MNIST's models are trained for."""

LABEL_SIZE = 6.5

RGB = 3
"""Frames of so many channels are colours; else every channel is a frame by itself."""

CHANNEL_GAP = 1
"""Between channels that stand beside each other [pixels of a frame]."""


def colour_map(dataset: str) -> str:
    """In which colours values of a dataset are shown."""
    return DATASETS[dataset].settings.colour_map if dataset in DATASETS else VALUES


def channels_beside(dataset: str, n_channels: int) -> str:
    """Which channels stand beside each other in every frame that is shown, from the left; empty for one and for RGB."""
    if n_channels in (1, RGB):
        return ""
    names = DATASETS[dataset].settings.channel_names if dataset in DATASETS else ()
    return "each frame: " + ", ".join(names or (f"channel {k + 1}" for k in range(n_channels)))


def in_unit(dataset: str, name: str | None = None) -> str:
    """What values of a dataset are called, or `name`, with their unit behind it where they have one."""
    settings = DATASETS[dataset].settings if dataset in DATASETS else DatasetSettings
    return f"{name or settings.value_name} [{settings.unit}]" if settings.unit else name or settings.value_name


def colour_gamma(dataset: str) -> float:
    """Exponent of the scale on which values of a dataset are coloured."""
    return DATASETS[dataset].settings.colour_gamma if dataset in DATASETS else 1.0


def value_scale(*frames: Frames, gamma: float = 1.0) -> Normalize:
    """From the least to the greatest value of these, the truth."""
    least, greatest = float(min(part.min() for part in frames)), float(max(part.max() for part in frames))
    return Normalize(least, greatest) if gamma == 1 else PowerNorm(gamma, least, greatest)


def error_scale(error: Frames) -> Normalize:
    """Symmetric around 0, up to the largest error."""
    largest = max(float(np.abs(error).max()), 1e-12)
    return Normalize(-largest, largest)


def evenly(n: int, n_wanted: int) -> list[int]:
    """At most n_wanted of 0..n-1, first and last among them."""
    return sorted(set(np.linspace(0, n - 1, min(n, n_wanted)).round().astype(int).tolist()))


def predicted_frames(n_pred: int, n_most: int) -> list[int]:
    """At most `n_most` (6 or more) of the predicted frames 1..n_pred: the first, the last, the tenth and round numbers.

    Where there is room, early frames too: forecasts change most there.
    """
    for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, n_pred):
        rounds = {t for t in range(step, n_pred, step) if n_pred - t >= step / 2}
        chosen = {1, n_pred} | rounds | ({ALWAYS} if n_pred >= ALWAYS else set())
        if len(chosen) <= n_most:
            break
    for early in (3, 5, 2):
        if early < min(step, n_pred) and len(chosen) < n_most:
            chosen.add(early)
    return sorted(chosen)


def frame_name(number: int) -> str:
    """Frames are counted from the last conditioning one, t: 1 is the first predicted frame."""
    return f"t{number:+d}".replace("-", "\N{MINUS SIGN}") if number else "t"


def error_of(prediction: Frames, truth: Frames) -> Frames:
    """Forecast − truth; for three channels, which are shown as colours, the mean of them."""
    error = prediction - truth
    return error.mean(axis=-3, keepdims=True) if error.shape[-3] == RGB else error


def beside(frames: Sequence[NDArray[Any]], axis: int) -> NDArray[Any]:
    """Frames joined along the axis of their width, with a gap of zeros, which is nothing, between them."""
    gap = np.zeros_like(np.take(frames[0], range(CHANNEL_GAP), axis))
    parts = [part for frame in frames for part in (gap, frame)]
    return np.concatenate(parts[1:], axis)


def coloured(frames_NCHW: Frames, scale: Normalize, colours: str) -> Coloured:
    """(N, H, W', 4): three channels as they are; else by the colour map, every channel, beside each other."""
    if frames_NCHW.shape[1] == RGB:
        rgb = np.clip(scale(np.moveaxis(frames_NCHW, 1, -1)), 0, 1)
        return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1)
    mapping = ScalarMappable(scale, colours)
    return beside(
        [np.stack([mapping.to_rgba(frame) for frame in channel]) for channel in frames_NCHW.swapaxes(0, 1)], 2
    )


def coloured_errors(errors_NCHW: Frames, scale: Normalize) -> Coloured:
    """(N, H, W', 4), every channel, beside each other."""
    return coloured(errors_NCHW, scale, ERRORS)


@dataclass(frozen=True)
class Row:
    """A row of frames (N, H, W, 4): conditioning and predicted ones; None where there are none."""

    label: str
    before: Coloured | None
    after: Coloured | None


def montage(axes: Axes, rows: Sequence[Row], numbers_before: Sequence[int], numbers_after: Sequence[int]) -> None:
    """Rows of frames under each other, the conditioning ones apart; numbers of the frames are written below."""
    height, width = next(part.shape[1:3] for row in rows for part in (row.before, row.after) if part is not None)
    gap, n_before = max(1, width // 16), len(numbers_before)
    space = 3 * gap if n_before else 0
    lefts = [k * (width + gap) + (space if k >= n_before else 0) for k in range(n_before + len(numbers_after))]
    canvas = np.zeros((len(rows) * (height + gap), lefts[-1] + width, 4))
    for k, row in enumerate(rows):
        top = k * (height + gap)
        for part, places in ((row.before, lefts[:n_before]), (row.after, lefts[n_before:])):
            for frame, left in zip([] if part is None else part, places, strict=part is not None):
                canvas[top : top + height, left : left + width] = frame
    axes.imshow(canvas, interpolation_stage="rgba")
    axes.set_xticks([left + width / 2 - 0.5 for left in lefts], [*map(frame_name, [*numbers_before, *numbers_after])])
    axes.set_yticks([k * (height + gap) + height / 2 - 0.5 for k in range(len(rows))], [row.label for row in rows])
    axes.tick_params(length=0, labelsize=LABEL_SIZE)
    axes.spines[:].set_visible(False)
    if n_before:
        boundary = lefts[n_before] - (space + gap) / 2 - 0.5
        axes.axvline(boundary, color=INK, linewidth=0.8)
        _name_blank(axes, rows, lefts[n_before - 1] + width, height + gap)


def _name_blank(axes: Axes, rows: Sequence[Row], width: int, pitch: int) -> None:
    """Say what the empty place below conditioning frames is."""
    blank = [k for k, row in enumerate(rows) if row.before is None]
    if blank:
        middle = (blank[0] + len(blank) / 2) * pitch
        axes.text(width / 2, middle, "conditioning", fontsize=6, color=MUTED, ha="center", va="center")


def tile_height(n_columns: int, frames_NTCHW: Frames, inches: float) -> float:
    """Height of one of these frames [inches] where this many stand beside each other in `inches`."""
    n_channels, height, width = frames_NTCHW.shape[2:]
    if n_channels != RGB:
        width = n_channels * (width + CHANNEL_GAP) - CHANNEL_GAP
    return inches / n_columns * height / width
