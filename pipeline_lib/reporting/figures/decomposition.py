"""Figure `decomposition`: a few test videos taken apart into objects, with where each is judged missing (DIVE paper,
section 4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline_lib.records.predictions import DecompositionExamples
from pipeline_lib.reporting.decompositions import (
    Painter,
    decomposition_name,
    imputed_frames,
    legend,
    missing_of,
    read_decompositions,
)
from pipeline_lib.reporting.examples import few, subject
from pipeline_lib.reporting.frames import evenly, predicted_frames, tile_height
from pipeline_lib.reporting.sheet import BAR, Sheet
from pipeline_lib.reporting.style import FULL_WIDTH, component_colour, heading, save, styled

N_EXAMPLES = 3
MOST_INCHES = 7.5
"""Where objects are many there are fewer videos, but one: a page holds no more."""

N_COND_FRAMES = 10
N_FRAMES = 10


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the decompositions in predictions.h5 of the one run whose folder is in `runs`.

    Raises ValueError where there is no such file, or no decomposition in it.
    """
    (folder,) = runs
    decompositions, examples, facts = read_decompositions(folder)
    painter = Painter(str(facts["dataset"]), decompositions)
    shown = few(decompositions, _n_examples(decompositions))
    names = [decomposition_name(window, examples) for window in shown.window]
    with styled():
        figure = _figure(shown, names, painter)
        about = [subject(facts), "decomposition", painter.channels]
        heading(figure, str(facts["title"]), ", ".join(filter(None, about)))
        save(figure, files)


def _columns(decompositions: DecompositionExamples) -> tuple[list[int], list[int]]:
    """Which input frames are shown, and which output frames, counted from 0."""
    n_cond, n_pred = decompositions.observed.shape[1], decompositions.forecast.shape[1]
    return evenly(n_cond, N_COND_FRAMES), [number - 1 for number in predicted_frames(n_pred, N_FRAMES)]


def _n_examples(decompositions: DecompositionExamples) -> int:
    n_rows = 3 + (1 + BAR) * decompositions.component.shape[2]
    before, after = _columns(decompositions)
    inches = 0.6 + n_rows * tile_height(len(before) + len(after), decompositions.complete, 0.95 * FULL_WIDTH)
    return max(1, min(N_EXAMPLES, int(MOST_INCHES / inches)))


def _figure(decompositions: DecompositionExamples, names: Sequence[str], painter: Painter) -> Figure:
    n_objects = decompositions.component.shape[2]
    figure = Figure(figsize=(FULL_WIDTH, FULL_WIDTH), layout="constrained")
    sheets = [
        _sheet(axes, decompositions, k, names[k], painter)
        for k, axes in enumerate(figure.subplots(len(names), 1, squeeze=False)[:, 0])
    ]
    inches_per_pixel = 0.88 * FULL_WIDTH / sheets[0].width
    figure.set_size_inches(FULL_WIDTH, 0.5 + sum(0.5 + inches_per_pixel * sheet.height for sheet in sheets))
    legend(figure, n_objects, decompositions.missing is not None, box="box of an object judged missing: imputed")
    return figure


def _sheet(axes: Axes, decompositions: DecompositionExamples, k: int, name: str, painter: Painter) -> Sheet:
    """The k-th video: what was seen, truth, prediction, and every object alone with its box above its bar."""
    n_cond = decompositions.observed.shape[1]
    before, after = _columns(decompositions)
    both = [*before, *(n_cond + t for t in after)]
    numbers = [t - n_cond + 1 for t in both]
    sheet = Sheet(axes, painter.size, numbers[: len(before)], numbers[len(before) :], painter.n_beside)
    prediction = np.concatenate([decompositions.reconstruction[k], decompositions.forecast[k]])
    sheet.frames("observed", painter.paint(decompositions.observed[k, before]), blank="to be predicted")
    sheet.frames("truth", painter.paint(decompositions.complete[k, both]))
    sheet.frames("prediction", painter.paint(prediction[both]))
    for number in range(decompositions.component.shape[2]):
        colour, missing = component_colour(number), missing_of(decompositions, number)
        sheet.frames(f"object {number + 1}", painter.paint(decompositions.component[k, both, number]))
        imputed = imputed_frames(decompositions, number)
        sheet.boxes(decompositions.box[k, both, number], colour, imputed[k, both])
        sheet.bar(
            decompositions.visibility[k, before, number],
            decompositions.visible[k, before, number],
            None if missing is None else missing[k, before],
            colour,
        )
    sheet.finish(name, heads=("input frames", "output frames"))
    return sheet
