"""Scores that are gathered while windows stream by: a few numbers per window, whatever its length.

A window may have several truths (the assignments of a content swap), of which the best counts; a forecast has one.
Not every frame of a window need count (an imputation: those in which something is missing); where none does, the window
does not count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.evaluation.scoring import Metric, scored

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """One metric on one set of windows.

    per_window (n,): means over all frames of a protocol that count; NaN where a window does not count. horizon (T,):
    means over windows, by frame, NaN for a frame that never counts; None for a metric of videos as a whole. at: per
    window, (n,), the means over that many first frames. n_counted (T,): windows of which a frame counts; None: all.
    """

    per_window: Numbers
    horizon: Numbers | None
    at: Mapping[int, Numbers] = field(default_factory=dict)
    n_counted: NDArray[np.int64] | None = None

    @property
    def n_windows(self) -> int:
        """Windows of the set, counted or not."""
        return len(self.per_window)

    def summary(self) -> dict[str, Any]:
        """Mean, standard deviation over windows (n - 1; null for one window), horizon and `at`, as plain JSON types."""
        horizon = {} if self.horizon is None else {"horizon": [_plain(value) for value in self.horizon.tolist()]}
        at = {str(n_frames): _mean_and_std(values) for n_frames, values in self.at.items()}
        return {**_mean_and_std(self.per_window), **horizon, "at": at}


@dataclass(frozen=True)
class SetScore:
    """One number of a set of windows as a whole, which is no mean over them; None where it is not defined."""

    value: float | None
    n_windows: int

    def summary(self) -> dict[str, Any]:
        """As that of `Scores`, without what there is not."""
        return {"mean": self.value, "std_over_windows": None, "at": {}}


AnyScores = Scores | SetScore


def _mean_and_std(values: Numbers) -> dict[str, float | None]:
    counted = values[~np.isnan(values)]
    return {
        "mean": float(counted.mean()),
        "std_over_windows": float(counted.std(ddof=1)) if len(counted) > 1 else None,
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value


class RunningScores:
    """One metric on one set of windows while they stream by."""

    def __init__(
        self, metric: Metric, ids: NDArray[np.int64], n_windows: int, n_frames: int, horizons: Sequence[int] = ()
    ) -> None:
        assert len(ids) > 0 and (np.diff(ids) > 0).all() and 0 <= ids[0] and ids[-1] < n_windows
        self._best = np.argmin if metric.direction == "lower" else np.argmax
        self._of_mean = metric.of_mean
        self._ids = ids
        self._horizons = tuple(horizons)
        self._means = {n: np.empty(len(ids)) for n in (*horizons, n_frames)}
        self._horizon_sum = np.zeros(n_frames)
        self._n_counted = np.zeros(n_frames, np.int64)

    def add(self, first: int, values_ABT: Numbers, counted_BT: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Take the values of B windows from number `first` on, against each of A truths; counted: which frames count.

        The truth whose score is best counts, for each length on its own. Returns the best over all frames, (B,).
        """
        n_truths, n_windows, n_frames = values_ABT.shape
        counted_BT = np.ones((n_windows, n_frames), bool) if counted_BT is None else counted_BT
        best_B, _ = self._best_of(values_ABT, counted_BT)
        start, stop = np.searchsorted(self._ids, [first, first + n_windows])
        of_set = self._ids[start:stop] - first
        for n, means in self._means.items():
            _, means[start:stop] = self._best_of(values_ABT[:, of_set, :n], counted_BT[of_set, :n])
        by_frame = self._of_mean(values_ABT[best_B[of_set], of_set])
        self._horizon_sum += np.where(counted_BT[of_set], by_frame, 0).sum(axis=0)
        self._n_counted += counted_BT[of_set].sum(axis=0)
        return best_B

    def _best_of(self, values_ABT: Numbers, counted_BT: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Numbers]:
        """Which truth is best for each window, and the score against it, NaN where no frame counts."""
        n_counted_B = counted_BT.sum(axis=1)
        sums_AB = values_ABT.sum(axis=2, where=counted_BT)
        scores_AB = self._of_mean(np.where(n_counted_B > 0, sums_AB, np.nan) / np.maximum(n_counted_B, 1))
        best_B: NDArray[np.int64] = self._best(scores_AB, axis=0)
        return best_B, np.take_along_axis(scores_AB, best_B[None], axis=0)[0]

    def scores(self) -> Scores:
        """The means, once every window was added."""
        n_frames, is_partial = len(self._horizon_sum), (self._n_counted < len(self._ids)).any()
        horizon = np.where(self._n_counted > 0, self._horizon_sum, np.nan) / np.maximum(self._n_counted, 1)
        at = {n: self._means[n] for n in self._horizons}
        return Scores(self._means[n_frames], horizon, at, self._n_counted if is_partial else None)


class ProtocolScores:
    """All metrics of one protocol on all sets of windows while they stream by. what: the predictions, in words."""

    def __init__(
        self,
        what: str,
        metrics: Mapping[str, Metric],
        window_sets: Mapping[str, NDArray[np.int64]],
        n_windows: int,
        n_frames: int,
        horizons: Sequence[int] = (),
        rows: tuple[int, int] | None = None,
    ) -> None:
        """rows: the first row of a frame that counts, and the one after the last; None: all of them."""
        self._what, self._metrics, self._rows = what, metrics, slice(*rows) if rows else slice(None)
        self._totals = {
            name: {m: RunningScores(metrics[m], ids, n_windows, n_frames, horizons) for m in metrics}
            for name, ids in window_sets.items()
        }

    def add(
        self,
        first: int,
        prediction_BTCHW: Tensor,
        truth_BTCHW: Tensor,
        context: Mapping[str, Tensor],
        counted_BT: Tensor | None = None,
    ) -> None:
        """Score the predictions of windows from number `first` on. Raises ValueError where a score is not finite."""
        counted = None if counted_BT is None else counted_BT.cpu().numpy()
        prediction, truth = prediction_BTCHW[..., self._rows, :], truth_BTCHW[..., self._rows, :]
        for metric, values_BT in scored(self._metrics, prediction, truth, self._what, first, context).items():
            for running in self._totals.values():
                running[metric].add(first, values_BT[None], counted)

    def scores(self) -> dict[str, dict[str, Scores]]:
        """By window set and metric, once every window was added."""
        return {name: {metric: r.scores() for metric, r in of_set.items()} for name, of_set in self._totals.items()}
