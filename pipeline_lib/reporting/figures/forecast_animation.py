"""Figure `forecast_animation`: truth, forecast and error of a few test windows as they go on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import read_predictions
from pipeline_lib.reporting.animation import Palette, Panel, blank, save_animation
from pipeline_lib.reporting.examples import few, subject
from pipeline_lib.reporting.frames import (
    channels_beside,
    colour_gamma,
    colour_map,
    error_of,
    error_scale,
    value_scale,
)

N_EXAMPLES = 3


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Animate predictions.h5 of the one run whose folder is in `runs`. Raises ValueError where there is none."""
    (folder,) = runs
    predictions = read_predictions(RunPaths(folder).predictions)
    examples, facts = few(predictions.examples, N_EXAMPLES), predictions.facts
    n_cond = examples.cond.shape[1]
    errors_NTCHW = error_of(examples.prediction, examples.truth)
    palette = Palette(
        colour_map(str(facts["dataset"])),
        value_scale(examples.cond, examples.truth, gamma=colour_gamma(str(facts["dataset"]))),
        error_scale(errors_NTCHW),
        is_rgb=examples.truth.shape[2] == 3,
    )
    cond, truth, forecast = (palette.values(part) for part in (examples.cond, examples.truth, examples.prediction))
    panels = [
        Panel("truth", np.concatenate([cond, truth])),
        Panel("forecast", np.concatenate([cond, forecast])),
        Panel("error", np.concatenate([blank(n_cond, cond), palette.errors(errors_NTCHW)])),
    ]
    channels = channels_beside(str(facts["dataset"]), examples.truth.shape[2])
    about = ", ".join(filter(None, [f"{facts['title']}", subject(facts), channels]))
    save_animation(files, panels, palette, about, n_cond)
