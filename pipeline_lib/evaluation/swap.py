"""The content-swap protocol: the content of one video, moving as another does (PDE paper, section 4.3).

The model gets conditioning frames of both videos. Which part of the content takes which motion is not said to it (which
digit takes which trajectory), so every assignment is a truth, and the best one counts: for each video, metric and
number of frames on its own, after the mean over these frames. The curve over the horizon is that of the assignment
that is best over all frames.

Items are streamed, in float32, like the windows of a forecast.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline_lib.data.protocols import SwapBatch, SwapItems
from pipeline_lib.evaluation.running_scores import RunningScores, Scores
from pipeline_lib.evaluation.scoring import (
    Metric,
    check_prediction,
    chosen_examples,
    exact_inference,
    scored,
    windows_per_pass,
)
from pipeline_lib.models.protocols import ContentSwapper
from pipeline_lib.records.predictions import SwapExamples


@dataclass(frozen=True)
class Swaps:
    """Scores by metric, and the chosen few items with their swaps; their truth is the first metric's best."""

    scores: dict[str, Scores]
    examples: SwapExamples


def score_swaps(
    model: nn.Module,
    items: SwapItems,
    n_items: int,
    n_cond: int,
    n_pred: int,
    metrics: Mapping[str, Metric],
    batch_size: int,
    n_examples: int,
    device: torch.device,
    horizons: Sequence[int] = (),
) -> Swaps:
    """Swap contents and predict `n_pred` frames on the first `n_items` items, and score them.

    model: a ContentSwapper on `device`; it is put into eval mode. batch_size: items per forward pass at most.
    horizons: numbers of first frames that are scored apart too.
    Raises ValueError where the model cannot swap, and naming the item where a swap or a score is not finite.
    """
    if not isinstance(model, ContentSwapper):
        raise ValueError(f"the model {type(model).__name__} cannot swap contents: leave swap out of the protocols")
    assert 0 < n_items <= items.n_items
    totals = {m: RunningScores(metrics[m], np.arange(n_items), n_items, n_pred, horizons) for m in metrics}
    chosen = chosen_examples(n_items, n_examples, 2 * (n_cond + n_pred), items.frame_shape)
    examples = _empty_examples(chosen, n_cond, n_pred, items.frame_shape)
    first = 0
    with exact_inference(model):
        for batch in _batches(items, n_items, n_cond, n_pred, batch_size):
            content, motion = (torch.from_numpy(part).to(device) for part in (batch.content, batch.motion))
            prediction = model.swap(content, motion, n_pred)
            check_prediction(prediction, batch.truths[:, 0].shape, "content swap", first)
            values = _scores_of_assignments(metrics, prediction, batch.truths, first)
            best = {metric: totals[metric].add(first, values_ABT) for metric, values_ABT in values.items()}
            _take(examples, first, batch, prediction, next(iter(best.values())))
            first += len(batch.motion)
            del batch, content, motion, prediction  # before the next pass, which needs as much
    assert first == n_items, (first, n_items)
    return Swaps({metric: running.scores() for metric, running in totals.items()}, examples)


def _batches(items: SwapItems, n_items: int, n_cond: int, n_pred: int, batch_size: int) -> Iterator[SwapBatch]:
    """The first `n_items` items; as many at once as memory allows with all their truths."""
    n_truths = next(iter(items.batches(1))).truths.shape[1]
    size = windows_per_pass(batch_size, 2 * n_cond + (1 + n_truths) * n_pred, items.frame_shape)
    left = n_items
    for batch in items.batches(size):
        yield SwapBatch(batch.motion[:left], batch.content[:left], batch.truths[:left])
        left -= len(batch.motion)
        if left <= 0:
            return


def _scores_of_assignments(
    metrics: Mapping[str, Metric], prediction: Tensor, truths: NDArray[np.float32], first: int
) -> dict[str, NDArray[np.float64]]:
    """(A, B, T) scores by metric: against each assignment."""
    each = []
    for assignment in range(truths.shape[1]):
        truth = torch.from_numpy(truths[:, assignment]).to(prediction.device)
        each.append(scored(metrics, prediction, truth, "content swap", first))
    return {metric: np.stack([values[metric] for values in each]) for metric in metrics}


def _empty_examples(
    ids: NDArray[np.int64], n_cond: int, n_pred: int, frame_shape: tuple[int, int, int]
) -> SwapExamples:
    def empty(n_frames: int) -> NDArray[np.float32]:
        return np.empty((len(ids), n_frames, *frame_shape), np.float32)

    return SwapExamples(
        content=empty(n_cond), motion=empty(n_cond), truth=empty(n_pred), prediction=empty(n_pred), item=ids
    )


def _take(
    examples: SwapExamples, first: int, batch: SwapBatch, prediction_BTCHW: Tensor, best_B: NDArray[np.int64]
) -> None:
    """Keep those of the items from number `first` on that are wanted."""
    start, stop = np.searchsorted(examples.item, [first, first + len(batch.motion)])
    for k in range(start, stop):
        place = examples.item[k] - first
        examples.content[k], examples.motion[k] = batch.content[place], batch.motion[place]
        examples.truth[k] = batch.truths[place, best_B[place]]
        examples.prediction[k] = prediction_BTCHW[place].cpu().numpy()
