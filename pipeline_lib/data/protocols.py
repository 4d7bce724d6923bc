"""What training and evaluation know of a dataset."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


class WindowBatches(Protocol):
    """Windows of a fixed length, served as batches on the training device: what a step of a training needs."""

    @property
    def n_windows(self) -> int:
        """Windows in an epoch."""
        ...

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        ...

    def batch(self, epoch: int, ids: np.ndarray) -> Tensor:
        """Windows of the given numbers: (B, T, C, H, W) float32 on the device.

        Stored windows are the same in every epoch, generated ones are new in each.
        """
        ...


class TrainingWindows(WindowBatches, Protocol):
    """The training part of a dataset: batches, what it is, and what validation and baselines look at."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is trained on: name, part, digest of the contents, source, n_videos, n_frames, frame_shape."""
        ...

    def sample(self, n_windows: int, length: int) -> Tensor:
        """A fixed sample of training windows of any length, the same for every seed: (n, length, C, H, W)."""
        ...

    def videos(self, batch_size: int) -> Iterator[np.ndarray]:
        """Training frames for a baseline to fit: (n, T, C, H, W) float32, a few videos at a time."""
        ...


@runtime_checkable
class TruthfulWindows(TrainingWindows, Protocol):
    """Training windows of which more is known than is shown to the model."""

    def sample_truth(self, n_windows: int, length: int) -> dict[str, Tensor]:
        """Of the windows of `sample`, by the names of the dataset's context: tensors (n, length, …) on the device."""
        ...


class TestWindows(Protocol):
    """Windows of a test file, read in order, a batch at a time, so that memory does not grow with their number."""

    @property
    def n_windows(self) -> int: ...

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """(B, T, C, H, W) float32 arrays, in the order of the windows."""
        ...

    def context(self, first: int, last: int) -> Mapping[str, NDArray[Any]]:
        """What is known of windows first..last-1 beside their frames, by name: arrays (last - first, …)."""
        ...


@dataclass(frozen=True)
class SwapBatch:
    """A few items of a content-swap test, float32.

    motion, content (B, n_cond, C, H, W): conditioning frames that give T, and S. truths (B, A, n_pred, C, H, W): what
    the swap may look like, A assignments of the content to the motion (one where there is no choice).
    """

    motion: NDArray[np.float32]
    content: NDArray[np.float32]
    truths: NDArray[np.float32]


class SwapItems(Protocol):
    """A content-swap test, made a batch at a time, so that memory does not grow with the number of items."""

    @property
    def n_items(self) -> int: ...

    @property
    def frame_shape(self) -> tuple[int, int, int]: ...

    def batches(self, batch_size: int) -> Iterator[SwapBatch]:
        """All items in their order."""
        ...

    def different_videos(self, n_most: int) -> NDArray[np.float32]:
        """At most `n_most` test videos, each with another content: (n, n_cond + n_pred, C, H, W)."""
        ...
