"""Figure `horizon`: each metric over the predicted frames, a line per model, a band over its seeds.

A panel for each metric; content swaps, where they were evaluated, have a row of panels of their own.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

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

N_LEGEND_COLUMNS = 3

PROTOCOLS = {"forecast": "forecast", "swap": "content swap"}
"""What the rows of panels are called, in their order."""


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the main window set of all evaluated runs of a dataset; their folders are `runs`.

    Lines are means over windows and seeds; bands go from the least to the greatest of the seeds' means.
    Raises ValueError for runs that must not be mixed (reporting/results.py).
    """
    results = read_results(runs)
    rows = {name: metrics for name in PROTOCOLS if (metrics := _metrics(results, name))}
    n_columns = max(len(metrics) for metrics in rows.values())
    with styled():
        height = (
            2.7 if n_columns == 1 else 0.6 + 1.9 * len(rows) + 0.17 * math.ceil((len(results) + 2) / N_LEGEND_COLUMNS)
        )
        figure = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
        panels = figure.subplots(len(rows), n_columns, squeeze=False, sharex=True)
        for row, (protocol, metrics) in zip(panels, rows.items(), strict=True):
            for axes, metric in zip(row, metrics, strict=False):
                _panel(axes, results, protocol, metric)
            for axes in row[len(metrics) :]:
                axes.set_visible(False)
            if len(rows) > 1:
                row[0].set_title(f"{PROTOCOLS[protocol]}, {_windows(results, protocol)}", loc="left")
        _name_frames(panels)
        _legend(figure, panels, has_bands=any(len(result.seeds) > 1 for result in results))
        heading(figure, results[0].fact("dataset"), _conditions(results, list(rows)))
        save(figure, files)


def _metrics(results: Sequence[ExperimentResult], protocol: str) -> list[str]:
    """Metrics on the protocol's main window set; none where it was not evaluated."""
    main = _main_set(results, protocol)
    return [metric for name, metric in metric_names(results, protocol) if name == main]


def _main_set(results: Sequence[ExperimentResult], protocol: str) -> str | None:
    return next((result.window_sets(protocol)[0] for result in results if result.window_sets(protocol)), None)


def _windows(results: Sequence[ExperimentResult], protocol: str) -> str:
    """What the lines of a protocol are means over."""
    window_set = _main_set(results, protocol)
    assert window_set is not None
    n_windows = next(r.n_windows(window_set, protocol) for r in results if window_set in r.window_sets(protocol))
    return f"{n_windows:,} items" if protocol == "swap" else f"{window_set} test windows ({n_windows:,})"


def _conditions(results: Sequence[ExperimentResult], protocols: Sequence[str]) -> str:
    """What all lines have in common."""
    parts = [_windows(results, protocols[0])] if len(protocols) == 1 else []
    if schedules := sorted({result.fact("schedule_name") for result in results if not result.fact("is_baseline")}):
        parts.append(f"schedule {' and '.join(schedules)}")
    return ", ".join(parts)


def _panel(axes: Axes, results: Sequence[ExperimentResult], protocol: str, metric: str) -> None:
    colours = model_colours([result.fact("model") for result in results])
    window_set = _main_set(results, protocol)
    assert window_set is not None
    entry = METRICS[metric]
    for result in results:
        if metric in result.metrics(window_set, protocol):
            horizons_ST = np.array(result.horizons(window_set, metric, protocol))
            _line(axes, result, horizons_ST, colours[result.fact("model")], entry.direction == "lower")
    unit = "" if entry.unit == "1" else f" [{entry.unit}]"
    axes.set_ylabel(f"{entry.title}{unit}")
    axes.set_xlim(1, results[0].fact("n_pred_test"))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    if entry.direction == "lower":
        logarithmic(axes)
    else:
        _cut_spikes(axes)
    rule_lines(axes)
    _mark_training_horizon(axes, results)


def _cut_spikes(axes: Axes) -> None:
    """Leave out of the axis what single frames reach, where all others would be squeezed by it.

    Videos can come back to where they were, as Moving MNIST's do; for a while a copy is perfect then.
    """
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()])
    low, high = np.quantile(values, [0.03, 0.97])
    span = high - low
    if values.max() > high + span:
        axes.set_ylim(top=high + 0.1 * span)
    if values.min() < low - span:
        axes.set_ylim(bottom=low - 0.1 * span)


def _name_frames(panels: NDArray[Any]) -> None:
    """The name of the horizontal axis, below the last panel of each column."""
    for column in panels.T:
        lowest = [axes for axes in column if axes.get_visible()][-1]
        lowest.set_xlabel("predicted frame")
        lowest.tick_params(labelbottom=True)


def _line(
    axes: Axes, result: ExperimentResult, horizons_ST: NDArray[np.float64], colour: str, is_logarithmic: bool
) -> None:
    frames = np.arange(1, horizons_ST.shape[1] + 1)
    n_seeds = len(result.seeds)
    label = result.fact("title") + (f" ({n_seeds} seed{'s' if n_seeds > 1 else ''})" if n_seeds else "")
    style: dict[str, Any] = (
        {"dashes": BASELINE_DASHES.get(result.fact("model"), (3.0, 1.5))} if result.fact("is_baseline") else {}
    )
    means = horizons_ST.mean(axis=0)
    if is_logarithmic:
        means = np.where(means > 0, means, np.nan)  # a forecast can be perfect, where a video comes back
    axes.plot(frames, means, color=colour, label=label, **style)
    if n_seeds > 1:
        axes.fill_between(
            frames, horizons_ST.min(axis=0), horizons_ST.max(axis=0), color=colour, alpha=0.18, linewidth=0
        )


def _legend(figure: Figure, panels: NDArray[Any], has_bands: bool) -> None:
    """Beside a single panel, below several."""
    by_label: dict[str, Any] = {}
    for axes in panels.flat:
        handles, labels = axes.get_legend_handles_labels()
        by_label = {**dict(zip(labels, handles, strict=True)), **by_label}
    shown = list(by_label.values())
    if has_bands:
        shown.append(Patch(color=MUTED, alpha=0.25, linewidth=0, label="range over seeds"))
    if panels.shape[1] == 1:
        figure.legend(handles=shown, loc="outside right upper", handlelength=2.4, labelspacing=0.7)
    else:
        figure.legend(handles=shown, loc="outside lower left", handlelength=2.4, ncols=N_LEGEND_COLUMNS)


def _mark_training_horizon(axes: Axes, results: Sequence[ExperimentResult]) -> None:
    """A line where forecasts go beyond the number of frames that the models were trained to predict."""
    trained = {result.fact("n_pred") for result in results if not result.fact("is_baseline")}
    if len(trained) == 1 and (n_pred := trained.pop()) < results[0].fact("n_pred_test"):
        label = f"training horizon, {n_pred} frames"
        axes.axvline(n_pred, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)), label=label)
