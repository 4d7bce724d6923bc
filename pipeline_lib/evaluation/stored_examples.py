"""The scores of the examples in predictions.h5, computed again from their frames, against those of their windows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline_lib.config.registry import DATASETS, METRICS, MetricEntry, load
from pipeline_lib.evaluation.scoring import Metric, scored
from pipeline_lib.records.predictions import Predictions

TOLERANCE = 1e-4
"""Relative: metrics are computed in float32, and frames were scored in other batches, perhaps on another device."""


@dataclass(frozen=True)
class Frames:
    """Stored predictions and truths of one protocol, (n, T, C, H, W), and the numbers of their windows (n,).

    counted: (n, T) bool, frames that count; None: all of them.
    """

    protocol: str
    prediction: NDArray[np.float32]
    truth: NDArray[np.float32]
    window: NDArray[np.int64]
    counted: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class ExampleCheck:
    """wrong: each score that its frames do not give, in a sentence. n_agreeing: scores that they do give."""

    wrong: tuple[str, ...]
    n_agreeing: int


def check_examples(predictions: Predictions, record: Mapping[str, Any]) -> ExampleCheck:
    """Score what is stored again; record: content of metrics.json.

    Left out is what cannot be computed from what is stored: frames that figures show in another unit than metrics take,
    metrics that want a window's context, sets whose windows the examples' numbers do not count.
    """
    wrong, n_agreeing = [], 0
    for frames in _stored(predictions, record):
        for window_set, metrics in predictions.per_window.get(frames.protocol, {}).items():
            if not _is_numbered_by(window_set, frames.protocol, record):
                continue
            names = _computable(frames, record["protocols"][frames.protocol]["window_sets"][window_set]["metrics"])
            for name, ours in _scores(frames, names).items():
                recorded = metrics[name][frames.window] if name in metrics else np.full(len(ours), np.nan)
                bad = np.flatnonzero(~_agree(recorded, ours))
                n_agreeing += len(ours) - len(bad)
                wrong += [
                    f"{frames.protocol}, {window_set} windows, {name}: window {frames.window[k]} is recorded with "
                    f"{recorded[k]:.9g}, its stored frames give {ours[k]:.9g}"
                    for k in bad
                ]
    return ExampleCheck(tuple(wrong), n_agreeing)


def _stored(predictions: Predictions, record: Mapping[str, Any]) -> Iterator[Frames]:
    """What is stored in the unit that metrics take, with rows that do not count cut off."""
    entry = DATASETS.get(record["dataset"])
    rows = slice(*record["visible_rows"]) if record.get("visible_rows") else slice(None)
    examples = predictions.examples
    if entry is not None and entry.show is None:
        prediction, truth = (part[..., rows, :] for part in (examples.prediction, examples.truth))
        yield Frames("forecast", prediction, truth, examples.window)
    if predictions.swap is not None:
        yield Frames("swap", predictions.swap.prediction, predictions.swap.truth, predictions.swap.item)
    parts = predictions.decomposition
    if parts is None:
        return
    complete = parts.complete[:, : parts.observed.shape[1]]
    yield Frames("reconstruction", parts.reconstruction[..., rows, :], complete[..., rows, :], parts.window)
    yield Frames("whole_reconstruction", parts.reconstruction, complete, parts.window)
    yield Frames("whole_forecast", parts.forecast, parts.complete[:, parts.observed.shape[1] :], parts.window)
    if parts.missing is not None:
        is_imputed: NDArray[np.bool_] = np.any(parts.missing, axis=2)
        yield Frames("imputation", parts.imputation, complete, parts.window, is_imputed)


def _is_numbered_by(window_set: str, protocol: str, record: Mapping[str, Any]) -> bool:
    """Whether the number of a window among all that were scored is its number in this set.

    So it is in the only set, and in that of all windows, where none was left out.
    """
    sets = record["protocols"][protocol]["window_sets"]
    of_set = sets[window_set]
    return len(sets) == 1 or (window_set == "all" and of_set["n_windows"] == of_set["n_available"])


def _computable(frames: Frames, metrics: Mapping[str, Any]) -> list[str]:
    """Metrics of frames alone. The stored truth of a content swap is the best one by the first metric alone."""
    names = [
        name for name in metrics if name in METRICS and METRICS[name].kind == "frames" and METRICS[name].context is None
    ]
    if frames.protocol == "swap":
        return [name for name in names[:1] if name == next(iter(metrics))]
    return names


def _scores(frames: Frames, names: list[str]) -> dict[str, NDArray[np.float64]]:
    """By metric: the scores (n,) over all frames that count, NaN where none does."""
    metrics = {name: _metric(METRICS[name]) for name in names}
    prediction, truth = (torch.from_numpy(np.ascontiguousarray(part)) for part in (frames.prediction, frames.truth))
    with torch.inference_mode():
        values = scored(metrics, prediction, truth, "stored prediction", 0)
    counted = np.ones(frames.prediction.shape[:2], bool) if frames.counted is None else frames.counted
    n_counted = counted.sum(axis=1)
    return {
        name: metrics[name].of_mean(
            np.where(n_counted > 0, values_NT.sum(axis=1, where=counted), np.nan) / np.maximum(n_counted, 1)
        )
        for name, values_NT in values.items()
    }


def _metric(entry: MetricEntry) -> Metric:
    of_mean: Any = np.asarray if entry.of_mean is None else load(entry.of_mean)
    return Metric(load(entry.function), entry.direction, of_mean=of_mean)


def _agree(recorded: NDArray[np.float64], ours: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.isclose(recorded, ours, rtol=TOLERANCE, atol=0, equal_nan=True)
