"""Training videos of Moving MNIST with missing data, made as they are needed, new ones in every epoch.

All that is random in an epoch is drawn at its beginning, from the seed and the number of the epoch. A batch is rendered
from the draws of its videos, so video k of an epoch is the same whatever batch it is asked for in, and a resumed
training needs nothing saved.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.missing_mnist import MissingMnistSettings
from pipeline_lib.data.complete_video import TRUTH
from pipeline_lib.data.digit_windows import N_BASELINE_VIDEOS, DigitWindows
from pipeline_lib.data.hdf5 import VideoFile, as_floats
from pipeline_lib.data.missing_mnist import observed, with_truth
from pipeline_lib.data.missing_mnist_device import DeviceScenes
from pipeline_lib.data.missing_mnist_draws import Draws, Scenes, draw
from pipeline_lib.data.window_rules import every_window
from pipeline_lib.data.windows import WindowIndex
from pipeline_lib.runtime.device import on_device
from pipeline_lib.runtime.seeding import generator


class MissingMnistWindows(DigitWindows[MissingMnistSettings]):
    """Training videos of a prepared file of digits (`TruthfulWindows`) as they are observed: input frames with what is
    missing in them, then output frames."""

    _epoch: tuple[int, Scenes | DeviceScenes] | None = None

    def batch(self, epoch: int, ids: np.ndarray) -> Tensor:
        """Videos of the given numbers, other ones in each epoch: (B, length, 1, 64, 64) float32 on the device."""
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._scenes(epoch)
        scenes, rows = self._epoch[1], self._settings.visible_rows
        if isinstance(scenes, Scenes):
            return torch.from_numpy(as_floats(observed(scenes[ids], self._digits, rows)))
        chosen = scenes[on_device(ids, self._device)]
        return chosen.observed(self._digits_on_device, rows) / self._white

    def sample(self, n_windows: int, length: int) -> Tensor:
        """Videos of any length, the same for every seed: (n, length, 1, 64, 64) float32 on the device."""
        return self._on_the_device(self._sample(n_windows, length)["video"])

    def sample_truth(self, n_windows: int, length: int) -> dict[str, Tensor]:
        """Of the same videos, `complete`, `missing`, `component` and `centre` (`pipeline_lib.data.complete_video`)."""
        truth = self._sample(n_windows, length)
        return {name: self._on_the_device(truth[name]) for name in TRUTH}

    def videos(self, batch_size: int) -> Iterator[np.ndarray]:
        """The first 10,000 videos of epoch 0 of seed 0, the same for every seed: (n, length, 1, 64, 64) float32."""
        scenes = self._draw(generator(0, "videos", 0), self._settings.epoch_size).scenes(
            self._length, self._settings.n_missing
        )
        n_videos = min(N_BASELINE_VIDEOS, self._settings.epoch_size)
        for first in range(0, n_videos, batch_size):
            chosen = scenes[first : min(first + batch_size, n_videos)]
            yield as_floats(observed(chosen, self._digits, self._settings.visible_rows))

    def _scenes(self, epoch: int) -> Scenes | DeviceScenes:
        draws = self._draw(generator(self._seed, "videos", epoch), self._settings.epoch_size)
        if self.by_tensors:
            return DeviceScenes.of(draws, self._length, self._settings.n_missing, self._device)
        return draws.scenes(self._length, self._settings.n_missing)

    def _sample(self, n_windows: int, length: int) -> dict[str, np.ndarray]:
        draws = self._draw(generator(0, "validation"), n_windows)
        scenes = draws.scenes(length, self._settings.n_missing)
        return with_truth(scenes, self._digits, self._settings.visible_rows)

    def _draw(self, random: np.random.Generator, n_videos: int) -> Draws:
        return draw(random, n_videos, len(self._digits), self._settings)

    def _on_the_device(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(as_floats(values) if values.dtype == np.uint8 else values).to(self._device)


def training_windows(
    path: Path, settings: MissingMnistSettings, length: int, device: torch.device, seed: int
) -> MissingMnistWindows:
    """Videos of `length` frames made of the digits in a prepared train.h5.

    Raises ValueError, naming the file, unless it holds the training digits of this dataset.
    """
    return MissingMnistWindows(path, settings, length, device, seed)


def windows(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """One window of each video, from its first frame on: what is missing is counted from there.

    Raises ValueError for another set than "all", and where videos are too short.
    """
    every = every_window(file, settings, length, window_set)
    return every[every.start == 0]
