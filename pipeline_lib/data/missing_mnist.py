"""Moving MNIST with missing data: the test set with the truth behind it, and the digits of which training videos are
made while training, by `pipeline_lib.data.missing_mnist_windows`.

Both are made of the training images of MNIST: the first 80 % for training, the others for the test.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.missing_mnist import MissingMnistSettings
from pipeline_lib.data.complete_video import write_complete_videos
from pipeline_lib.data.digit_file import write_digit_file
from pipeline_lib.data.elastic import deform
from pipeline_lib.data.missing_mnist_draws import Scenes, draw
from pipeline_lib.data.missing_mnist_frames import Bytes, hide, render, render_alone
from pipeline_lib.data.mnist import FILES, IMAGE_SIZE, read_digits
from pipeline_lib.data.prepared import VideoDescription
from pipeline_lib.runtime.checksums import sha256_of

# Videos that are rendered and written at a time.
BATCH_VIDEOS = 32


def observed(scenes: Scenes, digits: Bytes, visible_rows: tuple[int, int] | None) -> Bytes:
    """Videos (N, T, 1, 64, 64) as models see them, made of `digits` (n_digits_in_all, 28, 28)."""
    return hide(render(_deformed(scenes, digits), scenes.position, scenes.removed), visible_rows)


def with_truth(scenes: Scenes, digits: Bytes, visible_rows: tuple[int, int] | None) -> dict[str, NDArray[Any]]:
    """The same videos, as `video`, and `complete`, `missing`, `component` and `centre`
    (`pipeline_lib.data.complete_video`)."""
    component = render_alone(_deformed(scenes, digits), scenes.position)
    seen = np.where(scenes.removed[..., None, None, None], np.uint8(0), component)
    hide(seen, visible_rows)
    return {
        "video": seen.max(axis=2),
        "complete": component.max(axis=2),
        "missing": ~seen.any(axis=(-3, -2, -1)),
        "component": component,
        "centre": (scenes.position + (IMAGE_SIZE - 1) / 2).astype(np.float32),
    }


def _deformed(scenes: Scenes, digits: Bytes) -> Bytes:
    """(N, T or 1, K, 28, 28)."""
    chosen = digits[scenes.digit_index]
    return (
        deform(chosen, scenes.displacement, scenes.position.shape[1]) if scenes.displacement.size else chosen[:, None]
    )


def prepare(
    settings: MissingMnistSettings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
    *,
    raw: str | os.PathLike[str],
) -> None:
    """Write the training digits and the test videos, from MNIST's two files of training images in the folder `raw`.

    `progress` is called with the test videos done and those to do in all. The test file's further datasets, with
    K digits a video: `label` and `digit_index` (N, K), the latter counting the images of the raw file; `position`
    (N, T, K, 2), first row and column; `start` (N, K, 2), `angle` and `first_missing` (N, K), and, where digits are
    deformed, `noise` (N, K, A, 28, 28), as they were drawn.
    Raises ValueError, naming the file, if a raw file is missing or damaged or has too few digits.
    """
    digits, labels = read_digits(raw, "train")
    n_train = len(digits) * 4 // 5
    if n_train == 0:
        raise ValueError(
            f"{Path(raw) / FILES['train'][0]} holds {len(digits)} digit, too few to be parted into training and test: "
            "at least 2 are needed"
        )
    preparation = settings.preparation
    raw_sha256 = {name: sha256_of(Path(raw) / name) for name in settings.raw_files}

    def description(part: str) -> VideoDescription:
        return VideoDescription.of(settings, part, code_version, raw_sha256)

    n_videos = preparation.n_test_videos
    draws = draw(np.random.default_rng(preparation.seed), n_videos, len(digits) - n_train, settings)
    scenes = draws.scenes(preparation.n_test_frames, settings.n_missing)
    arrays: dict[str, NDArray[Any]] = {
        "label": labels[n_train + draws.digit_index],
        "digit_index": n_train + draws.digit_index,
        "position": scenes.position.astype(np.int16),
        "start": draws.start,
        "angle": draws.angle,
        "first_missing": draws.first_missing,
    }
    if draws.noise.size:
        arrays["noise"] = draws.noise

    def batches() -> Iterator[dict[str, NDArray[Any]]]:
        for first in range(0, n_videos, BATCH_VIDEOS):
            yield with_truth(scenes[first : first + BATCH_VIDEOS], digits[n_train:], settings.visible_rows)
            if progress is not None:
                progress(min(first + BATCH_VIDEOS, n_videos), n_videos)

    # The part that takes longer comes first.
    write_complete_videos(test_path, n_videos, batches(), description("test"), arrays)
    write_digit_file(train_path, digits[:n_train], labels[:n_train], description("train"))
