"""Chairs' content swap: another chair is to turn as that of a test window does (PDE paper, section 4.3).

Item i of 62 N, N being the number of test chairs, takes its motion from chair i mod N, from view i div N on. Its
content is a chair drawn at random, from a view drawn at random on. The truth is that chair along the views of the first
one: there is one only, as a chair turns as a whole.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.hdf5 import VideoFile, as_floats
from pipeline_lib.data.protocols import SwapBatch

CONTENT_SEED = 1

Int64 = NDArray[np.int64]


def draw_contents(n_chairs: int, n_views: int, length: int) -> tuple[Int64, Int64]:
    """Content chair, and its first view, of every item, (n_chairs * n_views,) each: the published draws.

    NumPy's legacy generator draws them item by item, first the chair and then the view, of those that the whole
    sequence of `length` views fits behind without going around.
    """
    drawn = np.random.RandomState(CONTENT_SEED).randint(
        [0, 0], [n_chairs, n_views - length], size=(n_chairs * n_views, 2)
    )
    return drawn[:, 0].astype(np.int64), drawn[:, 1].astype(np.int64)


class ChairsSwap:
    """The items of a test file (`SwapItems`). Its videos are held in memory as bytes: 160 MB for all test chairs."""

    def __init__(self, file: VideoFile, n_cond: int, n_pred: int) -> None:
        self._n_cond, self._n_pred = n_cond, n_pred
        self._videos = file.read_stored()
        self._content = draw_contents(file.n_videos, file.n_frames, n_cond + n_pred)

    @property
    def n_items(self) -> int:
        """As many as test windows: of every chair, from each view on."""
        n_chairs, n_views = self._videos.shape[:2]
        return int(n_chairs * n_views)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self._videos.shape[2:]
        return int(channels), int(height), int(width)

    def batches(self, batch_size: int) -> Iterator[SwapBatch]:
        """All items in their order, with one truth each."""
        for first in range(0, self.n_items, batch_size):
            yield self._batch(np.arange(first, min(first + batch_size, self.n_items)))

    def _batch(self, items: Int64) -> SwapBatch:
        view, chair = np.divmod(items, len(self._videos))
        other, other_view = (drawn[items] for drawn in self._content)
        return SwapBatch(
            motion=self._views(chair, view, self._n_cond),
            content=self._views(other, other_view, self._n_cond),
            truths=self._views(other, view + self._n_cond, self._n_pred)[:, None],
        )

    def different_videos(self, n_most: int) -> NDArray[np.float32]:
        """At most `n_most` test windows, each of another chair from another view on: (n, n_cond + n_pred, C, H, W)."""
        n_chairs, n_views = self._videos.shape[:2]
        numbers = np.arange(min(n_most, n_chairs))
        n = len(numbers)
        return self._views(numbers * n_chairs // n, numbers * n_views // n, self._n_cond + self._n_pred)

    def _views(self, chair: Int64, first: Int64, length: int) -> NDArray[np.float32]:
        """Views around the chairs: (n, length, C, H, W)."""
        views = (first[:, None] + np.arange(length)) % self._videos.shape[1]
        return as_floats(self._videos[chair[:, None], views])


def swap_items(file: VideoFile, n_cond: int, n_pred: int) -> ChairsSwap:
    """The content-swap test of a file of test chairs, over `n_pred` views after `n_cond` conditioning ones.

    Raises ValueError, naming the file, where a chair has no more views than that.
    """
    if n_cond + n_pred >= file.n_frames:
        raise ValueError(
            f"{file.path}: a content swap of {n_cond} + {n_pred} views draws where they begin, and the {file.n_frames} "
            "views of a chair leave no choice: lower the forecast horizon of the evaluation"
        )
    return ChairsSwap(file, n_cond, n_pred)
