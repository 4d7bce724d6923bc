"""Moving MNIST's training videos, made as they are needed, new ones in every epoch.

All that is random in an epoch is drawn at its beginning, from the seed and the number of the epoch: which digits, where
they start and how they move. A batch is rendered from the draws of its videos, so video k of an epoch is the same
whatever batch it is asked for in, on whatever device, and a resumed training needs nothing saved.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.config.moving_mnist import MovingMnistSettings
from pipeline_lib.data.device_rendering import render_on_device
from pipeline_lib.data.digit_file import DigitFile
from pipeline_lib.data.hdf5 import as_floats
from pipeline_lib.data.moving_mnist import FRAME_SHAPE, Draws, draw_training_set
from pipeline_lib.runtime.seeding import generator

# Videos that a baseline is fitted on.
N_BASELINE_VIDEOS = 10_000


class GeneratedWindows:
    """Training videos of a prepared file of digits (`TrainingWindows`), `epoch_size` in an epoch."""

    def __init__(self, path: Path, settings: MovingMnistSettings, length: int, device: torch.device, seed: int) -> None:
        self._settings, self._length, self._device, self._seed = settings, length, device, seed
        with DigitFile(path) as file:
            file.check_dataset(settings.name, "train")
            self._digits = file.read()
            self._facts = {
                "name": settings.name,
                "part": "train",
                "digest": file.content_sha256,
                "source": str(file.attributes["source"]),
                "n_digits": len(self._digits),
                "n_videos": settings.epoch_size,
                "n_frames": length,
                "frame_shape": list(FRAME_SHAPE),
            }
        self._on_device = None if device.type == "cpu" else torch.from_numpy(self._digits).to(device)
        self._white = torch.full((), 255.0, device=device)
        self._epoch: tuple[int, Draws] | None = None

    @property
    def n_windows(self) -> int:
        """Videos in an epoch."""
        return self._settings.epoch_size

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return FRAME_SHAPE

    @property
    def facts(self) -> dict[str, Any]:
        """What the file says of its `n_digits` digits, and the videos made of them: `n_videos` in every epoch."""
        return dict(self._facts)

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
        if self._on_device is None:
            return torch.from_numpy(as_floats(draws.render(self._digits, length)))
        digit_index, positions = (
            torch.from_numpy(values).to(self._device, non_blocking=True)
            for values in (draws.digit_index, draws.trajectories.positions(length))
        )
        # Divided by a tensor, not a number: CUDA would multiply by the number's inverse, which rounds differently.
        return render_on_device(self._on_device[digit_index], positions) / self._white


def training_windows(
    path: Path, settings: MovingMnistSettings, length: int, device: torch.device, seed: int
) -> GeneratedWindows:
    """Videos of `length` frames made of the digits in a prepared train.h5.

    Raises ValueError, naming the file, unless it holds the training digits of this dataset.
    """
    return GeneratedWindows(path, settings, length, device, seed)
