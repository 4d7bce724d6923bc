"""Time of the training videos with missing data, to bytes: ours against the plain loop and against the published way.

    OMP_NUM_THREADS=1 python -m benchmarks.missing_mnist_generation

All of them on one core, in time of the processor, which other work on the machine disturbs least. The plain loop
(tests/reference/missing_mnist.py) goes through videos, digits and frames in Python and has NumPy and SciPy work on
pixels; it smooths one field per digit, and deforms only where the scenario says so. The published way smooths two
fields for every digit in every frame, and deforms in every scenario, by nothing in the first two. Both are given their
draws. Ours has to draw, and to smooth an epoch's fields at its beginning: the share of both is in its time. The ways
run in turns; ours and the plain loop must give the same bytes, to one grey level where digits are deformed.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.moving_mnist_generation import report, training_digits
from pipeline_lib.config.missing_mnist import (
    MissingMnistSettings,
    OutOfSceneSettings,
    PartialOcclusionSettings,
    VaryingAppearanceSettings,
)
from pipeline_lib.data.hdf5 import as_floats
from pipeline_lib.data.missing_mnist import observed
from pipeline_lib.data.missing_mnist_draws import Scenes, draw
from pipeline_lib.runtime.seeding import generator
from tests.data.missing_digits import plainly
from tests.reference import missing_mnist as reference

LENGTH, BATCH = 20, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, help="folder of MNIST's files (scikit-learn's digits otherwise)")
    parser.add_argument("--repetitions", type=int, default=9, help="measurements of each way (9)")
    parser.add_argument("--batches", type=int, default=20, help="batches of 64 videos per measurement of ours (20)")
    parser.add_argument("--plain", type=int, default=64, help="videos per measurement of the plain loop (64)")
    parser.add_argument("--published", type=int, default=8, help="videos per measurement of the published way (8)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = training_digits(args.raw)
    images = images[: len(images) * 4 // 5]
    for settings in (PartialOcclusionSettings(), OutOfSceneSettings(), VaryingAppearanceSettings()):
        compare(settings, images, args)


def compare(settings: MissingMnistSettings, images: np.ndarray, args: argparse.Namespace) -> None:
    rows, n_missing = settings.visible_rows, settings.n_missing

    def scenes_of(epoch: int) -> Scenes:
        return draw(generator(0, "videos", epoch), settings.epoch_size, len(images), settings).scenes(LENGTH, n_missing)

    draws = draw(generator(0, "videos", 0), settings.epoch_size, len(images), settings)
    scenes = draws.scenes(LENGTH, n_missing)
    shuffled = np.random.default_rng(0).permutation(settings.epoch_size)
    batches = [shuffled[k * BATCH : (k + 1) * BATCH] for k in range(args.batches)]
    first = shuffled[: args.plain]
    videos = plainly(draws[first], images, n_missing)

    def ours() -> None:
        for ids in batches:
            observed(scenes[ids], images, rows)

    def ours_to_floats() -> None:
        for ids in batches:
            as_floats(observed(scenes[ids], images, rows))

    def plain() -> np.ndarray:
        return np.stack([reference.observed_video(digits, LENGTH, rows) for digits in videos])

    def published() -> None:
        for number, digits in enumerate(videos[: args.published]):
            reference.published_video(digits, LENGTH, rows, settings.n_elastic_axes > 0, seed=number)

    apart = abs(observed(scenes[first], images, rows)[:, :, 0].astype(np.int16) - plain()).max()
    assert apart <= (1 if settings.n_elastic_axes else 0), f"the two ways differ by {apart} grey levels"
    exactness = "to one grey level" if settings.n_elastic_axes else "bit for bit"
    print(f"{settings.name}: the same bytes in {args.plain} videos of {LENGTH} frames, {exactness}")
    n_videos = args.batches * BATCH
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (ours, n_videos),
        "plain loop": (plain, args.plain),
        "published way": (published, args.published),
        "ours, to float32": (ours_to_floats, n_videos),
    }
    drawing: list[float] = []
    per_video: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.repetitions):
        drawing.append(seconds(lambda: scenes_of(1)))
        for name, (function, count) in ways.items():
            drawn = drawing[-1] / settings.epoch_size if name.startswith("ours") else 0.0
            per_video[name].append(seconds(function) / count + drawn)
    print(f"draws of an epoch of {settings.epoch_size:,} videos: {statistics.median(drawing):.3f} s")
    report(per_video)


def seconds(function: Callable[[], object]) -> float:
    """Of the processor."""
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    main()
