"""Figure `decomposition_animation`: what was seen, truth, prediction and every object with its box, as they go on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline_lib.records.predictions import DecompositionExamples
from pipeline_lib.reporting.animation import PANEL_WIDTH, Outlines, Palette, Panel, blank, save_animation
from pipeline_lib.reporting.decompositions import Painter, imputed_frames, read_decompositions
from pipeline_lib.reporting.examples import few, subject
from pipeline_lib.reporting.frames import RGB, Frames
from pipeline_lib.reporting.style import component_colour

N_EXAMPLES = 3
FRAME_MS = 250
"""Videos are short, and there is much to see in each frame."""


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Animate the decompositions in predictions.h5 of the one run whose folder is in `runs`.

    Raises ValueError where there is no such file, or no decomposition in it.
    """
    (folder,) = runs
    decompositions, _, facts = read_decompositions(folder)
    painter = Painter(str(facts["dataset"]), decompositions)
    shown = few(decompositions, N_EXAMPLES)
    n_objects, n_channels = shown.component.shape[2:4]
    marks = [component_colour(number) for number in range(n_objects)]
    palette = Palette(painter.colours, painter.scale, is_rgb=n_channels == RGB, marks=marks)
    n_cond, n_pred = shown.observed.shape[1], shown.forecast.shape[1]
    observed, truth, prediction = (
        palette.values(reduced(part, _factor(part)))
        for part in (shown.observed, shown.complete, np.concatenate([shown.reconstruction, shown.forecast], axis=1))
    )
    panels = [
        Panel("observed", np.concatenate([observed, blank(n_pred, observed)])),
        Panel("truth", truth),
        Panel("prediction", prediction),
        *(_object(shown, number, palette) for number in range(n_objects)),
    ]
    about = [str(facts["title"]), subject(facts), painter.channels, "dashed: judged missing"]
    save_animation(files, panels, palette, ", ".join(filter(None, about)), n_cond, FRAME_MS, seen="input")


def reduced(frames_NTCHW: Frames, factor: int) -> Frames:
    """Means over squares of factor x factor pixels."""
    *first, height, width = frames_NTCHW.shape
    return frames_NTCHW.reshape(*first, height // factor, factor, width // factor, factor).mean(axis=(-3, -1))


def _factor(frames_NTCHW: Frames) -> int:
    """By how much frames that are larger than a panel are reduced: by a number that divides them, if by any."""
    height, width = frames_NTCHW.shape[3:]
    factors = (k for k in range(max(1, width // PANEL_WIDTH), 0, -1) if height % k == width % k == 0)
    return next(factors)


def _object(shown: DecompositionExamples, number: int, palette: Palette) -> Panel:
    """The object of this number, from 0, alone."""
    frames = shown.component[:, :, number]
    factor = _factor(frames)
    centre, size = np.split(shown.box[:, :, number].swapaxes(0, 1), 2, axis=-1)
    # The middle of the first pixel is 0, of many pixels as of few.
    boxes = np.concatenate([(centre + 0.5) / factor - 0.5, size / factor], axis=-1)
    outlines = Outlines(boxes, imputed_frames(shown, number).swapaxes(0, 1), palette.marks[number])
    return Panel(f"object {number + 1}", palette.values(reduced(frames, factor)), outlines)
