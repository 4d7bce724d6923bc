"""Figure `swap_grid`: contents in the first column, motions in the first rows, and each content moving as each motion
does (PDE paper, section 4.3)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import SwapGrid
from pipeline_lib.reporting.examples import read_swap_grid, subject
from pipeline_lib.reporting.frames import (
    Row,
    colour_map,
    coloured,
    montage,
    predicted_frames,
    tile_height,
    value_scale,
)
from pipeline_lib.reporting.style import FULL_WIDTH, heading, save, styled

N_FRAMES = 10


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the grid of content swaps in predictions.h5 of the one run whose folder is in `runs`.

    Raises ValueError where there is no such file, or no grid in it.
    """
    (folder,) = runs
    grid, facts = read_swap_grid(RunPaths(folder).predictions)
    with styled():
        figure = _figure(grid, colour_map(str(facts["dataset"])))
        heading(figure, str(facts["title"]), f"{subject(facts)}, content swap")
        save(figure, files)


def _figure(grid: SwapGrid, colours: str) -> Figure:
    """A block for each motion."""
    n_contents, n_motions, n_pred = grid.prediction.shape[:3]
    numbers = predicted_frames(n_pred, N_FRAMES)
    scale = value_scale(grid.content, grid.motion)
    frame_height = tile_height(1 + len(numbers), grid.motion, 0.88 * FULL_WIDTH)
    height = 0.25 + n_motions * ((1 + n_contents) * frame_height * 1.06 + 0.34)
    figure = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
    for k, axes in enumerate(figure.subplots(n_motions, 1, squeeze=False)[:, 0]):
        _block(axes, grid, k, numbers, scale, colours)
    return figure


def _block(axes: Axes, grid: SwapGrid, k: int, numbers: Sequence[int], scale: Normalize, colours: str) -> None:
    """Motion k above what becomes of each content; each content is shown by its last conditioning frame."""
    n_cond = grid.content.shape[1]
    after = [number - 1 for number in numbers]
    contents = [coloured(content[-1:], scale, colours) for content in grid.content]
    rows = [Row("motion", np.zeros_like(contents[0]), coloured(grid.motion[k, n_cond:][after], scale, colours))]
    for content, prediction in zip(contents, grid.prediction[:, k], strict=True):
        rows.append(Row("swapped", content, coloured(prediction[after], scale, colours)))
    montage(axes, rows, [0], numbers)
    names = [label.get_text() for label in axes.get_xticklabels()]
    axes.set_xticks(axes.get_xticks(), ["content", *names[1:]])
