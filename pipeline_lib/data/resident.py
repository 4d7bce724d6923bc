"""Training windows kept whole on the training device: a batch is one gather, without copies from the host."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.config.dataset import DatasetSettings, WaveEq100Settings, WaveEqSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import WindowIndex, all_windows, published_windows
from pipeline_lib.runtime.seeding import generator


class ResidentWindows:
    """Windows of a prepared training file (`TrainingWindows`); its videos are loaded when the first batch is asked for.

    Window k is `index.length` frames of video `index.video[k]` from frame `index.start[k]` on.
    """

    def __init__(self, path: Path, index: WindowIndex, device: torch.device) -> None:
        self._path, self._index, self._device = path, index, device
        with VideoFile(path) as file:
            self._n_frames, self._frame_shape = file.n_frames, file.frame_shape
            self._facts = {
                "name": str(file.attributes["dataset"]),
                "part": str(file.attributes["part"]),
                "digest": file.content_sha256,
                "source": str(file.attributes["source"]),
                "n_videos": file.n_videos,
                "n_frames": file.n_frames,
                "frame_shape": list(file.frame_shape),
            }
        self._first = torch.from_numpy(index.video * self._n_frames + index.start).to(device)
        self._span = torch.arange(index.length, device=device)

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
        """All frames of all videos, one after the other, (N * T, C, H, W) on the device."""
        with VideoFile(self._path) as file:
            return torch.from_numpy(file.read(0, file.n_videos)).flatten(0, 1).to(self._device)

    def batch(self, epoch: int, ids: np.ndarray) -> Tensor:
        """Windows of the given numbers, the same in every epoch: (B, T, C, H, W) on the device."""
        numbers = torch.from_numpy(ids).to(self._device, non_blocking=True)
        return self._frames[self._first[numbers].unsqueeze(1) + self._span]

    def sample(self, n_windows: int, length: int) -> Tensor:
        """A fixed sample of all windows of `length` frames, drawn without replacement: (n, length, C, H, W)."""
        with VideoFile(self._path) as file:
            index = all_windows(file.n_videos, file.n_frames, length)
            count = min(n_windows, len(index))
            chosen = np.sort(generator(0, "validation").choice(len(index), size=count, replace=False))
            return torch.from_numpy(file.read_windows(index.video[chosen], index.start[chosen], length)).to(
                self._device
            )

    def videos(self, batch_size: int) -> Iterator[np.ndarray]:
        """All videos whole, (n, T, C, H, W), read from the file a few at a time."""
        with VideoFile(self._path) as file:
            yield from file.iterate(batch_size)


def training_windows(
    path: Path, dataset: DatasetSettings, length: int, device: torch.device, seed: int
) -> ResidentWindows:
    """The windows of `length` frames that the dataset's settings choose from a prepared train.h5, for any seed."""
    windows = dataset.windows if isinstance(dataset, WaveEqSettings | WaveEq100Settings) else "all"
    with VideoFile(path) as file:
        file.check_dataset(dataset.name, "train")
        if windows == "published":
            width = int(file.attributes["published_frame_width"])
            index = published_windows(file.n_videos, file.n_frames, length, width)
        else:
            index = all_windows(file.n_videos, file.n_frames, length)
    return ResidentWindows(path, index, device)
