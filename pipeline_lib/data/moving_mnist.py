"""Moving MNIST, deterministic: the published test set, and the digits of which training videos are made.

A test video shows two test digits (`n_digits` in general), and every test digit is in one video. Training videos are
made while training, by `pipeline_lib.data.generated`.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.moving_mnist import MovingMnistSettings
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.data.digit_file import write_digit_file
from pipeline_lib.data.hdf5 import BYTES, write_videos
from pipeline_lib.data.mnist import FILES, Part, read_digits
from pipeline_lib.data.prepared import VideoDescription
from pipeline_lib.data.rendering import FRAME_SIZE, LARGEST_POSITION, render
from pipeline_lib.data.trajectories import LARGEST_SPEED, Trajectories
from pipeline_lib.runtime.checksums import sha256_of

FRAME_SHAPE = (1, FRAME_SIZE, FRAME_SIZE)
# Frames that are rendered and written at a time.
BATCH_FRAMES = 1600


@dataclass(frozen=True)
class Draws:
    """What makes N videos: `digit_index` (N, n_digits), which digits; `trajectories` (N, n_digits, 2), their motion."""

    digit_index: NDArray[np.int64]
    trajectories: Trajectories

    def __getitem__(self, chosen: slice | NDArray[np.int64]) -> "Draws":
        """The draws of some of the videos."""
        return Draws(self.digit_index[chosen], self.trajectories[chosen])

    def render(self, digits: NDArray[np.uint8], n_frames: int) -> NDArray[np.uint8]:
        """The videos (N, T, 1, 64, 64), made of `digits` (n_digits_in_all, 28, 28)."""
        return render(digits[self.digit_index], self.trajectories.positions(n_frames))


def draw_test_set(n_digits_in_all: int, n_digits: int, seed: int) -> Draws:
    """The draws of the published test set, for 10,000 digits, 2 in a video, and seed 42.

    NumPy's legacy generator draws a permutation of the digits, and then for each video in turn and each of its digits
    row, column, velocity of the row and of the column. What is left of the digits when they are dealt is not used.
    """
    generator = np.random.RandomState(seed)
    n_videos = n_digits_in_all // n_digits
    digit_index = generator.permutation(n_digits_in_all)[: n_videos * n_digits].reshape(n_videos, n_digits)
    # Half-open ranges, drawn in the order of the last axis.
    low = [0, 0, -LARGEST_SPEED, -LARGEST_SPEED]
    high = [LARGEST_POSITION + 1, LARGEST_POSITION + 1, LARGEST_SPEED + 1, LARGEST_SPEED + 1]
    drawn = generator.randint(low, high, size=(n_videos, n_digits, 4))
    return Draws(digit_index, Trajectories(start=drawn[..., :2], velocity=drawn[..., 2:]))


def draw_training_set(random: np.random.Generator, n_videos: int, n_digits_in_all: int, n_digits: int) -> Draws:
    """The draws of training videos, all of them equally likely; the same digit may come twice in a video."""
    shape = (n_videos, n_digits)
    return Draws(
        digit_index=random.integers(n_digits_in_all, size=shape),
        trajectories=Trajectories(
            start=random.integers(LARGEST_POSITION + 1, size=(*shape, 2)),
            velocity=random.integers(-LARGEST_SPEED, LARGEST_SPEED + 1, size=(*shape, 2)),
        ),
    )


def prepare(
    settings: MovingMnistSettings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
    *,
    raw: str | os.PathLike[str],
) -> None:
    """Write the training digits and the test videos, from the four files of MNIST in the folder `raw`.

    `progress` is called with the test videos done and those to do in all. The test file's further datasets, with
    T frames and n digits a video: `position` and `velocity` (N, T, n, 2), row and column; `label` and `digit_index`
    (N, n); and the test digits `digits` (n_digits_in_all, 28, 28), which `digit_index` counts.
    Raises ValueError, naming the file, if a raw file is missing or damaged or has too few digits.
    """
    preparation = settings.preparation
    # Both parts are read before anything is written, and the part that takes longer is written first.
    digits, labels = _read(raw, "test", at_least=preparation.n_digits)
    train_digits, train_labels = _read(raw, "train", at_least=1)

    source = RAW_SOURCES[str(settings.raw_source)]
    raw_sha256 = {file.name: sha256_of(Path(raw) / file.name) for file in source.files}

    def description(part: str) -> VideoDescription:
        return VideoDescription.of(settings, part, code_version, raw_sha256)

    draws = draw_test_set(len(digits), preparation.n_digits, preparation.seed)
    n_videos, n_frames = len(draws.digit_index), preparation.n_test_frames
    arrays: dict[str, NDArray[Any]] = {
        "position": draws.trajectories.positions(n_frames).astype(np.int16),
        "velocity": draws.trajectories.velocities(n_frames).astype(np.int16),
        "label": labels[draws.digit_index],
        "digit_index": draws.digit_index,
        "digits": digits,
    }

    def batches() -> Iterator[NDArray[np.uint8]]:
        step = max(1, BATCH_FRAMES // n_frames)
        for first in range(0, n_videos, step):
            yield draws[first : first + step].render(digits, n_frames)
            if progress is not None:
                progress(min(first + step, n_videos), n_videos)

    write_videos(test_path, (n_videos, n_frames, *FRAME_SHAPE), batches(), description("test"), arrays, BYTES)
    write_digit_file(train_path, train_digits, train_labels, description("train"))


def _read(raw: str | os.PathLike[str], part: Part, at_least: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    digits, labels = read_digits(raw, part)
    if len(digits) < at_least:
        raise ValueError(
            f"{Path(raw) / FILES[part][0]} holds {len(digits)} digits, too few for a video of {at_least}: "
            "lower dataset.preparation.n_digits"
        )
    return digits, labels
