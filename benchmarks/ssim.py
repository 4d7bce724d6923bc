"""Time of SSIM on 64x64 frames: ours against scikit-image, one frame after another.

    OMP_NUM_THREADS=2 python -m benchmarks.ssim

Both in float64, on frames of moving blobs with errors, as a forecast has them. They run in turns and must give the
same result. A full evaluation of Moving MNIST is 5,000 videos of 95 frames, the content swap as many again, twice.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from pipeline_lib.metrics.ssim import ssim_gauss11

N_FRAMES = 95
TOLERANCE = 1e-10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=7, help="measurements of each way (7)")
    parser.add_argument("--videos", type=int, default=20, help="videos of 95 frames per measurement (20)")
    args = parser.parse_args()
    prediction, truth = videos(args.videos)
    difference = np.abs(ssim_gauss11(prediction, truth).numpy() - scikit_image(prediction, truth)).max()
    assert difference <= TOLERANCE, f"results differ by {difference}"
    print(f"largest difference on {args.videos * N_FRAMES} frames: {difference:.1e}; {torch.get_num_threads()} threads")
    seconds: dict[str, list[float]] = {"ours": [], "scikit-image": []}
    for _ in range(args.repetitions):
        seconds["ours"].append(measure(lambda: ssim_gauss11(prediction, truth)))
        seconds["scikit-image"].append(measure(lambda: scikit_image(prediction, truth)))
    report(seconds, args.videos * N_FRAMES)


def videos(n_videos: int) -> tuple[Tensor, Tensor]:
    """Prediction and truth, (n, 95, 1, 64, 64): bright discs on black, clipped, and the same a little off."""
    generator = np.random.default_rng(0)
    row, column = np.mgrid[:64, :64]
    centre = generator.uniform(12, 52, size=(n_videos, 1, 2)) + generator.normal(size=(n_videos, N_FRAMES, 2)).cumsum(1)
    square = (row - centre[..., :1, None]) ** 2 + (column - centre[..., 1:, None]) ** 2
    truth = np.clip(20 - square / 5, 0, 1)[:, :, None].astype(np.float32)
    prediction = np.clip(truth + 0.05 * generator.normal(size=truth.shape), 0, 1).astype(np.float32)
    return torch.from_numpy(prediction), torch.from_numpy(truth)


def scikit_image(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> np.ndarray:
    """(B, T): the mean over the valid area, frame by frame."""
    scores = np.empty(truth_BTCHW.shape[:2])
    for b, t in np.ndindex(scores.shape):
        x, y = (video[b, t, 0].numpy().astype(np.float64) for video in (prediction_BTCHW, truth_BTCHW))
        _, map_HW = structural_similarity(
            x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, full=True
        )
        scores[b, t] = map_HW[5:-5, 5:-5].mean()
    return scores


def measure(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def report(seconds: dict[str, list[float]], n_frames: int) -> None:
    print(f"{'':14}{'us a frame':>12}{'range':>18}{'475,000 of them':>17}{'x ours':>8}{'range of pairs':>18}")
    for name, values in seconds.items():
        per_frame = [value / n_frames for value in values]
        median = statistics.median(per_frame)
        ratios = [value / own for value, own in zip(values, seconds["ours"], strict=True)]
        spread = f"{1e6 * min(per_frame):.0f} - {1e6 * max(per_frame):.0f}"
        pairs = f"{min(ratios):.1f} - {max(ratios):.1f}"
        total = f"{475_000 * median:.0f} s"
        print(f"{name:14}{1e6 * median:12.1f}{spread:>18}{total:>17}{statistics.median(ratios):8.1f}{pairs:>18}")


if __name__ == "__main__":
    main()
