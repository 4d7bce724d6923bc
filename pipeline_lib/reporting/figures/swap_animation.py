"""Figure `swap_animation`: the content of one video, moving as another does, beside the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.reporting.animation import Palette, Panel, blank, save_animation
from pipeline_lib.reporting.examples import few, read_swaps, subject
from pipeline_lib.reporting.frames import colour_map, value_scale

N_ITEMS = 3


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Animate the content swaps in predictions.h5 of the one run whose folder is in `runs`.

    Both videos stand still at their last conditioning frame while the swap goes on. Raises ValueError where there is
    no such file, or no swap in it.
    """
    (folder,) = runs
    swaps, facts = read_swaps(RunPaths(folder).predictions)
    swaps = few(swaps, N_ITEMS)
    n_cond, n_pred = swaps.content.shape[1], swaps.truth.shape[1]
    scale = value_scale(swaps.content, swaps.motion, swaps.truth)
    palette = Palette(colour_map(str(facts["dataset"])), scale, is_rgb=swaps.truth.shape[2] == 3)
    content, motion, swapped, truth = (
        palette.values(part) for part in (swaps.content, swaps.motion, swaps.prediction, swaps.truth)
    )
    panels = [
        Panel("content, to t", np.concatenate([content, content[-1:].repeat(n_pred, axis=0)])),
        Panel("motion, to t", np.concatenate([motion, motion[-1:].repeat(n_pred, axis=0)])),
        Panel("swapped", np.concatenate([blank(n_cond, swapped), swapped])),
        Panel("truth", np.concatenate([blank(n_cond, truth), truth])),
    ]
    save_animation(files, panels, palette, f"{facts['title']}, {subject(facts)}: content swap", n_cond)
