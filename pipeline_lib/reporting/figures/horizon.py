"""Figure `horizon`: each metric over the predicted frames, a line per model, a band over its seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from pipeline_lib.config.registry import METRICS
from pipeline_lib.reporting.results import ExperimentResult, metric_names, read_results
from pipeline_lib.reporting.style import (
    BASELINE_DASHES,
    FULL_WIDTH,
    MUTED,
    heading,
    logarithmic,
    model_colours,
    rule_lines,
    save,
    styled,
)


def draw(runs: Sequence[Path], pdf: Path, png: Path) -> None:
    """Draw the main window set of all evaluated runs of a dataset; their folders are `runs`.

    Lines are means over windows and seeds; bands go from the least to the greatest of the seeds' means.
    Raises ValueError for runs that must not be mixed (reporting/results.py).
    """
    results = read_results(runs)
    window_set = results[0].window_sets()[0]
    metrics = [metric for name, metric in metric_names(results) if name == window_set]
    with styled():
        figure = Figure(figsize=(FULL_WIDTH, 2.7), layout="constrained")
        panels = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            _panel(axes, results, window_set, metric)
        _legend(figure, panels[0], has_bands=any(len(result.seeds) > 1 for result in results))
        heading(figure, results[0].fact("dataset"), _conditions(results, window_set))
        save(figure, pdf, png)


def _conditions(results: Sequence[ExperimentResult], window_set: str) -> str:
    parts = [f"{window_set} test windows ({results[0].n_windows(window_set):,})"]
    if schedules := sorted({result.fact("schedule_name") for result in results if not result.fact("is_baseline")}):
        parts.append(f"schedule {' and '.join(schedules)}")
    return ", ".join(parts)


def _panel(axes: Axes, results: Sequence[ExperimentResult], window_set: str, metric: str) -> None:
    colours = model_colours([result.fact("model") for result in results])
    for result in results:
        if metric in result.metrics(window_set):
            _line(axes, result, np.array(result.horizons(window_set, metric)), colours[result.fact("model")])
    entry, first = METRICS[metric], results[0]
    unit = "" if entry.unit == "1" else f" [{entry.unit}]"
    axes.set_ylabel(f"{entry.title}{unit}")
    axes.set_xlabel("predicted frame")
    axes.set_xlim(1, first.fact("n_pred_test"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if entry.direction == "lower":
        logarithmic(axes)
    rule_lines(axes)
    _mark_training_horizon(axes, results)


def _line(axes: Axes, result: ExperimentResult, horizons_ST: np.ndarray, colour: str) -> None:
    frames = np.arange(1, horizons_ST.shape[1] + 1)
    n_seeds = len(result.seeds)
    label = result.fact("title") + (f" ({n_seeds} seed{'s' if n_seeds > 1 else ''})" if n_seeds else "")
    style: dict[str, Any] = (
        {"dashes": BASELINE_DASHES.get(result.fact("model"), (3.0, 1.5))} if result.fact("is_baseline") else {}
    )
    axes.plot(frames, horizons_ST.mean(axis=0), color=colour, label=label, **style)
    if n_seeds > 1:
        axes.fill_between(
            frames, horizons_ST.min(axis=0), horizons_ST.max(axis=0), color=colour, alpha=0.18, linewidth=0
        )


def _legend(figure: Figure, axes: Axes, has_bands: bool) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if has_bands:
        handles.append(Patch(color=MUTED, alpha=0.25, linewidth=0, label="range over seeds"))
    figure.legend(handles=handles, loc="outside right upper", handlelength=2.4, labelspacing=0.7)


def _mark_training_horizon(axes: Axes, results: Sequence[ExperimentResult]) -> None:
    """A line where forecasts go beyond the number of frames that the models were trained to predict."""
    trained = {result.fact("n_pred") for result in results if not result.fact("is_baseline")}
    if len(trained) != 1 or (n_pred := trained.pop()) >= results[0].fact("n_pred_test"):
        return
    axes.axvline(n_pred, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
    axes.annotate(
        "training horizon",
        (n_pred, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-3, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=6.5,
        color=MUTED,
    )
