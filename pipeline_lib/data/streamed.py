"""Test windows read from a prepared file a batch at a time, so that memory does not grow with their number."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import WindowIndex, all_windows, published_windows


class StreamedWindows:
    """The windows that `index` numbers, in its order, from an open file."""

    def __init__(self, file: VideoFile, index: WindowIndex) -> None:
        self.index = index
        self._file = file

    @property
    def n_windows(self) -> int:
        return len(self.index)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._file.frame_shape

    def first(self, n_windows: int) -> "StreamedWindows":
        """Only the first `n_windows` of them."""
        return StreamedWindows(
            self._file, WindowIndex(self.index.video[:n_windows], self.index.start[:n_windows], self.index.length)
        )

    def batches(self, batch_size: int) -> Iterator[NDArray[np.float32]]:
        """(B, length, C, H, W) float32, `batch_size` windows at a time; the last batch may be smaller."""
        for first in range(0, self.n_windows, batch_size):
            chosen = slice(first, first + batch_size)
            yield self._file.read_windows(self.index.video[chosen], self.index.start[chosen], self.index.length)


def test_windows(
    file: VideoFile, length: int, window_sets: Sequence[str]
) -> tuple[StreamedWindows, dict[str, NDArray[np.int64]]]:
    """All windows of `length` frames, and for each set the numbers of its windows among them, increasing.

    Raises ValueError, naming the file, if the videos are too short, or if `published` is asked for and the published
    loader has no rule of its own for this dataset.
    """
    try:
        index = all_windows(file.n_videos, file.n_frames, length)
        sets = {name: np.arange(_size(name, file, index), dtype=np.int64) for name in window_sets}
    except ValueError as error:
        raise ValueError(f"{file.path}: {error}") from error
    return StreamedWindows(file, index), sets


def _size(window_set: str, file: VideoFile, index: WindowIndex) -> int:
    """Windows in a set; both sets begin with the first window."""
    if window_set == "all":
        return len(index)
    assert window_set == "published", window_set
    frame_width = file.attributes.get("published_frame_width")
    if frame_width is None:
        raise ValueError(
            "the published loader sees all windows of this dataset: leave `published` out of evaluation.window_sets"
        )
    published = published_windows(file.n_videos, file.n_frames, index.length, frame_width)
    n = len(published)
    assert np.array_equal(published.video, index.video[:n]) and np.array_equal(published.start, index.start[:n])
    return n
