"""Raw files and prepared files of Moving MNIST with missing data, small enough for tests of seconds, and the plain way
to the same videos."""

from pathlib import Path

import numpy as np

from pipeline_lib.config.missing_mnist import (
    MissingMnistSettings,
    OutOfSceneSettings,
    PartialOcclusionSettings,
    VaryingAppearanceSettings,
)
from pipeline_lib.data import missing_mnist
from pipeline_lib.data.missing_mnist_draws import Draws
from pipeline_lib.data.mnist import read_digits, write_digits
from tests.data import moving_digits
from tests.reference import missing_mnist as reference

N_DIGITS = 29  # 23 of which train
SCENARIOS = {
    "occlusion": (PartialOcclusionSettings, {}),
    "occlusion, as published": (PartialOcclusionSettings, {"leave_out_one_frame": True}),
    "out of scene": (OutOfSceneSettings, {}),
    "varying": (VaryingAppearanceSettings, {}),
    "varying, both axes": (VaryingAppearanceSettings, {"elastic_axes": "both"}),
}


def settings(scenario: str, epoch_size: int = 40, **preparation: int) -> MissingMnistSettings:
    made, options = SCENARIOS[scenario]
    return made.model_validate(
        {"epoch_size": epoch_size, "preparation": {"n_test_videos": 30, **options, **preparation}}
    )


def write_raw(folder: Path, n_digits: int = N_DIGITS) -> Path:
    """The two files that are needed: strokes of all grey levels on black."""
    images, labels = moving_digits.digits(n_digits, seed=1)
    images[:, :, :8] = 0
    write_digits(folder, "train", images, labels)
    return folder


def prepare(folder: Path, made: MissingMnistSettings) -> Path:
    """The folder, with raw files in raw/, train.h5 and test.h5."""
    raw = write_raw(folder / "raw")
    missing_mnist.prepare(made, folder / "train.h5", folder / "test.h5", code_version="abc", raw=raw)
    return folder


def digits(folder: Path) -> np.ndarray:
    """Of a prepared folder, all of them."""
    return read_digits(folder / "raw", "train")[0]


def plainly(draws: Draws, images: np.ndarray, n_missing: int) -> list[list[reference.Digit]]:
    """The digits of each video, as the plain loop takes them."""
    videos = []
    for n, indices in enumerate(draws.digit_index):
        of_video = []
        for k, index in enumerate(indices):
            first = int(draws.first_missing[n, k])
            row, column = draws.start[n, k]
            noise = draws.noise[n, k] if draws.noise.size else None
            missing = frozenset(range(first, first + n_missing))
            of_video.append(reference.Digit(images[index], (row, column), draws.angle[n, k], missing, noise))
        videos.append(of_video)
    return videos
