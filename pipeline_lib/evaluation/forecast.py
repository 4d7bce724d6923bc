"""The forecast protocol: score the frames that a model predicts after the conditioning ones, on every test window.

Windows are streamed: besides a few numbers per window and metric, memory does not grow with their number.
The networks compute in float32 on every device, whatever the precision of the training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline_lib.data.protocols import TestWindows
from pipeline_lib.evaluation.running_scores import ProtocolScores, Scores
from pipeline_lib.evaluation.scoring import (
    Metric,
    check_prediction,
    chosen_examples,
    exact_inference,
    streamed,
    windows_per_pass,
)
from pipeline_lib.models.protocols import ContextForecaster

WindowSets = Mapping[str, NDArray[np.int64]]
SetScores = dict[str, dict[str, Scores]]


@dataclass(frozen=True)
class Forecasts:
    """Scores by window set and metric, and the chosen few windows with their forecasts, (n, T, C, H, W) float32.

    whole_scores: those of whole frames against complete ones, where `scores` counts the rows that are visible.
    """

    scores: SetScores
    example_ids: NDArray[np.int64]
    cond: NDArray[np.float32]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]
    whole_scores: SetScores = field(default_factory=dict)


def score_forecasts(
    model: nn.Module,
    windows: TestWindows,
    n_cond: int,
    n_pred: int,
    metrics: Mapping[str, Metric],
    window_sets: WindowSets,
    batch_size: int,
    n_examples: int,
    device: torch.device,
    horizons: Sequence[int] = (),
    visible_rows: tuple[int, int] | None = None,
) -> Forecasts:
    """Forecast `n_pred` frames on every window of n_cond + n_pred frames, once, and score them.

    model: a Forecaster on `device`; it is put into eval mode. window_sets: numbers of each set's windows, increasing;
    examples are taken from the first set.
    batch_size: windows per forward pass at most. horizons: numbers of first frames that are scored apart too.
    visible_rows: rows of a frame that count; whole frames are then scored besides.
    Raises ValueError naming the window where a prediction or a score is not finite.
    """
    running = RunningForecasts(windows, n_cond, n_pred, metrics, window_sets, n_examples, horizons, visible_rows)
    with exact_inference(model):
        size = windows_per_pass(batch_size, n_cond + n_pred, windows.frame_shape)
        for first, video_BTCHW, context in streamed(windows, size, device):
            prediction = forecast(model, video_BTCHW[:, :n_cond], n_pred, context)
            running.add(first, video_BTCHW, prediction, context)
            del video_BTCHW, context, prediction  # before the next pass, which needs as much
    return running.forecasts()


def forecast(model: nn.Module, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor]) -> Tensor:
    """What a Forecaster predicts, (B, n_pred, C, H, W), one that needs the windows' context by that."""
    if isinstance(model, ContextForecaster):
        return model.forecast_in_context(cond_BTCHW, n_pred, context)
    prediction: Tensor = model.forecast(cond_BTCHW, n_pred)  # type: ignore[operator]
    return prediction


class RunningForecasts:
    """Forecasts while windows stream by: their scores, and the windows that figures show."""

    def __init__(
        self,
        windows: TestWindows,
        n_cond: int,
        n_pred: int,
        metrics: Mapping[str, Metric],
        window_sets: WindowSets,
        n_examples: int,
        horizons: Sequence[int],
        visible_rows: tuple[int, int] | None,
    ) -> None:
        """As `score_forecasts`."""
        of_all = (metrics, window_sets, windows.n_windows, n_pred, horizons)
        self._n_cond = n_cond
        self._scores = ProtocolScores("forecast", *of_all, visible_rows)
        self._whole = ProtocolScores("forecast", *of_all) if visible_rows else None
        main_ids = next(iter(window_sets.values()))
        chosen = main_ids[chosen_examples(len(main_ids), n_examples, n_cond + n_pred, windows.frame_shape)]
        self._examples = _Examples(chosen, n_cond, n_pred, windows.frame_shape)

    def add(self, first: int, video_BTCHW: Tensor, prediction_BTCHW: Tensor, context: Mapping[str, Tensor]) -> None:
        """Take the forecasts of the windows from number `first` on; their frames are `video`."""
        n_cond = self._n_cond
        truth_BTCHW = video_BTCHW[:, n_cond:]
        check_prediction(prediction_BTCHW, truth_BTCHW.shape, "forecast", first)
        self._scores.add(first, prediction_BTCHW, truth_BTCHW, context)
        if self._whole is not None:
            self._whole.add(first, prediction_BTCHW, context["complete"][:, n_cond:], context)
        self._examples.take(first, video_BTCHW, prediction_BTCHW)

    def forecasts(self) -> Forecasts:
        """What was found, once every window was added."""
        whole = {} if self._whole is None else self._whole.scores()
        examples = self._examples
        parts = (examples.ids, examples.cond, examples.truth, examples.prediction)
        return Forecasts(self._scores.scores(), *parts, whole)


class _Examples:
    """The windows that figures show, picked out of the stream."""

    def __init__(self, ids: NDArray[np.int64], n_cond: int, n_pred: int, frame_shape: tuple[int, int, int]) -> None:
        self.ids = ids
        self._n_cond = n_cond
        self.cond = np.empty((len(ids), n_cond, *frame_shape), np.float32)
        self.truth = np.empty((len(ids), n_pred, *frame_shape), np.float32)
        self.prediction = np.empty_like(self.truth)

    def take(self, first: int, video_BTCHW: Tensor, prediction_BTCHW: Tensor) -> None:
        """Keep those of the windows from number `first` on that are wanted."""
        start, stop = np.searchsorted(self.ids, [first, first + len(video_BTCHW)])
        for k in range(start, stop):
            video, prediction = (part[self.ids[k] - first].cpu().numpy() for part in (video_BTCHW, prediction_BTCHW))
            self.cond[k], self.truth[k] = video[: self._n_cond], video[self._n_cond :]
            self.prediction[k] = prediction
