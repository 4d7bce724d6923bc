"""How well labels are told, of many objects and frames at once: which of them are missing.

`missing_N` is the truth, `judged_N` what is decided (bool both), `score_N` is larger where an object is more surely
missing. None where the number is not defined, because there is nothing to take it of.
"""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]
Numbers = NDArray[np.floating]


def balanced_accuracy(missing_N: Labels, judged_N: Labels, score_N: Numbers) -> float | None:
    """The mean of two shares: of what is missing and judged so, and of what is visible and judged so."""
    shares = (_share(judged_N, missing_N), _share(~judged_N, ~missing_N))
    return None if shares[0] is None or shares[1] is None else (shares[0] + shares[1]) / 2


def auroc(missing_N: Labels, judged_N: Labels, score_N: Numbers) -> float | None:
    """The chance that what is missing has a larger score than what is visible; equal scores count half.

    The area under the curve of true against false positive rates, over all thresholds.
    """
    n_missing, n_visible = int(missing_N.sum()), int((~missing_N).sum())
    if n_missing == 0 or n_visible == 0:
        return None
    _, which, counts = np.unique(score_N, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # equal scores share the mean of their ranks
    above = ranks[which.reshape(-1)][missing_N].sum() - n_missing * (n_missing + 1) / 2
    return float(above / (n_missing * n_visible))


def precision_missing(missing_N: Labels, judged_N: Labels, score_N: Numbers) -> float | None:
    """Of what is judged missing, the share that is."""
    return _share(missing_N, judged_N)


def recall_missing(missing_N: Labels, judged_N: Labels, score_N: Numbers) -> float | None:
    """Of what is missing, the share that is judged so."""
    return _share(judged_N, missing_N)


def _share(of: Labels, among: Labels) -> float | None:
    return float(of[among].mean()) if among.any() else None
