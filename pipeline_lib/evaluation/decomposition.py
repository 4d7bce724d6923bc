"""Protocols of models that take videos apart into objects, scored in one pass over the test windows (DIVE paper).

- forecast: as of any model.
- reconstruction: the input frames with what is judged visible, against the complete ones.
- imputation: the input frames with everything drawn, on those frames alone in which something is missing.
- missingness: evaluation/missingness.py.

A baseline that only fills frames in (`Imputer`) has forecasts and imputations. Windows are streamed, in float32, like
those of a forecast; their context tells what is missing and what complete frames show.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pipeline_lib.data.protocols import TestWindows
from pipeline_lib.evaluation.decomposition_examples import ExampleDecompositions
from pipeline_lib.evaluation.forecast import Forecasts, RunningForecasts, WindowSets, forecast
from pipeline_lib.evaluation.missingness import LabelMetric, RunningLabels
from pipeline_lib.evaluation.objects import check_decomposition, in_order
from pipeline_lib.evaluation.running_scores import AnyScores, ProtocolScores, Scores
from pipeline_lib.evaluation.scoring import Metric, check_prediction, exact_inference, streamed, windows_per_pass
from pipeline_lib.metrics.matching import boxes, matched
from pipeline_lib.models.protocols import Decomposer, Decomposition, Imputer
from pipeline_lib.records.predictions import DecompositionExamples

VideoMetric = Callable[[Decomposer, Tensor], Tensor]


@dataclass(frozen=True)
class Metrics:
    """Metrics by name: of predicted frames; of observed videos, (B, T, C, H, W) → (B,); of labels."""

    frames: Mapping[str, Metric]
    videos: Mapping[str, VideoMetric]
    labels: Mapping[str, LabelMetric]


@dataclass(frozen=True)
class Decompositions:
    """Forecasts, and the scores of the other protocols by protocol, window set and metric.

    Where rows are hidden, `reconstruction` counts the others, and `whole_reconstruction` whole frames. examples: the
    windows that figures show; None for a model that only fills frames in.
    """

    forecasts: Forecasts
    scores: dict[str, dict[str, dict[str, AnyScores]]]
    examples: DecompositionExamples | None


def score_decompositions(
    model: nn.Module,
    windows: TestWindows,
    n_cond: int,
    n_pred: int,
    metrics: Metrics,
    window_sets: WindowSets,
    protocols: Collection[str],
    batch_size: int,
    n_examples: int,
    device: torch.device,
    horizons: Sequence[int] = (),
    visible_rows: tuple[int, int] | None = None,
) -> Decompositions:
    """Take every window of n_cond + n_pred frames apart, once, and score it by these protocols, and its forecast.

    model: a Decomposer, or an Imputer that forecasts, on `device`; it is put into eval mode. The rest is as of
    `score_forecasts`; horizons are of forecasts alone.
    Raises ValueError where the model can do neither, naming the window where something is not finite, and where nothing
    is missing in any window that imputation is asked of.
    """
    if not isinstance(model, Decomposer | Imputer):
        raise ValueError(
            f"the model {type(model).__name__} neither takes videos apart nor fills frames in: leave "
            f"{', '.join(protocols)} out of the protocols"
        )
    forecasts = RunningForecasts(
        windows, n_cond, n_pred, metrics.frames, window_sets, n_examples, horizons, visible_rows
    )
    inputs = _RunningInputs(protocols, metrics, window_sets, windows.n_windows, n_cond, visible_rows)
    examples = ExampleDecompositions(next(iter(window_sets.values())), n_examples, n_cond, windows.frame_shape)
    with exact_inference(model):
        for first, video_BTCHW, context in streamed(windows, _windows_at_once(windows, batch_size), device):
            cond = video_BTCHW[:, :n_cond]
            if isinstance(model, Decomposer):
                found = _taken_apart(model, cond, n_pred, context, first)
                inputs.add(first, found, context)
                inputs.add_video(first, model, video_BTCHW)
                examples.take(first, cond, found, context)
                prediction, imputation = found.forecast_BTCHW, found.imputation_BTCHW
                del found
            else:
                prediction = forecast(model, cond, n_pred, context)
                imputation = model.impute(cond, context["missing"][:, :n_cond].any(dim=2))
            forecasts.add(first, video_BTCHW, prediction, context)
            inputs.add_imputation(first, imputation, context)
            del video_BTCHW, context, cond, prediction, imputation  # before the next pass, which needs as much
    return Decompositions(forecasts.forecasts(), inputs.scores(), examples.taken())


def _windows_at_once(windows: TestWindows, batch_size: int) -> int:
    """As many as memory allows with all that is known of them; what a model makes of them takes about as much again."""
    video = next(windows.batches(1))
    n_values = video.size + sum(values.size for values in windows.context(0, 1).values())
    return windows_per_pass(batch_size, math.ceil(2 * n_values / math.prod(windows.frame_shape)), windows.frame_shape)


def _taken_apart(
    model: Decomposer, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor], first: int
) -> Decomposition:
    """What the model finds in windows from number `first` on, in the truth's order where it knows objects."""
    found = model.decompose(cond_BTCHW, n_pred)
    check_decomposition(found, cond_BTCHW.shape, n_pred, first)
    if "centre" not in context:
        return found
    n_cond, *frame_shape = cond_BTCHW.shape[1:]
    centre_BTK2 = boxes(found.pose_BTK3[:, :n_cond], frame_shape)[..., :2]
    return in_order(found, matched(centre_BTK2, context["centre"][:, :n_cond], context["missing"][:, :n_cond]))


