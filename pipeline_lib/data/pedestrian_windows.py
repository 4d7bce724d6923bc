"""Windows of the pedestrians: in training four of each video, disturbed anew in every epoch; the test part as it is.

Videos are kept once, as bytes, on the training device. A batch gathers the frames of its windows, reversed in time,
mirrored, both or neither; then they drift and lose a frame, as the seed and the number of the epoch have it. So window
k of an epoch is the same whatever batch it is asked for in, on whatever device, and a resumed training needs nothing
saved.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.pedestrians import PedestriansSettings
from pipeline_lib.data.drift import Disturbance, draw_disturbance
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import WindowIndex
from pipeline_lib.runtime.device import on_device
from pipeline_lib.runtime.seeding import generator


def windows(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """The first `length` frames of every video. Raises ValueError for another set than "all", and longer windows."""
    if window_set != "all":
        raise ValueError(
            f"the published loader sees all windows of this dataset: leave `{window_set}` out of evaluation.window_sets"
        )
    if length > file.n_frames:
        raise ValueError(
            f"windows of {length} frames do not fit into videos of {file.n_frames} frames: lower n_pred of the task, "
            "or the forecast horizon of the evaluation"
        )
    video = np.arange(file.n_videos, dtype=np.int64)
    return WindowIndex(video, np.zeros_like(video), length)


class PedestrianWindows:
    """Training windows of a prepared train.h5 (`TruthfulWindows`); its videos are loaded when a batch is asked for.

    Of N videos, window k is video k mod N: as it is in the first N, then reversed in time, then mirrored, then both.
    """

    def __init__(self, path: Path, settings: PedestriansSettings, length: int, device: torch.device, seed: int) -> None:
        self._path, self._settings, self._length, self._device, self._seed = path, settings, length, device, seed
        with VideoFile(path) as file:
            file.check_dataset(settings.name, "train")
            windows(file, settings, length, "all")
            self._n_videos, self._n_frames, self._frame_shape = file.n_videos, file.n_frames, file.frame_shape
            self._facts = file.facts
        self._epoch: tuple[int, Disturbance] | None = None

    @property
    def n_windows(self) -> int:
        return self._settings.N_VARIANTS * self._n_videos

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._frame_shape

    @property
    def facts(self) -> dict[str, Any]:
        """What the file says of itself."""
        return dict(self._facts)

    def batch(self, epoch: int, ids: NDArray[np.int64]) -> Tensor:
        """Windows of the given numbers, disturbed otherwise in each epoch: (B, length, 1, 256, 256) on the device."""
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._draw(generator(self._seed, "videos", epoch), self.n_windows)
        drawn = self._epoch[1][ids]
        return drawn.observed(drawn.complete(self._gathered(ids, self._length)))

    def sample(self, n_windows: int, length: int) -> Tensor:
        """A fixed sample of windows of any length, the same for every seed: (n, length, 1, 256, 256)."""
        drawn, complete = self._sample(n_windows, length)
        return drawn.observed(complete)

    def sample_truth(self, n_windows: int, length: int) -> dict[str, Tensor]:
        """Of the windows of `sample`: `complete` (n, length, 1, 256, 256), and `missing` (n, length, 1) bool."""
        drawn, complete = self._sample(n_windows, length)
        missing = torch.from_numpy(drawn.missing(length)[..., None]).to(self._device)
        return {"complete": complete, "missing": missing}

    def videos(self, batch_size: int) -> Iterator[NDArray[np.float32]]:
        """The windows of epoch 0 of seed 0 in their order, the same for every seed: (n, length, 1, 256, 256)."""
        drawn = self._draw(generator(0, "videos", 0), self.n_windows)
        for first in range(0, self.n_windows, batch_size):
            ids = np.arange(first, min(first + batch_size, self.n_windows))
            complete = drawn[ids].complete(self._gathered(ids, self._length))
            yield drawn[ids].observed(complete).cpu().numpy()

    def _sample(self, n_windows: int, length: int) -> tuple[Disturbance, Tensor]:
        assert length <= self._n_frames, (length, self._n_frames)
        random, count = generator(0, "validation"), min(n_windows, self.n_windows)
        ids = np.sort(random.choice(self.n_windows, size=count, replace=False))
        drawn = self._draw(random, count)
        return drawn, drawn.complete(self._gathered(ids, length))

    def _draw(self, random: np.random.Generator, n_windows: int) -> Disturbance:
        made = self._settings.preparation
        return draw_disturbance(random, n_windows, made.n_input_frames, made.max_drift)

    @cached_property
    def _frames(self) -> Tensor:
        """All frames of all videos, one after the other, (N * T, 1, 256, 256) bytes on the device."""
        with VideoFile(self._path) as file:
            return torch.from_numpy(file.read_stored()).flatten(0, 1).to(self._device)

    def _gathered(self, ids: NDArray[np.int64], length: int) -> Tensor:
        """Windows before anything disturbs them, (B, length, 1, 256, 256) bytes."""
        variant, video = np.divmod(ids, self._n_videos)
        is_reversed, is_mirrored = variant % 2 == 1, variant >= 2
        times = np.arange(length)
        places = video[:, None] * self._n_frames + np.where(is_reversed[:, None], self._n_frames - 1 - times, times)
        frames = self._frames[on_device(places, self._device)]
        mirrored = on_device(is_mirrored, self._device)
        return torch.where(mirrored.view(-1, 1, 1, 1, 1), frames.flip(-1), frames)


def training_windows(
    path: Path, settings: PedestriansSettings, length: int, device: torch.device, seed: int
) -> PedestrianWindows:
    """Windows of `length` frames of the videos in a prepared train.h5.

    Raises ValueError, naming the file, unless it holds the training part of this dataset.
    """
    return PedestrianWindows(path, settings, length, device, seed)
