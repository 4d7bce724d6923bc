"""The means, standard deviations and counts of a metrics.json, computed again from the windows in predictions.h5."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.records.predictions import PerWindow
from pipeline_lib.records.scores import n_frames_of

TOLERANCE = 1e-9
"""Of a number, relative to it, or for one near 0 to the root mean square of its windows: sums in another order."""


def disagreements(record: Mapping[str, Any], per_window: PerWindow, averaged: Collection[str]) -> tuple[list[str], int]:
    """Each number of a metrics.json that its windows do not give, in a sentence; and how many numbers they do give.

    per_window: by protocol, window set and metric, (n_windows,); NaN where a window does not count.
    averaged: metrics whose score of a window is the mean over its frames, so that the horizon tells the mean as well.
    """
    found: list[str] = []
    n_agreeing = 0
    for protocol, window_set, metric, of_set, of_metric in _entries(record):
        where = f"{protocol}, {window_set} windows, {metric}"
        values = per_window.get(protocol, {}).get(window_set, {}).get(metric)
        if values is None:
            # Numbers of a set of windows as a whole, no means over them, leave nothing per window.
            if of_metric["std_over_windows"] is not None or "horizon" in of_metric:
                found.append(f"{where}: predictions.h5 has no values of its windows")
            continue
        problems = [f"{where}: {problem}" for problem in _of_windows(of_set, of_metric, values)]
        problems += [
            f"{where}: {problem}"
            for problem in _of_frames(of_set, of_metric, protocol, n_frames_of(record, protocol), metric in averaged)
        ]
        found += problems
        n_agreeing += not problems
    found += [f"{where}: metrics.json has no such score" for where in _unrecorded(record, per_window)]
    return found, n_agreeing


def _entries(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any], Mapping[str, Any]]]:
    for protocol, result in record["protocols"].items():
        for window_set, of_set in result["window_sets"].items():
            for metric, of_metric in of_set["metrics"].items():
                yield protocol, window_set, metric, of_set, of_metric


def _unrecorded(record: Mapping[str, Any], per_window: PerWindow) -> Iterator[str]:
    recorded = {names[:3] for names in _entries(record)}
    for protocol, window_sets in per_window.items():
        for window_set, metrics in window_sets.items():
            for metric in metrics:
                if (protocol, window_set, metric) not in recorded:
                    yield f"{protocol}, {window_set} windows, {metric}"


def _of_windows(of_set: Mapping[str, Any], of_metric: Mapping[str, Any], values: NDArray[np.float64]) -> Iterator[str]:
    """Counts, mean and standard deviation."""
    if values.ndim != 1 or len(values) != of_set["n_windows"]:
        yield f"{of_set['n_windows']} windows are recorded, predictions.h5 has values of shape {values.shape}"
        return
    if of_set["n_windows"] > of_set["n_available"]:
        yield f"{of_set['n_windows']} windows are scored of {of_set['n_available']} that there are"
    counted = values[~np.isnan(values)]
    n_counted = of_set.get("counted", {}).get("n_windows", of_set["n_windows"])
    if len(counted) != n_counted:
        yield f"{n_counted} windows are recorded to count, {len(counted)} have a value"
        return
    if not len(counted):
        yield "no window counts"
        return
    if not np.isfinite(counted).all():
        yield "predictions.h5 has windows whose value is not finite"
        return
    scale = _root_mean_square(counted.tolist())
    with np.errstate(over="ignore"):  # of a damaged number, which then agrees with nothing
        mean, std = float(counted.mean()), float(counted.std(ddof=1)) if len(counted) > 1 else None
    for name, ours in (("mean", mean), ("std_over_windows", std)):
        if not agree(of_metric[name], ours, scale):
            yield f"{name} is recorded as {of_metric[name]!r}, its windows give {ours!r}"


def _of_frames(
    of_set: Mapping[str, Any], of_metric: Mapping[str, Any], protocol: str, n_frames: int, is_averaged: bool
) -> Iterator[str]:
    """The score over the horizon, whose mean is that over windows, where every frame counts and scores are averaged."""
    horizon = of_metric.get("horizon")
    if horizon is None:
        return
    if len(horizon) != n_frames:
        yield f"the horizon has {len(horizon)} frames, the protocol {n_frames}"
        return
    if not is_averaged or "counted" in of_set or None in horizon or of_metric["mean"] is None:
        return
    scale = _root_mean_square(horizon)
    lengths = {n_frames: of_metric["mean"]}
    # Each length of a content swap has its own best assignment: only all frames are those of the horizon.
    if protocol != "swap":
        lengths |= {int(n): found["mean"] for n, found in of_metric["at"].items()}
    for n, recorded in lengths.items():
        ours = math.fsum(horizon[:n]) / n
        if not agree(recorded, ours, scale):
            yield f"the mean over {n} frames is recorded as {recorded!r}, the horizon gives {ours!r}"


def _root_mean_square(values: Sequence[float]) -> float:
    return math.hypot(*values) / math.sqrt(len(values))  # which no square of a damaged number overflows


def agree(recorded: float | None, ours: float | None, scale: float = 0.0) -> bool:
    """Whether two numbers are the same but for the order of sums; None is the same as None alone."""
    if recorded is None or ours is None:
        return recorded is ours
    return abs(recorded - ours) <= TOLERANCE * max(abs(ours), scale)
