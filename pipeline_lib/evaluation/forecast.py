"""The forecast protocol: score the frames that a model predicts after the conditioning ones, on every test window.

Windows are streamed: besides one number per window and metric, memory does not grow with their number.
The networks compute in float32 on every device, whatever the precision of the training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline_lib.data.protocols import TestWindows

PRECISION = "float32"

Metric = Callable[[Tensor, Tensor], Tensor]
"""Predicted and true frames, (B, T, C, H, W) each, to scores (B, T)."""


@dataclass(frozen=True)
class Scores:
    """One metric on one set of windows: mean over frames per window (n,), and mean over windows per frame (n_pred,)."""

    per_window: NDArray[np.float64]
    horizon: NDArray[np.float64]

    def summary(self) -> dict[str, Any]:
        """Mean, standard deviation over windows (n - 1; null for one window) and horizon, as plain JSON types."""
        n = len(self.per_window)
        return {
            "mean": float(self.per_window.mean()),
            "std_over_windows": float(self.per_window.std(ddof=1)) if n > 1 else None,
            "horizon": self.horizon.tolist(),
            "at": {},
        }


@dataclass(frozen=True)
class Forecasts:
    """Scores by window set and metric, and the chosen few windows with their forecasts, (n, T, C, H, W) float32."""

    scores: dict[str, dict[str, Scores]]
    example_ids: NDArray[np.int64]
    cond: NDArray[np.float32]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]


def spread(n_windows: int, n_examples: int) -> NDArray[np.int64]:
    """Numbers of at most `n_examples` windows, increasing, spread evenly over the `n_windows`.

    Multiples of the golden ratio: equal steps would fall on the same part of every video where the number of
    windows per video divides the step.
    """
    golden = (5**0.5 - 1) / 2
    fractions = (0.5 + golden * np.arange(n_examples)) % 1
    return np.unique((fractions * n_windows).astype(np.int64))


def score_forecasts(
    model: nn.Module,
    windows: TestWindows,
    n_cond: int,
    n_pred: int,
    metrics: Mapping[str, Metric],
    window_sets: Mapping[str, NDArray[np.int64]],
    batch_size: int,
    n_examples: int,
    device: torch.device,
) -> Forecasts:
    """Forecast `n_pred` frames on every window of n_cond + n_pred frames, once, and score them.

    model: a Forecaster on `device`; it is put into eval mode. window_sets: numbers of each set's windows, increasing.
    Raises ValueError naming the window where a prediction or a score is not finite.
    """
    totals = {
        name: {metric: _Running(ids, windows.n_windows, n_pred) for metric in metrics}
        for name, ids in window_sets.items()
    }
    examples = _Examples(spread(windows.n_windows, n_examples), n_cond, n_pred, windows.frame_shape)
    model.eval()
    first = 0
    # Convolutions on a GPU would otherwise round their inputs to TF32.
    float32 = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    with torch.inference_mode(), float32:
        for video in windows.batches(batch_size):
            assert video.shape[1] == n_cond + n_pred, video.shape
            video_BTCHW = torch.from_numpy(video).to(device)
            truth = video_BTCHW[:, n_cond:]
            prediction = _forecast(model, video_BTCHW[:, :n_cond], truth, first)
            for metric, function in metrics.items():
                values_BT = _scored(metric, function, prediction, truth, first)
                for running in totals.values():
                    running[metric].add(first, values_BT)
            examples.take(first, video, prediction)
            first += len(video)
    assert first == windows.n_windows, (first, windows.n_windows)
    scores = {name: {metric: r.scores() for metric, r in running.items()} for name, running in totals.items()}
    return Forecasts(scores, examples.ids, examples.cond, examples.truth, examples.prediction)


def _forecast(model: nn.Module, cond_BTCHW: Tensor, truth_BTCHW: Tensor, first: int) -> Tensor:
    prediction: Tensor = model.forecast(cond_BTCHW, truth_BTCHW.shape[1])  # type: ignore[operator]
    if prediction.shape != truth_BTCHW.shape:
        raise ValueError(
            f"the model forecasts frames of shape {tuple(prediction.shape)}, the task has {tuple(truth_BTCHW.shape)}"
        )
    finite = torch.isfinite(prediction).flatten(1).all(dim=1)
    if not finite.all():
        window = first + int((~finite).nonzero()[0])
        raise ValueError(
            f"the forecast of test window {window} is not finite: its weights are no good; look at the training's "
            "curves, and train again with a lower learning rate or in float32"
        )
    return prediction


def _scored(metric: str, function: Metric, prediction: Tensor, truth: Tensor, first: int) -> NDArray[np.float64]:
    """(B, T) scores on the host."""
    values = function(prediction, truth)
    assert values.shape == prediction.shape[:2], (metric, values.shape)
    values_BT: NDArray[np.float64] = values.double().cpu().numpy()
    finite = np.isfinite(values_BT).all(axis=1)
    if not finite.all():
        window = first + int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"{metric} of test window {window} is not finite although its forecast is: does the test file hold NaN?"
        )
    return values_BT


class _Running:
    """One metric on one set of windows while they stream by."""

    def __init__(self, ids: NDArray[np.int64], n_windows: int, n_pred: int) -> None:
        assert len(ids) > 0 and (np.diff(ids) > 0).all() and 0 <= ids[0] and ids[-1] < n_windows
        self._ids = ids
        self._per_window = np.empty(len(ids))
        self._horizon_sum = np.zeros(n_pred)

    def add(self, first: int, values_BT: NDArray[np.float64]) -> None:
        """Scores of the windows from number `first` on."""
        start, stop = np.searchsorted(self._ids, [first, first + len(values_BT)])
        chosen = values_BT[self._ids[start:stop] - first]
        self._per_window[start:stop] = chosen.mean(axis=1)
        self._horizon_sum += chosen.sum(axis=0)

    def scores(self) -> Scores:
        return Scores(self._per_window, self._horizon_sum / len(self._ids))


class _Examples:
    """The windows that figures show, picked out of the stream."""

    def __init__(self, ids: NDArray[np.int64], n_cond: int, n_pred: int, frame_shape: tuple[int, int, int]) -> None:
        self.ids = ids
        self._n_cond = n_cond
        self.cond = np.empty((len(ids), n_cond, *frame_shape), np.float32)
        self.truth = np.empty((len(ids), n_pred, *frame_shape), np.float32)
        self.prediction = np.empty_like(self.truth)

    def take(self, first: int, video: NDArray[np.float32], prediction_BTCHW: Tensor) -> None:
        """Keep those of the windows from number `first` on that are wanted."""
        start, stop = np.searchsorted(self.ids, [first, first + len(video)])
        for k in range(start, stop):
            place = self.ids[k] - first
            self.cond[k], self.truth[k] = video[place, : self._n_cond], video[place, self._n_cond :]
            self.prediction[k] = prediction_BTCHW[place].cpu().numpy()
