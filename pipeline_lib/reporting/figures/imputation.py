"""Figure `imputation`: input frames around those in which something is missing: as observed, as imputed, and the truth
(DIVE paper, section 4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline_lib.records.predictions import DecompositionExamples
from pipeline_lib.reporting.decompositions import (
    Painter,
    decomposition_name,
    legend,
    missing_of,
    read_decompositions,
    something_missing,
)
from pipeline_lib.reporting.examples import chosen, subject
from pipeline_lib.reporting.frames import evenly
from pipeline_lib.reporting.sheet import Labels, Sheet
from pipeline_lib.reporting.style import FULL_WIDTH, component_colour, heading, save, styled

N_EXAMPLES, N_BESIDE = 6, 2
N_FRAMES = 8


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the input frames of the decompositions in predictions.h5 of the one run whose folder is in `runs`.

    Videos in which nothing is missing are left out where there are others. Raises ValueError where there is no such
    file, or no decomposition in it.
    """
    (folder,) = runs
    decompositions, examples, facts = read_decompositions(folder)
    painter = Painter(str(facts["dataset"]), decompositions)
    gaps = np.flatnonzero(something_missing(decompositions).any(axis=1))
    candidates = gaps if len(gaps) else np.arange(len(decompositions.window))
    shown = chosen(decompositions, [int(candidates[k]) for k in evenly(len(candidates), N_EXAMPLES)])
    names = [decomposition_name(window, examples) for window in shown.window]
    with styled():
        figure = _figure(shown, names, painter)
        about = [subject(facts), "imputation", painter.channels]
        heading(figure, str(facts["title"]), ", ".join(filter(None, about)))
        save(figure, files)


def frames_around(missing_N: Labels, n_most: int) -> range:
    """At most `n_most` successive frames, counted from 0, with those that are missing in their middle.

    Where these reach too far, from the frame before the first of them on.
    """
    found = np.flatnonzero(missing_N)
    first, last = (int(found[0]), int(found[-1])) if len(found) else (0, 0)
    fits = last - first + 2 < n_most
    start = -((n_most - 1 - first - last) // 2) if fits else first - 1
    start = max(0, min(start, len(missing_N) - n_most))
    return range(start, min(start + n_most, len(missing_N)))


def _figure(decompositions: DecompositionExamples, names: Sequence[str], painter: Painter) -> Figure:
    n_rows, n_beside = -(-len(names) // N_BESIDE), min(len(names), N_BESIDE)
    figure = Figure(figsize=(FULL_WIDTH, FULL_WIDTH), layout="constrained")
    grid = figure.subplots(n_rows, n_beside, squeeze=False)
    sheets = [_sheet(grid.flat[k], decompositions, k, name, painter) for k, name in enumerate(names)]
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    inches_per_pixel = 0.84 * FULL_WIDTH / N_BESIDE / sheets[0].width
    figure.set_size_inches(FULL_WIDTH, 0.55 + n_rows * (0.42 + inches_per_pixel * sheets[0].height))
    known = decompositions.missing is not None
    border = "something is missing" if known else "something is judged missing"
    legend(figure, decompositions.component.shape[2], known, border=border)
    return figure


def _sheet(axes: Axes, decompositions: DecompositionExamples, k: int, name: str, painter: Painter) -> Sheet:
    """The k-th video: what was seen, what is imputed, truth, and the bar of every object."""
    n_cond = decompositions.observed.shape[1]
    gaps = something_missing(decompositions)[k]
    shown = list(frames_around(gaps, N_FRAMES))
    sheet = Sheet(axes, painter.size, [t - n_cond + 1 for t in shown], n_beside=painter.n_beside)
    sheet.frames("observed", painter.paint(decompositions.observed[k, shown]))
    sheet.frames("imputed", painter.paint(decompositions.imputation[k, shown]))
    sheet.frames("truth", painter.paint(decompositions.complete[k, shown]))
    sheet.frame_columns(gaps[shown])
    for number in range(decompositions.component.shape[2]):
        missing = missing_of(decompositions, number)
        sheet.bar(
            decompositions.visibility[k, shown, number],
            decompositions.visible[k, shown, number],
            None if missing is None else missing[k, shown],
            component_colour(number),
            label=f"object {number + 1}",
        )
    sheet.finish(name)
    return sheet
