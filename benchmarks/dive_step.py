"""Time of a training step of DIVE (forward, backward, Adam): ours against the plain implementation.

    OMP_NUM_THREADS=2 python -m benchmarks.dive_step

Published sizes, batches of 64 videos of 10 + 10 frames, 64x64 pixels. The plain implementation, which is the one of
the tests, works on whole batches and takes objects, frames and LSTM cells one after the other. Both run in turns, with
the same draws, and must give the same loss and gradients before they are timed.
"""

import argparse
import copy
import statistics
import time

import torch
from torch import Tensor

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.dive.draws import Draws
from pipeline_lib.models.dive.model import DiveModel, build
from tests.reference.dive import plain_terms

TASK = TaskSettings(n_cond=10, n_pred=10)
TOLERANCE = 1e-9


class Training:
    """A model, its optimiser, and the function that gives its loss terms."""

    def __init__(self, model: DiveModel, plain: bool, precision: str) -> None:
        self.model, self.plain, self.autocast = model, plain, precision == "bf16" and not plain
        self.adam = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999), fused=not plain)

    def loss(self, video_BTCHW: Tensor, draws: Draws) -> Tensor:
        """The mean, whose sum over all values is what is descended."""
        if self.plain:
            return torch.stack(list(plain_terms(self.model, video_BTCHW, draws).values())).sum()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            return torch.stack(list(self.model.terms_of(video_BTCHW, draws).values())).sum()

    def step(self, video_BTCHW: Tensor, draws: Draws) -> float:
        """One step; its time [s]."""
        start = time.perf_counter()
        self.adam.zero_grad(set_to_none=True)
        (self.loss(video_BTCHW, draws) * video_BTCHW.numel()).backward()
        self.adam.step()
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=7, help="steps of each way (7)")
    parser.add_argument("--batch-size", type=int, default=64, help="videos of a batch (64)")
    parser.add_argument("--varying", action="store_true", help="with varying appearance")
    parser.add_argument("--precision", choices=["float32", "bf16"], default="float32", help="of our convolutions")
    args = parser.parse_args()
    torch.manual_seed(0)
    model = build(DiveSettings(use_varying_appearance=args.varying), TASK, (1, 64, 64))
    ways = {name: Training(copy.deepcopy(model), name == "plain", args.precision) for name in ("ours", "plain")}
    video_BTCHW = squares(args.batch_size)
    print(f"largest relative difference of a gradient in float64: {difference(model, video_BTCHW[:8].double()):.1e}")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repetition in range(args.repetitions + 1):
        draws = model.draws(args.batch_size)
        for name, way in ways.items():
            taken = way.step(video_BTCHW, draws)
            if repetition > 0:  # the first one warms up
                seconds[name].append(taken)
    report(seconds)


def squares(n_videos: int) -> Tensor:
    """Two bright squares that move, (n, 20, 1, 64, 64), as sparse as digits are."""
    video = torch.zeros(n_videos, TASK.n_cond + TASK.n_pred, 1, 64, 64)
    generator = torch.Generator().manual_seed(0)
    for b in range(n_videos):
        for row, column, down, right in torch.randint(0, 32, (2, 4), generator=generator).tolist():
            for t in range(video.shape[1]):
                y, x = (row + (down - 16) * t // 16) % 50, (column + (right - 16) * t // 16) % 50
                video[b, t, 0, y : y + 14, x : x + 14] = 1
    return video


def difference(model: DiveModel, video_BTCHW: Tensor) -> float:
    """The largest, over parameters, of |ours - plain| / |plain|, in the norm; raises where that is too large.

    In float64, for in float32 a position that rounds to the other side of a pixel has another gradient.
    """
    ours, plain = (Training(copy.deepcopy(model).double(), plain, "float32") for plain in (False, True))
    draws = ours.model.draws(len(video_BTCHW))
    for way in (ours, plain):
        way.loss(video_BTCHW, draws).backward()
    pairs = [
        (p.grad, q.grad)
        for p, q in zip(ours.model.parameters(), plain.model.parameters(), strict=True)
        if p.grad is not None and q.grad is not None
    ]
    largest = max(((found - wanted).norm() / wanted.norm()).item() for found, wanted in pairs)
    assert 0 < largest <= TOLERANCE, f"gradients differ by {largest}"
    return largest


def report(seconds: dict[str, list[float]]) -> None:
    ratios = [plain / ours for ours, plain in zip(seconds["ours"], seconds["plain"], strict=True)]
    print(f"{torch.get_num_threads()} threads{'s a step':>20}{'range':>18}")
    for name, values in seconds.items():
        spread = f"{min(values):.3f} - {max(values):.3f}"
        print(f"{name:9}{statistics.median(values):20.3f}{spread:>18}")
    print(f"ratio of pairs: {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})")


if __name__ == "__main__":
    main()
