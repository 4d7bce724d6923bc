"""Figure `loss_curves`: a training's losses and its validation forecasts over the iterations, from its journal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.journal import Entry, metric_points, read_journal
from pipeline_lib.reporting.style import FULL_WIDTH, INK, SERIES, heading, logarithmic, rule_lines, save, styled

VALIDATION_SUFFIX = "_mse_per_pixel"

Curve = list[tuple[int, int, float]]


def draw(runs: Sequence[Path], files: Mapping[str, Path]) -> None:
    """Draw the journal of the one run whose folder is in `runs`.

    Raises ValueError, naming the journal, where it is missing or holds no losses.
    """
    (folder,) = runs
    path = RunPaths(folder).journal
    if not path.is_file():
        raise ValueError(f"{path}: does not exist; train the run first")
    entries = list(read_journal(path))
    curves = metric_points(entries)
    if "loss" not in curves:
        raise ValueError(
            f"{path}: holds no losses; the run was not trained, or stopped before its first logging interval"
        )
    identity = _identity(entries)
    validation = {key: curve for key, curve in curves.items() if key.endswith(VALIDATION_SUFFIX)}
    with styled():
        figure = Figure(figsize=(FULL_WIDTH, 2.6), layout="constrained")
        ratios = [1.15, 1] if validation else [1]
        panels = figure.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
        _losses(panels[0], curves, identity.get("params", {}))
        if validation:
            _validation(panels[1], validation)
        heading(figure, identity.get("experiment", folder.name), _seed(identity))
        save(figure, files)


def _identity(entries: Sequence[Entry]) -> dict[str, Any]:
    """The journal's `run` entry."""
    return next((entry.content for entry in entries if entry.kind == "run"), {})


def _seed(identity: dict[str, Any]) -> str:
    return "" if identity.get("seed") is None else f"seed {identity['seed']}"


def _losses(axes: Axes, curves: dict[str, Curve], params: dict[str, Any]) -> None:
    terms = sorted(key for key in curves if key.startswith("loss_"))
    for colour, key in zip(SERIES, terms, strict=False):
        name = key.removeprefix("loss_")
        weight = params.get(f"model.objective.lambda_{name}")
        _line(axes, curves[key], name if weight is None else f"{name}, λ = {weight:g}", colour, 1.1)
    _line(axes, curves["loss"], "total, weighted by λ", INK, 1.6)
    _finish(axes, "training losses, terms unweighted")
    lines = sorted(axes.get_lines(), key=_last_value, reverse=True)
    axes.legend(handles=lines, loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=1.4, labelspacing=0.6)


def _last_value(line: Line2D) -> float:
    """Where a curve ends: the legend lists curves as they lie above each other there."""
    values = np.asarray(line.get_ydata())
    values = values[np.isfinite(values)]
    return float(values[-1]) if len(values) else 0.0


def _validation(axes: Axes, curves: dict[str, Curve]) -> None:
    names = {key: key.removesuffix(VALIDATION_SUFFIX).replace("_", " ") for key in curves}
    for colour, (key, curve) in zip(SERIES, curves.items(), strict=False):
        _line(axes, curve, names[key], colour, 1.2, marker="o")
    _finish(axes, f"MSE per pixel, {' and '.join(names.values())}")
    if len(curves) > 1:
        axes.legend(loc="upper right", handlelength=1.6)


def _line(axes: Axes, curve: Curve, label: str, colour: str, width: float, marker: str | None = None) -> None:
    steps, values = np.array([point[0] for point in curve]), np.array([point[2] for point in curve])
    values = np.where(values > 0, values, np.nan)  # the axis is logarithmic
    marker = marker or ("o" if len(values) == 1 else None)
    axes.plot(steps, values, color=colour, label=label, linewidth=width, marker=marker, markersize=2.2)


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    logarithmic(axes)
    axes.set_xlabel("iteration")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    rule_lines(axes)
