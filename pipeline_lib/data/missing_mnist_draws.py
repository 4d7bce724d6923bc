"""What makes the videos of Moving MNIST with missing data: which digits, how they move, when they are missing.

A digit moves straight on, by 0.15 of the way between the walls in each frame. Where it would reach a wall it stops
there, the rest of the step being lost, and goes the other way from the next frame on (DIVE, section 4).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.missing_mnist import MissingMnistSettings
from pipeline_lib.data.elastic import displacement
from pipeline_lib.data.mnist import IMAGE_SIZE
from pipeline_lib.data.rendering import LARGEST_POSITION

STEP = 0.15


@dataclass(frozen=True)
class Scenes:
    """N videos of K digits and T frames, ready to be drawn.

    digit_index (N, K): which digits. position (N, T, K, 2): their first row and column, 0..36. removed (N, T, K) bool:
    where they are missing. displacement (N, K, A, 28, 28) float32: along A axes, at strength 1; A is 0 where digits
    keep their form.
    """

    digit_index: NDArray[np.int64]
    position: NDArray[np.int64]
    removed: NDArray[np.bool_]
    displacement: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.digit_index)

    def __getitem__(self, chosen: slice | NDArray[np.int64]) -> "Scenes":
        """Some of the videos."""
        return Scenes(self.digit_index[chosen], self.position[chosen], self.removed[chosen], self.displacement[chosen])


@dataclass(frozen=True)
class Draws:
    """All that is random in N videos of K digits.

    digit_index (N, K): which digits. start (N, K, 2): row and column before the first step, in [0, 1). angle (N, K): of
    the velocity, which is cos along columns and sin along rows [radians]. first_missing (N, K): the first frame without
    the digit. noise (N, K, A, 28, 28) float32 in [0, 1): the displacement before it is smoothed.
    """

    digit_index: NDArray[np.int64]
    start: NDArray[np.float64]
    angle: NDArray[np.float64]
    first_missing: NDArray[np.int64]
    noise: NDArray[np.float32]

    def __getitem__(self, chosen: slice | NDArray[np.int64]) -> "Draws":
        """The draws of some of the videos."""
        return Draws(
            self.digit_index[chosen],
            self.start[chosen],
            self.angle[chosen],
            self.first_missing[chosen],
            self.noise[chosen],
        )

    def scenes(self, n_frames: int, n_missing: int) -> Scenes:
        """The videos of `n_frames` frames in which each digit is missing `n_missing` times on end."""
        return Scenes(
            digit_index=self.digit_index,
            position=self.positions(n_frames),
            removed=self.removed(n_frames, n_missing),
            displacement=displacement(self.noise),
        )

    def removed(self, n_frames: int, n_missing: int) -> NDArray[np.bool_]:
        """Where each digit is missing, (N, T, K)."""
        since = np.arange(n_frames)[:, None] - self.first_missing[:, None]
        return (since >= 0) & (since < n_missing)

    def positions(self, n_frames: int) -> NDArray[np.int64]:
        """First row and column of each digit, (N, T, K, 2). The first step is made before the first frame."""
        position = self.start.copy()
        step = STEP * np.stack([np.sin(self.angle), np.cos(self.angle)], axis=-1)
        pixels = np.empty((n_frames, *position.shape), np.int64)
        for t in range(n_frames):
            position += step
            step = np.where((position <= 0) | (position >= 1), -step, step)
            np.clip(position, 0, 1, out=position)
            pixels[t] = LARGEST_POSITION * position  # rounded down
        return np.ascontiguousarray(pixels.swapaxes(0, 1))


def draw(random: np.random.Generator, n_videos: int, n_digits_in_all: int, settings: MissingMnistSettings) -> Draws:
    """Videos, all of them equally likely; the same digit may come twice in one, and both be missing at once."""
    shape = (n_videos, settings.preparation.n_digits)
    digit_index = random.integers(n_digits_in_all, size=shape)
    x_y_turn = random.random((*shape, 3))
    first, last = settings.MISSING_WITHIN
    first_missing = random.integers(first, last - settings.n_missing + 1, size=shape)
    noise = random.random((*shape, settings.n_elastic_axes, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    return Draws(digit_index, x_y_turn[..., 1::-1], 2 * np.pi * x_y_turn[..., 2], first_missing, noise)
