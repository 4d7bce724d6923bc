"""Raw files and prepared files of Moving MNIST, small enough for tests of seconds."""

from pathlib import Path

import numpy as np

from pipeline_lib.config.moving_mnist import MovingMnistPreparation, MovingMnistSettings
from pipeline_lib.data import moving_mnist
from pipeline_lib.data.mnist import write_digits

N_TRAIN_DIGITS = 23


def digits(n_digits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) of all grey levels, bright enough that sums are clipped, and labels (n,)."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (n_digits, 28, 28), dtype=np.uint8)
    images[:, :3] = 0
    return images, random.integers(0, 10, n_digits, dtype=np.uint8)


def write_raw(folder: Path, n_test_digits: int) -> Path:
    """The four files."""
    write_digits(folder, "train", *digits(N_TRAIN_DIGITS, seed=1))
    write_digits(folder, "test", *digits(n_test_digits, seed=2))
    return folder


def settings(epoch_size: int = 50, **preparation: int) -> MovingMnistSettings:
    return MovingMnistSettings(epoch_size=epoch_size, preparation=MovingMnistPreparation(**preparation))


def prepare(folder: Path, n_test_digits: int, made: MovingMnistSettings) -> Path:
    """The folder, with raw files in raw/, train.h5 and test.h5."""
    raw = write_raw(folder / "raw", n_test_digits)
    moving_mnist.prepare(made, folder / "train.h5", folder / "test.h5", code_version="abc", raw=raw)
    return folder
