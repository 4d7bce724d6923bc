"""The scores in a metrics.json, one by one.

protocols: <protocol>: window_sets: <window set>:
    n_windows       windows (swap: items) that were scored
    n_available     windows that the set has; more than were scored where evaluation.n_windows says so
    metrics: <metric>:
        mean, std_over_windows     over all frames of the protocol; null where it is not defined, or no mean of windows
        horizon                    mean over windows per frame, null for one that never counts; absent where a metric
                                   is of videos or labels as a whole
        at: <number of frames>: mean, std_over_windows     over that many first frames
    counted: n_windows, n_frames                           of these, where not all count (imputation)

The frames of a protocol are predicted ones, or the input frames that models see (`of_input`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OF_INPUT = ("reconstruction", "whole_reconstruction", "imputation", "missingness")
"""Protocols that score what becomes of the frames that a model sees."""


def of_input(protocol: str) -> bool:
    """Whether the frames of a protocol are the input frames, and not predicted ones."""
    return protocol in OF_INPUT


def n_frames_of(metrics: Mapping[str, Any], protocol: str) -> int:
    """How many frames a protocol scores in all."""
    return int(metrics["n_cond" if of_input(protocol) else "n_pred_test"])


@dataclass(frozen=True)
class Score:
    """A metric's mean over the first `n_frames` frames of the protocol and over the windows of a set.

    is_main: of the protocol's first window set. mean: NaN where it is not defined. std_over_windows: None for a single
    window, and for what is no mean over windows.
    """

    protocol: str
    window_set: str
    metric: str
    n_frames: int
    n_windows: int
    is_main: bool
    mean: float
    std_over_windows: float | None


def scores(metrics: Mapping[str, Any]) -> Iterator[Score]:
    """Every score in the content of a metrics.json, each once: by protocol, window set, metric, and frames."""
    for protocol, result in metrics["protocols"].items():
        for number, (window_set, of_set) in enumerate(result["window_sets"].items()):
            for metric, of_metric in of_set["metrics"].items():
                for n_frames, found in _by_frames(of_metric, n_frames_of(metrics, protocol)):
                    mean = math.nan if found["mean"] is None else float(found["mean"])
                    values = (mean, found["std_over_windows"])
                    yield Score(protocol, window_set, metric, n_frames, of_set["n_windows"], number == 0, *values)


def main_score(metrics: Mapping[str, Any], protocol: str, metric: str, n_frames: int | None = None) -> Score:
    """The score on the protocol's first window set over `n_frames` frames (None: all of them).

    Raises ValueError that says what there is instead.
    """
    found = [score for score in scores(metrics) if score.protocol == protocol and score.is_main]
    if not found:
        raise ValueError(f"the protocol {protocol} was not evaluated, only {', '.join(metrics['protocols'])}")
    of_metric = [score for score in found if score.metric == metric]
    if not of_metric:
        names = ", ".join(dict.fromkeys(score.metric for score in found))
        raise ValueError(f"has no {metric} on the {found[0].window_set} windows of the {protocol}, only {names}")
    if n_frames is None:
        return of_metric[-1]
    for score in of_metric:
        if score.n_frames == n_frames:
            return score
    lengths = ", ".join(str(score.n_frames) for score in of_metric)
    raise ValueError(f"has no {metric} of the {protocol} over {n_frames} frames, only over {lengths}")


def _by_frames(of_metric: Mapping[str, Any], n_all: int) -> list[tuple[int, Mapping[str, Any]]]:
    """What is known over how many frames, increasing; all frames last."""
    shorter = sorted((int(n_frames), found) for n_frames, found in of_metric["at"].items() if int(n_frames) < n_all)
    return [*shorter, (n_all, of_metric)]
