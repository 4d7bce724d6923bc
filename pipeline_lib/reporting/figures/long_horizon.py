"""Figure `long_horizon`: a few test windows to the end of the horizon, a row for the truth and one for every model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.predictions import Examples, read_predictions
from pipeline_lib.reporting.examples import example_name, few
from pipeline_lib.reporting.frames import (
    Row,
    channels_beside,
    colour_gamma,
    colour_map,
    coloured,
    montage,
    predicted_frames,
    tile_height,
    value_scale,
)
from pipeline_lib.reporting.results import ExperimentResult, read_results
from pipeline_lib.reporting.style import FULL_WIDTH, heading, save, styled

N_EXAMPLES = 3
MOST_ROWS = 18
"""With more models there are fewer examples, but one."""

N_COND_FRAMES = 2
N_FRAMES = 13


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the runs of a dataset whose folders are `runs`; of an experiment with several seeds the first.

    Raises ValueError for runs that must not be mixed (reporting/results.py), and where runs were evaluated on other
    example windows than the first.
    """
    results = sorted(read_results(runs), key=lambda result: bool(result.fact("is_baseline")))
    n_examples = max(1, min(N_EXAMPLES, MOST_ROWS // (1 + len(results))))
    forecasts = [few(examples, n_examples) for examples in _read_examples(results)]
    with styled():
        figure = _figure(_labels(results), forecasts, results[0].fact("dataset"))
        channels = channels_beside(results[0].fact("dataset"), forecasts[0].truth.shape[2])
        heading(figure, results[0].fact("dataset"), ", ".join(filter(None, [conditions(results), channels])))
        save(figure, files)


def conditions(results: Sequence[ExperimentResult]) -> str:
    """Which of the seeds is shown of the trained models, and how these were trained."""
    trained = [result for result in results if result.seeds]
    parts = []
    if seeds := sorted({result.seeds[0] for result in trained}):
        parts.append(f"seed {' and '.join(map(str, seeds))}")
    if schedules := sorted({result.fact("schedule_name") for result in trained}):
        parts.append(f"schedule {' and '.join(schedules)}")
    return ", ".join(parts)


def _labels(results: Sequence[ExperimentResult]) -> list[str]:
    """Titles; where experiments share one, as those of a sweep do, their names."""
    titles = [str(result.fact("title")) for result in results]
    return [
        title if titles.count(title) == 1 else str(result.fact("model"))
        for title, result in zip(titles, results, strict=True)
    ]


def _read_examples(results: Sequence[ExperimentResult]) -> list[Examples]:
    """The examples of the first run of each experiment; they are forecasts of the same windows."""
    found: list[Examples] = []
    for result in results:
        folder = result.runs[0].folder
        examples = read_predictions(RunPaths(folder).predictions).examples
        first = found[0] if found else examples
        for part in ("window", "video", "start", "cond", "truth"):
            if not np.array_equal(getattr(examples, part), getattr(first, part)):
                raise ValueError(
                    f"{folder} and {results[0].runs[0].folder} keep forecasts of different windows ({part} differs): "
                    "give both the same evaluation.n_examples, n_windows and window_sets, and evaluate again"
                )
        found.append(examples)
    return found


def _figure(labels: Sequence[str], forecasts: Sequence[Examples], dataset: str) -> Figure:
    """labels, forecasts: of the models, in the order of their rows."""
    examples, colours = forecasts[0], colour_map(dataset)
    (n_examples, n_cond), n_pred = examples.cond.shape[:2], examples.truth.shape[1]
    before, numbers = list(range(max(0, n_cond - N_COND_FRAMES), n_cond)), predicted_frames(n_pred, N_FRAMES)
    after = [number - 1 for number in numbers]
    scale = value_scale(examples.cond, examples.truth, gamma=colour_gamma(dataset))
    frame_height = tile_height(len(before) + len(after), examples.truth, 0.84 * FULL_WIDTH)
    height = 0.25 + n_examples * ((1 + len(forecasts)) * frame_height * 1.06 + 0.34)
    figure = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
    for k, axes in enumerate(figure.subplots(n_examples, 1, squeeze=False)[:, 0]):
        cond, truth = examples.cond[k][before], examples.truth[k][after]
        rows = [Row("truth", coloured(cond, scale, colours), coloured(truth, scale, colours))]
        for label, forecast in zip(labels, forecasts, strict=True):
            rows.append(Row(label, None, coloured(forecast.prediction[k][after], scale, colours)))
        montage(axes, rows, [t - n_cond + 1 for t in before], numbers)
        axes.set_title(example_name(examples, k), loc="left", fontsize=7)
    return figure
