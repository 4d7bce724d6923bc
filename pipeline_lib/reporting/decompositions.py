"""The decompositions in predictions.h5: what figures call them, their colours, and what is known to be missing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import DecompositionExamples, Examples, read_predictions
from pipeline_lib.reporting.examples import example_name
from pipeline_lib.reporting.frames import (
    RGB,
    Coloured,
    Frames,
    channels_beside,
    colour_gamma,
    colour_map,
    coloured,
    value_scale,
)
from pipeline_lib.reporting.sheet import BORDER_LINE, BOX_LINE, CROSS, DASHES, Labels
from pipeline_lib.reporting.style import INK, MUTED, VERMILION, component_colour


def read_decompositions(folder: Path) -> tuple[DecompositionExamples, Examples, Mapping[str, Any]]:
    """Decompositions in the predictions.h5 of a run, the forecasts beside them, and the facts about both.

    Raises ValueError, naming the file, where it has none.
    """
    path = RunPaths(folder).predictions
    predictions = read_predictions(path)
    if predictions.decomposition is None:
        raise ValueError(
            f"{path}: holds no decompositions; add reconstruction and imputation to evaluation.protocols of the "
            "experiment, where they are not there, and evaluate again"
        )
    return predictions.decomposition, predictions.examples, predictions.facts


def decomposition_name(window: int, examples: Examples) -> str:
    """Which window of the test part this number is; by its video, where a forecast of it is kept too."""
    same = np.flatnonzero(examples.window == window)
    return example_name(examples, int(same[0])) if len(same) else f"test window {window}"


def missing_of(decompositions: DecompositionExamples, number: int) -> Labels | None:
    """(n, n_cond): where the object of this number, from 0, is truly missing; None where that is not known.

    Where the truth has one label a frame, it is the frame that is missing, with all that it shows. Else objects stand
    in the order of the true ones, and one beyond these is none of them.
    """
    missing = decompositions.missing
    if missing is None:
        return None
    if missing.shape[2] == 1:
        return missing[..., 0]
    return missing[..., number] if number < missing.shape[2] else None


def imputed_frames(decompositions: DecompositionExamples, number: int) -> Labels:
    """(n, T): where the object of this number, from 0, is drawn though it is judged missing; in no output frame."""
    judged = ~decompositions.visible[..., number]
    return np.concatenate([judged, np.zeros((len(judged), decompositions.forecast.shape[1]), bool)], axis=1)


def something_missing(decompositions: DecompositionExamples) -> Labels:
    """(n, n_cond): where any object is truly missing, or, where that is not known, any is judged to be."""
    missing = ~decompositions.visible if decompositions.missing is None else decompositions.missing
    return np.any(missing, axis=2)


class Painter:
    """Frames in the colours of their dataset, on the scale of the complete videos."""

    def __init__(self, dataset: str, decompositions: DecompositionExamples) -> None:
        n_channels, height, width = decompositions.complete.shape[2:]
        self.size = height, width
        self.n_beside = 1 if n_channels == RGB else n_channels
        self.channels = channels_beside(dataset, n_channels)
        self.colours = colour_map(dataset)
        self.scale = value_scale(decompositions.complete, gamma=colour_gamma(dataset))

    def paint(self, frames_NCHW: Frames) -> Coloured:
        """(N, H, W', 4), channels beside each other where they are no colours."""
        return coloured(frames_NCHW, self.scale, self.colours)


def legend(figure: Figure, n_objects: int, truth_is_known: bool, box: str = "", border: str = "") -> None:
    """Below a figure: what bars and the marks at them say; what a dashed box is, and a border, where there are any."""
    bars = tuple(Patch(facecolor=component_colour(number)) for number in range(n_objects))
    handles: list[tuple[Any, str]] = [
        (bars, "inferred visibility, full: 1"),
        (Line2D([], [], **CROSS), "judged missing"),
    ]
    if truth_is_known:
        handles.append((Patch(facecolor=INK), "truly missing"))
    if box:
        dashed = Patch(fill=False, edgecolor=MUTED, linewidth=BOX_LINE, linestyle=DASHES)
        handles.append((dashed, box))
    if border:
        handles.append((Patch(fill=False, edgecolor=VERMILION, linewidth=BORDER_LINE), border))
    figure.legend(
        *zip(*handles, strict=True),
        loc="outside lower center",
        ncols=len(handles),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        fontsize=7,
        handleheight=0.8,
        columnspacing=1.6,
    )
