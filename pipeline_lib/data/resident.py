"""Training windows kept whole on the training device: a batch is one gather, without copies from the host."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.config.dataset import DatasetSettings, WaveEq100Settings, WaveEqSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import all_windows, published_windows
from pipeline_lib.runtime.seeding import generator


class ResidentWindows:
    """Windows over videos that fit into the device's memory.

    `videos_NTCHW` float32; window k is `length` frames of video `video_ids[k]` from frame `starts[k]` on.
    """

    def __init__(
        self, videos_NTCHW: Tensor, video_ids: np.ndarray, starts: np.ndarray, length: int, device: torch.device
    ) -> None:
        n_frames = videos_NTCHW.shape[1]
        assert starts.size == 0 or starts.max() + length <= n_frames
        channels, height, width = videos_NTCHW.shape[2:]
        self._frame_shape = (channels, height, width)
        self._frames = videos_NTCHW.flatten(0, 1).to(device)
        self._first = torch.from_numpy(video_ids.astype(np.int64) * n_frames + starts).to(device)
        self._span = torch.arange(length, device=device)

    @property
    def n_windows(self) -> int:
        return self._first.numel()

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._frame_shape

    def batch(self, ids: np.ndarray) -> Tensor:
        """Windows of the given numbers: (B, T, C, H, W) on the device."""
        numbers = torch.from_numpy(ids).to(self._first.device, non_blocking=True)
        return self._frames[self._first[numbers].unsqueeze(1) + self._span]


def training_windows(path: Path, dataset: DatasetSettings, length: int, device: torch.device) -> ResidentWindows:
    """The windows of `length` frames that the dataset's settings choose from a prepared train.h5."""
    windows = dataset.windows if isinstance(dataset, WaveEqSettings | WaveEq100Settings) else "all"
    with VideoFile(path) as file:
        _check_dataset(file, dataset.name, "train")
        if windows == "published":
            width = int(file.attributes["published_frame_width"])
            index = published_windows(file.n_videos, file.n_frames, length, width)
        else:
            index = all_windows(file.n_videos, file.n_frames, length)
        videos_NTCHW = torch.from_numpy(file.read(0, file.n_videos))
    return ResidentWindows(videos_NTCHW, index.video, index.start, length, device)


def sample_windows(path: Path, n_windows: int, length: int, device: torch.device) -> Tensor:
    """A fixed sample of windows, drawn without replacement and the same for every seed: (n, length, C, H, W)."""
    with VideoFile(path) as file:
        index = all_windows(file.n_videos, file.n_frames, length)
        count = min(n_windows, len(index))
        chosen = np.sort(generator(0, "validation").choice(len(index), size=count, replace=False))
        return torch.from_numpy(file.read_windows(index.video[chosen], index.start[chosen], length)).to(device)


def _check_dataset(file: VideoFile, dataset: str, part: str) -> None:
    found = (file.attributes["dataset"], file.attributes["part"])
    if found != (dataset, part):
        raise ValueError(f"{file.path} is the {found[1]} part of {found[0]}; the {part} part of {dataset} is wanted")
