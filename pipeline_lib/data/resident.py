"""Training windows kept whole on the training device: a batch is one gather, without copies from the host."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.window_rules import windows_of
from pipeline_lib.data.windows import WindowIndex, all_windows
from pipeline_lib.runtime.device import on_device
from pipeline_lib.runtime.seeding import generator


class ResidentWindows:
    """Windows of a prepared training file (`TrainingWindows`); its videos are loaded when the first batch is asked for.

    settings: of the dataset, whose rule for windows of other lengths `sample` asks; None: every window of that length.
    """

    def __init__(
        self, path: Path, index: WindowIndex, device: torch.device, settings: DatasetSettings | None = None
    ) -> None:
        self._path, self._index, self._device, self._settings = path, index, device, settings
        with VideoFile(path) as file:
            self._n_frames, self._frame_shape = file.n_frames, file.frame_shape
            self._facts = file.facts
        places_NT = index.video[:, None] * self._n_frames + index.frames(self._n_frames)
        self._places_NT = torch.from_numpy(places_NT).to(device)
        # A tensor: GPUs divide by a number of Python's in another way, and round otherwise.
        self._white = torch.full((), 255.0, device=device)

    @property
    def n_windows(self) -> int:
        return len(self._index)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._frame_shape

    @property
    def facts(self) -> dict[str, Any]:
        """What the file says of itself."""
        return dict(self._facts)

    @cached_property
    def _frames(self) -> Tensor:
        """All frames of all videos, one after the other, (N * T, C, H, W) on the device, as they are stored."""
        with VideoFile(self._path) as file:
            return torch.from_numpy(file.read_stored()).flatten(0, 1).to(self._device)

    def batch(self, epoch: int, ids: np.ndarray) -> Tensor:
        """Windows of the given numbers, the same in every epoch: (B, T, C, H, W) on the device."""
        numbers = on_device(ids, self._device)
        frames = self._frames[self._places_NT[numbers]]
        return frames if frames.dtype == torch.float32 else frames / self._white

    def sample(self, n_windows: int, length: int) -> Tensor:
        """A fixed sample of all windows of `length` frames, drawn without replacement: (n, length, C, H, W)."""
        with VideoFile(self._path) as file:
            if self._settings is None:
                index = all_windows(file.n_videos, file.n_frames, length)
            else:
                index = windows_of(file, self._settings, length, "all")
            count = min(n_windows, len(index))
            chosen = np.sort(generator(0, "validation").choice(len(index), size=count, replace=False))
            return torch.from_numpy(file.read_windows(index[chosen])).to(self._device)

    def videos(self, batch_size: int) -> Iterator[np.ndarray]:
        """All videos whole, (n, T, C, H, W), read from the file a few at a time."""
        with VideoFile(self._path) as file:
            yield from file.iterate(batch_size)


def training_windows(
    path: Path, dataset: DatasetSettings, length: int, device: torch.device, seed: int
) -> ResidentWindows:
    """The windows of `length` frames that the dataset's settings choose from a prepared train.h5, for any seed."""
    with VideoFile(path) as file:
        file.check_dataset(dataset.name, "train")
        index = windows_of(file, dataset, length, getattr(dataset, "windows", "all"))
    return ResidentWindows(path, index, device, dataset)