class _RunningInputs:
    """What models make of input frames while windows stream by, scored by each protocol that is asked for."""

    def __init__(
        self,
        protocols: Collection[str],
        metrics: Metrics,
        window_sets: WindowSets,
        n_windows: int,
        n_cond: int,
        visible_rows: tuple[int, int] | None,
    ) -> None:
        self._metrics, self._window_sets, self._n_cond = metrics, window_sets, n_cond
        of_all = (metrics.frames, window_sets, n_windows, n_cond)
        self._frames: dict[str, ProtocolScores] = {}
        if "reconstruction" in protocols:
            self._frames["reconstruction"] = ProtocolScores("reconstruction", *of_all, rows=visible_rows)
            if visible_rows:
                self._frames["whole_reconstruction"] = ProtocolScores("reconstruction", *of_all)
        if "imputation" in protocols:
            self._frames["imputation"] = ProtocolScores("imputation", *of_all)
        self._labels = RunningLabels(n_windows) if "missingness" in protocols else None
        self._videos = {name: np.full(n_windows, np.nan) for name in metrics.videos}

    def add(self, first: int, found: Decomposition, context: Mapping[str, Tensor]) -> None:
        """Take the reconstructions and labels of windows from number `first` on."""
        for protocol in ("reconstruction", "whole_reconstruction"):
            if protocol in self._frames:
                complete_BTCHW = context["complete"][:, : self._n_cond]
                self._frames[protocol].add(first, found.reconstruction_BTCHW, complete_BTCHW, context)
        if self._labels is not None:
            self._labels.add(first, found, self._n_cond, context)

    def add_video(self, first: int, model: Decomposer, video_BTCHW: Tensor) -> None:
        """Take what the model thinks of the observed videos as a whole."""
        for name, metric in self._metrics.videos.items():
            values_B = metric(model, video_BTCHW)
            check_prediction(values_B, video_BTCHW.shape[:1], name, first)
            self._videos[name][first : first + len(values_B)] = values_B.double().cpu().numpy()

    def add_imputation(self, first: int, imputation_BTCHW: Tensor, context: Mapping[str, Tensor]) -> None:
        """Take the frames with everything drawn; those in which something is missing count."""
        if "imputation" in self._frames:
            complete_BTCHW = context["complete"][:, : self._n_cond]
            check_prediction(imputation_BTCHW, complete_BTCHW.shape, "imputation", first)
            counted_BT = context["missing"][:, : self._n_cond].any(dim=2)
            self._frames["imputation"].add(first, imputation_BTCHW, complete_BTCHW, context, counted_BT)

    def scores(self) -> dict[str, dict[str, dict[str, AnyScores]]]:
        """By protocol, window set and metric."""
        found: dict[str, dict[str, dict[str, AnyScores]]] = {
            protocol: {name: dict(of_set) for name, of_set in running.scores().items()}
            for protocol, running in self._frames.items()
        }
        for name, ids in self._window_sets.items():
            for metric, values in self._videos.items():
                found["reconstruction"][name][metric] = Scores(values[ids], horizon=None)
        for name, of_set in found.get("imputation", {}).items():
            if any(isinstance(scores, Scores) and np.isnan(scores.per_window).all() for scores in of_set.values()):
                raise ValueError(
                    f"nothing is missing in the input frames of the {name} windows that were scored: score more of "
                    "them (evaluation.n_windows), or leave imputation out of evaluation.protocols"
                )
        if self._labels is not None:
            of_sets = {name: self._labels.scores(ids, self._metrics.labels) for name, ids in self._window_sets.items()}
            found["missingness"] = {name: dict(of_set) for name, of_set in of_sets.items()}
        return found
