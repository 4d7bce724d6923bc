"""Figure `swap`: the content of one video, moving as another does; what a run made of it, and the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import SwapExamples
from pipeline_lib.reporting.examples import few, read_swaps, subject
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

N_ITEMS = 3
N_COND_FRAMES = 3
N_FRAMES = 11


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the content swaps in predictions.h5 of the one run whose folder is in `runs`.

    Raises ValueError where there is no such file, or no swap in it.
    """
    (folder,) = runs
    swaps, facts = read_swaps(RunPaths(folder).predictions)
    with styled():
        figure = _figure(few(swaps, N_ITEMS), colour_map(str(facts["dataset"])))
        heading(figure, str(facts["title"]), f"{subject(facts)}, content swap")
        save(figure, files)


def _figure(swaps: SwapExamples, colours: str) -> Figure:
    (n_items, n_cond), n_pred = swaps.content.shape[:2], swaps.truth.shape[1]
    before, numbers = list(range(max(0, n_cond - N_COND_FRAMES), n_cond)), predicted_frames(n_pred, N_FRAMES)
    after = [number - 1 for number in numbers]
    scale = value_scale(swaps.content, swaps.motion, swaps.truth)
    frame_height = tile_height(len(before) + len(after), swaps.truth, 0.88 * FULL_WIDTH)
    figure = Figure(figsize=(FULL_WIDTH, 0.25 + n_items * (4 * frame_height * 1.06 + 0.34)), layout="constrained")
    for k, axes in enumerate(figure.subplots(n_items, 1, squeeze=False)[:, 0]):
        rows = [
            Row("content", coloured(swaps.content[k][before], scale, colours), None),
            Row("motion", coloured(swaps.motion[k][before], scale, colours), None),
            Row("swapped", None, coloured(swaps.prediction[k][after], scale, colours)),
            Row("truth", None, coloured(swaps.truth[k][after], scale, colours)),
        ]
        montage(axes, rows, [t - n_cond + 1 for t in before], numbers)
        axes.set_title(f"item {swaps.item[k]} of the swap test", loc="left", fontsize=7)
    return figure
