"""Moving MNIST's training videos, made as they are needed, new ones in every epoch.

All that is random in an epoch is drawn at its beginning, from the seed and the number of the epoch: which digits, where
they start and how they move. A batch is rendered from the draws of its videos, so video k of an epoch is the same
whatever batch it is asked for in, on whatever device, and a resumed training needs nothing saved.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.config.moving_mnist import MovingMnistSettings
from pipeline_lib.data.device_rendering import render_on_device
from pipeline_lib.data.digit_windows import N_BASELINE_VIDEOS, DigitWindows
from pipeline_lib.data.hdf5 import as_floats
from pipeline_lib.data.moving_mnist import Draws, draw_training_set
from pipeline_lib.runtime.device import on_device
from pipeline_lib.runtime.seeding import generator


class GeneratedWindows(DigitWindows[MovingMnistSettings]):
    """Training videos of a prepared file of digits (`TrainingWindows`)."""

    _epoch: tuple[int, Draws] | None = None

    def batch(self, epoch: int, ids: np.ndarray) -> Tensor:
        """Videos of the given numbers, other ones in each epoch: (B, length, 1, 64, 64) float32 on the device."""
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._draw(generator(self._seed, "videos", epoch), self._settings.epoch_size)
        return self._render(self._epoch[1][ids], self._length)

    def sample(self, n_windows: int, length: int) -> Tensor:
        """Videos of any length, the same for every seed: (n, length, 1, 64, 64) float32 on the device."""
        return self._render(self._draw(generator(0, "validation"), n_windows), length)

    def videos(self, batch_size: int) -> Iterator[np.ndarray]:
        """The first 10,000 videos of epoch 0 of seed 0, the same for every seed: (n, length, 1, 64, 64) float32."""
        draws = self._draw(generator(0, "videos", 0), self._settings.epoch_size)
        n_videos = min(N_BASELINE_VIDEOS, self._settings.epoch_size)
        for first in range(0, n_videos, batch_size):
            chosen = draws[first : min(first + batch_size, n_videos)]
            yield as_floats(chosen.render(self._digits, self._length))

    def _draw(self, random: np.random.Generator, n_videos: int) -> Draws:
        return draw_training_set(random, n_videos, len(self._digits), self._settings.preparation.n_digits)

    def _render(self, draws: Draws, length: int) -> Tensor:
        if not self.by_tensors:
            return torch.from_numpy(as_floats(draws.render(self._digits, length)))
        digit_index, positions = (
            on_device(values, self._device) for values in (draws.digit_index, draws.trajectories.positions(length))
        )
        return render_on_device(self._digits_on_device[digit_index], positions) / self._white


def training_windows(
    path: Path, settings: MovingMnistSettings, length: int, device: torch.device, seed: int
) -> GeneratedWindows:
    """Videos of `length` frames made of the digits in a prepared train.h5.

    Raises ValueError, naming the file, unless it holds the training digits of this dataset.
    """
    return GeneratedWindows(path, settings, length, device, seed)
