"""What the evaluation protocols share: checked predictions, scores that are gathered while windows stream by.

A window may have several truths (the assignments of a content swap), of which the best counts; a forecast has one.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PRECISION = "float32"

VALUES_PER_PASS = 2**24
"""Pixel values of the videos in one forward pass, 64 MiB: with them, a decoder's largest features take about 1 GiB."""

EXAMPLE_VALUES = 2**24
"""Pixel values of all predictions that are kept for figures, 64 MiB."""


@dataclass(frozen=True)
class Metric:
    """function: predicted and true frames, (B, T, C, H, W) each, to scores (B, T). direction: which is better.

    uses_context: the function takes the windows' context, tensors (B, …) by name, as well.
    """

    function: Callable[..., Tensor]
    direction: Literal["lower", "higher"]
    uses_context: bool = False

    def __call__(self, prediction_BTCHW: Tensor, truth_BTCHW: Tensor, context: Mapping[str, Tensor]) -> Tensor:
        extra = (context,) if self.uses_context else ()
        return self.function(prediction_BTCHW, truth_BTCHW, *extra)


@dataclass(frozen=True)
class Scores:
    """One metric on one set of windows.

    per_window (n,): means over all predicted frames. horizon (n_pred,): means over windows. at: per window, (n,), the
    means over that many first frames.
    """

    per_window: NDArray[np.float64]
    horizon: NDArray[np.float64]
    at: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Mean, standard deviation over windows (n - 1; null for one window), horizon and `at`, as plain JSON types."""
        return {
            **_mean_and_std(self.per_window),
            "horizon": self.horizon.tolist(),
            "at": {str(n_frames): _mean_and_std(values) for n_frames, values in self.at.items()},
        }


def _mean_and_std(values: NDArray[np.float64]) -> dict[str, float | None]:
    return {
        "mean": float(values.mean()),
        "std_over_windows": float(values.std(ddof=1)) if len(values) > 1 else None,
    }


class RunningScores:
    """One metric on one set of windows while they stream by: a few numbers per window, whatever its length."""

    def __init__(
        self, metric: Metric, ids: NDArray[np.int64], n_windows: int, n_pred: int, horizons: Sequence[int] = ()
    ) -> None:
        assert len(ids) > 0 and (np.diff(ids) > 0).all() and 0 <= ids[0] and ids[-1] < n_windows
        self._best = np.argmin if metric.direction == "lower" else np.argmax
        self._ids = ids
        self._horizons = tuple(horizons)
        self._means = {n_frames: np.empty(len(ids)) for n_frames in (*horizons, n_pred)}
        self._horizon_sum = np.zeros(n_pred)

    def add(self, first: int, values_ABT: NDArray[np.float64]) -> NDArray[np.int64]:
        """Take the scores of B windows from number `first` on, against each of A truths.

        The truth whose mean is best counts, for each length on its own. Returns the best over all frames, (B,).
        """
        best_B: NDArray[np.int64] = self._best(values_ABT.mean(axis=2), axis=0)
        start, stop = np.searchsorted(self._ids, [first, first + values_ABT.shape[1]])
        of_set = self._ids[start:stop] - first
        for n_frames, means in self._means.items():
            means_AB = values_ABT[:, of_set, :n_frames].mean(axis=2)
            means[start:stop] = np.take_along_axis(means_AB, self._best(means_AB, axis=0)[None], axis=0)[0]
        self._horizon_sum += values_ABT[best_B[of_set], of_set].sum(axis=0)
        return best_B

    def scores(self) -> Scores:
        """The means, once every window was added."""
        n_pred = len(self._horizon_sum)
        at = {n_frames: self._means[n_frames] for n_frames in self._horizons}
        return Scores(self._means[n_pred], self._horizon_sum / len(self._ids), at)


@contextmanager
def exact_inference(model: torch.nn.Module) -> Iterator[None]:
    """Eval mode, no gradients; convolutions on a GPU would otherwise round their inputs to TF32."""
    model.eval()
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def windows_per_pass(batch_size: int, n_frames: int, frame_shape: tuple[int, int, int]) -> int:
    """At most `batch_size` windows, fewer where so many videos of `n_frames` would exceed VALUES_PER_PASS."""
    return max(1, min(batch_size, VALUES_PER_PASS // (n_frames * math.prod(frame_shape))))


def chosen_examples(n_windows: int, n_examples: int, n_frames: int, frame_shape: tuple[int, int, int]) -> NDArray[Any]:
    """Numbers of the windows to keep for figures, fewer than `n_examples` where they would exceed EXAMPLE_VALUES."""
    return spread(n_windows, max(1, min(n_examples, EXAMPLE_VALUES // (n_frames * math.prod(frame_shape)))))


def spread(n_windows: int, n_examples: int) -> NDArray[np.int64]:
    """Numbers of at most `n_examples` windows, increasing, spread evenly over the `n_windows`.

    Multiples of the golden ratio: equal steps would fall on the same part of every video where the number of
    windows per video divides the step.
    """
    golden = (5**0.5 - 1) / 2
    fractions = (0.5 + golden * np.arange(n_examples)) % 1
    return np.unique((fractions * n_windows).astype(np.int64))


def check_prediction(prediction: Tensor, shape: Sequence[int], what: str, first: int) -> None:
    """Raise ValueError where a prediction, `what` of the windows from number `first` on, is misshapen or not finite."""
    if tuple(prediction.shape) != tuple(shape):
        raise ValueError(f"the model gives a {what} of shape {tuple(prediction.shape)}, the task has {tuple(shape)}")
    finite = torch.isfinite(prediction).flatten(1).all(dim=1)
    if not finite.all():
        window = first + int((~finite).nonzero()[0])
        raise ValueError(
            f"the {what} of test window {window} is not finite: its weights are no good; look at the training's "
            "curves, and train again with a lower learning rate or in float32"
        )


def scored(
    metrics: Mapping[str, Metric],
    prediction: Tensor,
    truth: Tensor,
    what: str,
    first: int,
    context: Mapping[str, Tensor] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """(B, T) scores by metric, on the host; ValueError where one is not finite."""
    return {
        name: _checked(name, metric(prediction, truth, context or {}), what, first) for name, metric in metrics.items()
    }


def _checked(name: str, values: Tensor, what: str, first: int) -> NDArray[np.float64]:
    assert values.dim() == 2, (name, values.shape)
    values_BT: NDArray[np.float64] = values.double().cpu().numpy()
    finite = np.isfinite(values_BT).all(axis=1)
    if not finite.all():
        window = first + int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"{name} of test window {window} is not finite although its {what} is: does the test file hold NaN?"
        )
    return values_BT
