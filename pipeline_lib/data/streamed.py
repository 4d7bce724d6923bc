"""Test windows read from a prepared file a batch at a time, so that memory does not grow with their number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.window_rules import windows_of
from pipeline_lib.data.windows import WindowIndex

Context = Mapping[str, NDArray[Any]]


class StreamedWindows:
    """The windows that `index` numbers, in its order, from an open file.

    context: makes what is known of windows beside their frames, where a dataset has that.
    """

    def __init__(
        self, file: VideoFile, index: WindowIndex, context: Callable[[WindowIndex], Context] | None = None
    ) -> None:
        self.index = index
        self._file, self._context = file, context

    @property
    def n_windows(self) -> int:
        return len(self.index)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._file.frame_shape

    def chosen(self, numbers: NDArray[np.int64]) -> "StreamedWindows":
        """Only those of these numbers."""
        return StreamedWindows(self._file, self.index[numbers], self._context)

    def batches(self, batch_size: int) -> Iterator[NDArray[np.float32]]:
        """(B, length, C, H, W) float32, `batch_size` windows at a time; the last batch may be smaller."""
        for first in range(0, self.n_windows, batch_size):
            yield self._file.read_windows(self.index[first : first + batch_size])

    def context(self, first: int, last: int) -> Context:
        """What is known of windows first..last-1 beside their frames, by name: arrays (last - first, …)."""
        return {} if self._context is None else self._context(self.index[first:last])


def test_windows(
    file: VideoFile, settings: DatasetSettings, n_cond: int, n_pred: int, window_sets: Sequence[str]
) -> tuple[StreamedWindows, dict[str, NDArray[np.int64]]]:
    """The windows of n_cond + n_pred frames of these sets, and for each set the numbers of its windows, increasing.

    Those of `all` come first, where it is asked for; then what other sets have beside them.
    Raises ValueError, naming the file, if the videos are too short, or if `published` is asked for and the published
    loader has no rule of its own for this dataset.
    """
    of_set = {name: windows_of(file, settings, n_cond + n_pred, name) for name in window_sets}
    index = reduce(WindowIndex.joined, (of_set[name] for name in sorted(of_set, key=lambda name: name != "all")))
    sets = {name: index.numbers_of(of_set[name]) for name in window_sets}
    context = DATASETS[settings.name].context
    return StreamedWindows(file, index, partial(load(context), file, n_cond=n_cond) if context else None), sets
