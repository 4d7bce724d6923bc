"""Moving MNIST's content swap: other digits are to move as those of a test video do (PDE paper, section 4.3).

Item i of N takes its motion from test video i. Its content are digits p[i], p[i + N], ..., p being a permutation of all
test digits; the model sees them move along the trajectories of test video N - 1 - i. The truth is the content moving
along the trajectories of video i. Which digit goes which way is not said, so every assignment is a truth.
"""

import math
from collections.abc import Iterator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.hdf5 import VideoFile, as_floats
from pipeline_lib.data.protocols import SwapBatch
from pipeline_lib.data.rendering import render
from pipeline_lib.data.windows import WindowIndex

CONTENT_SEED = 1
# Digits in a video; 5 have 120 assignments, and each is a truth of its own.
MOST_DIGITS = 5


class MovingMnistSwap:
    """The items of a test file (`SwapItems`), made from it a batch at a time while it is open."""

    def __init__(self, file: VideoFile, n_cond: int, n_pred: int) -> None:
        self._file, self._n_cond, self._n_frames = file, n_cond, n_cond + n_pred
        self._digits = file.array("digits")
        n_digits = file.array("digit_index", 0, 1).shape[1]
        self._assignments = [list(assignment) for assignment in permutations(range(n_digits))]
        permutation = np.random.RandomState(CONTENT_SEED).permutation(len(self._digits))
        self._content = permutation[: n_digits * self.n_items].reshape(n_digits, self.n_items).T

    @property
    def n_items(self) -> int:
        """As many as test videos."""
        return self._file.n_videos

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._file.frame_shape

    def batches(self, batch_size: int) -> Iterator[SwapBatch]:
        """All items in their order, with as many truths as there are assignments: n_digits!."""
        for first in range(0, self.n_items, batch_size):
            yield self._batch(first, min(first + batch_size, self.n_items))

    def different_videos(self, n_most: int) -> NDArray[np.float32]:
        """At most `n_most` test videos, each with other digits: (n, n_cond + n_pred, 1, 64, 64)."""
        n = min(n_most, self.n_items)
        numbers = np.arange(n) * self.n_items // n
        return self._file.read_windows(WindowIndex(numbers, np.zeros_like(numbers), self._n_frames))

    def _batch(self, first: int, last: int) -> SwapBatch:
        numbers = np.arange(first, last)
        digits = self._digits[self._content[first:last]]
        own = self._file.array("position", first, last)
        others = self._file.array("position", self.n_items - last, self.n_items - first)[::-1]
        future = own[:, self._n_cond : self._n_frames]
        truths = [render(digits[:, assignment], future) for assignment in self._assignments]
        return SwapBatch(
            motion=self._file.read_windows(WindowIndex(numbers, np.zeros_like(numbers), self._n_cond)),
            content=as_floats(render(digits, others[:, : self._n_cond])),
            truths=as_floats(np.stack(truths, axis=1)),
        )


def swap_items(file: VideoFile, n_cond: int, n_pred: int) -> MovingMnistSwap:
    """The content-swap test of a Moving MNIST test file, over `n_pred` frames after `n_cond` conditioning ones.

    Raises ValueError, naming the file, if its videos are too short or have more digits than can be assigned.
    """
    if n_cond + n_pred > file.n_frames:
        raise ValueError(
            f"{file.path}: a content swap of {n_cond} + {n_pred} frames does not fit into videos of {file.n_frames}: "
            "lower the forecast horizon of the evaluation"
        )
    n_digits = file.array("digit_index", 0, 1).shape[1]
    if n_digits > MOST_DIGITS:
        raise ValueError(
            f"{file.path}: its videos have {n_digits} digits, of which a content swap would have "
            f"{math.factorial(n_digits)} assignments; up to {MOST_DIGITS} digits can be swapped"
        )
    return MovingMnistSwap(file, n_cond, n_pred)
