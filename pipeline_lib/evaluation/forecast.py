"""The forecast protocol: score the frames that a model predicts after the conditioning ones, on every test window.

Windows are streamed: besides a few numbers per window and metric, memory does not grow with their number.
The networks compute in float32 on every device, whatever the precision of the training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline_lib.data.protocols import TestWindows
from pipeline_lib.evaluation.scoring import (
    Metric,
    RunningScores,
    Scores,
    check_prediction,
    chosen_examples,
    exact_inference,
    scored,
    windows_per_pass,
)
from pipeline_lib.models.protocols import ContextForecaster


@dataclass(frozen=True)
class Forecasts:
    """Scores by window set and metric, and the chosen few windows with their forecasts, (n, T, C, H, W) float32."""

    scores: dict[str, dict[str, Scores]]
    example_ids: NDArray[np.int64]
    cond: NDArray[np.float32]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]


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
    horizons: Sequence[int] = (),
) -> Forecasts:
    """Forecast `n_pred` frames on every window of n_cond + n_pred frames, once, and score them.

    model: a Forecaster on `device`; it is put into eval mode. window_sets: numbers of each set's windows, increasing;
    examples are taken from the first set.
    batch_size: windows per forward pass at most. horizons: numbers of first frames that are scored apart too.
    Raises ValueError naming the window where a prediction or a score is not finite.
    """
    totals = {
        name: {m: RunningScores(metrics[m], ids, windows.n_windows, n_pred, horizons) for m in metrics}
        for name, ids in window_sets.items()
    }
    main_ids = next(iter(window_sets.values()))
    chosen = main_ids[chosen_examples(len(main_ids), n_examples, n_cond + n_pred, windows.frame_shape)]
    examples = _Examples(chosen, n_cond, n_pred, windows.frame_shape)
    first = 0
    with exact_inference(model):
        for video in windows.batches(windows_per_pass(batch_size, n_cond + n_pred, windows.frame_shape)):
            assert video.shape[1] == n_cond + n_pred, video.shape
            video_BTCHW = torch.from_numpy(video).to(device)
            truth = video_BTCHW[:, n_cond:]
            context = _on(device, windows.context(first, first + len(video)))
            prediction = _forecast(model, video_BTCHW[:, :n_cond], n_pred, context)
            check_prediction(prediction, truth.shape, "forecast", first)
            for metric, values_BT in scored(metrics, prediction, truth, "forecast", first, context).items():
                for running in totals.values():
                    running[metric].add(first, values_BT[None])
            examples.take(first, video, prediction)
            first += len(video)
            del video, video_BTCHW, truth, context, prediction  # before the next pass, which needs as much
    assert first == windows.n_windows, (first, windows.n_windows)
    scores = {name: {metric: r.scores() for metric, r in running.items()} for name, running in totals.items()}
    return Forecasts(scores, examples.ids, examples.cond, examples.truth, examples.prediction)


def _on(device: torch.device, context: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values).to(device) for name, values in context.items()}


def _forecast(model: nn.Module, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor]) -> Tensor:
    if isinstance(model, ContextForecaster):
        return model.forecast_in_context(cond_BTCHW, n_pred, context)
    prediction: Tensor = model.forecast(cond_BTCHW, n_pred)  # type: ignore[operator]
    return prediction


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
