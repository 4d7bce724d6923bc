"""Time of Moving MNIST's training videos, to bytes: ours against the plain loop, both on one core.

    OMP_NUM_THREADS=1 python -m benchmarks.moving_mnist_generation

The plain loop (tests/reference/moving_mnist.py) goes through videos, digits and time steps in Python, as the published
code does; what it pastes, adds and clips are arrays. It is given its draws. Ours has to draw: the share of an epoch's
draws is in its time. They run in turns, and must give the same bytes.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pipeline_lib.config.moving_mnist import MovingMnistSettings
from pipeline_lib.data.device_rendering import render_on_device
from pipeline_lib.data.hdf5 import as_floats
from pipeline_lib.data.mnist import read_digits
from pipeline_lib.data.moving_mnist import draw_training_set
from pipeline_lib.data.samples import mnist as mnist_sample
from pipeline_lib.runtime.seeding import generator
from tests.reference import moving_mnist as reference

N_DIGITS, LENGTH, BATCH = 2, 15, 128
EPOCH_SIZE = MovingMnistSettings().epoch_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, help="folder of MNIST's four files (scikit-learn's digits otherwise)")
    parser.add_argument("--repetitions", type=int, default=9, help="measurements of each way (9)")
    parser.add_argument("--batches", type=int, default=40, help="batches of 128 videos per measurement of ours (40)")
    parser.add_argument("--plain", type=int, default=512, help="videos per measurement of the plain loop (512)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    digits = training_digits(args.raw)
    draws = draw_training_set(generator(0, "videos", 0), EPOCH_SIZE, len(digits), N_DIGITS)
    shuffled = np.random.default_rng(0).permutation(EPOCH_SIZE)
    batches = [shuffled[k * BATCH : (k + 1) * BATCH] for k in range(args.batches)]
    first = draws[shuffled[: args.plain]]

    def ours() -> None:
        for ids in batches:
            draws[ids].render(digits, LENGTH)

    def ours_to_floats() -> None:
        for ids in batches:
            as_floats(draws[ids].render(digits, LENGTH))

    def on_device() -> None:
        for ids in batches:
            chosen = draws[ids]
            positions = torch.from_numpy(chosen.trajectories.positions(LENGTH))
            render_on_device(torch.from_numpy(digits[chosen.digit_index]), positions)

    def plain() -> np.ndarray:
        return reference.videos(
            digits, first.digit_index, first.trajectories.start, first.trajectories.velocity, LENGTH
        )

    assert np.array_equal(first.render(digits, LENGTH)[:, :, 0], plain()), "the two ways differ"
    print(f"the same bytes in {args.plain} videos of {LENGTH} frames")
    n_videos = args.batches * BATCH
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (ours, n_videos),
        "plain loop": (plain, args.plain),
        "ours, to float32": (ours_to_floats, n_videos),
        "a GPU's way, on this CPU": (on_device, n_videos),
    }
    drawing: list[float] = []
    per_video: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.repetitions):
        drawing.append(seconds(lambda: draw_training_set(generator(0, "videos", 1), EPOCH_SIZE, len(digits), N_DIGITS)))
        for name, (function, count) in ways.items():
            drawn = 0.0 if name == "plain loop" else drawing[-1] / EPOCH_SIZE
            per_video[name].append(seconds(function) / count + drawn)
    print(f"draws of an epoch of {EPOCH_SIZE:,} videos: {statistics.median(drawing):.3f} s")
    report(per_video)


def training_digits(raw: Path | None) -> np.ndarray:
    if raw is not None:
        return read_digits(raw, "train")[0]
    with tempfile.TemporaryDirectory() as folder:
        mnist_sample.make(folder)
        return read_digits(folder, "train")[0]


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def report(per_video: dict[str, list[float]]) -> None:
    ours = per_video["ours"]
    print(f"{'':26}{'ms a video':>11}{'range':>18}{'x ours':>8}{'range of pairs':>17}")
    for name, values in per_video.items():
        spread = f"{1e3 * min(values):.4f} - {1e3 * max(values):.4f}"
        ratios = [value / own for value, own in zip(values, ours, strict=True)]
        pairs = f"{min(ratios):.1f} - {max(ratios):.1f}"
        print(
            f"{name:26}{1e3 * statistics.median(values):11.4f}{spread:>18}{statistics.median(ratios):8.1f}{pairs:>17}"
        )


if __name__ == "__main__":
    main()
