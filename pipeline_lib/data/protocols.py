"""What training and evaluation know of a dataset."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from torch import Tensor


class TrainingWindows(Protocol):
    """Windows of a fixed length, served as batches on the training device."""

    @property
    def n_windows(self) -> int: ...

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        ...

    def batch(self, ids: np.ndarray) -> Tensor:
        """Windows of the given numbers: (B, T, C, H, W) float32 on the device."""
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
