"""Time of a configuration's training step, part by part; with --plain, beside the plain implementation's.

    OMP_NUM_THREADS=2 python -m benchmarks.training_step moving_mnist/pde --plain

Both step through the same training, on the same data: the plain way differs in its objective, which is that of the
tests (tests/reference: frame by frame, object by object), is in float32, uncompiled, with Adam unfused. They must give
the same loss and gradients before they are timed, and take turns. Times are measured as `python -m pipeline_lib
benchmark` does; where raw data are missing, the sample data stand in for them.
"""

import argparse
import copy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from pipeline_lib.cli.benchmark import parsed, pipeline_with, trained
from pipeline_lib.cli.benchmark_data import make_data, measurable
from pipeline_lib.cli.benchmark_measuring import Effort, new_trainer, opened, warmed_up
from pipeline_lib.cli.iteration_timing import configured_device
from pipeline_lib.cli.measured_trainer import MeasuredTrainer, Repetition
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.data.protocols import TrainingWindows
from pipeline_lib.models.dive.model import DiveModel
from pipeline_lib.records.benchmark import PARTS, Spread
from pipeline_lib.runtime import device as devices
from tests.reference import dive, pde_objective

TOLERANCE = 1e-8
ROUNDING = 1e-13
"""Of the largest norm of a gradient."""
N_COMPARED = 2


class PlainTrainer(MeasuredTrainer):
    """The same training by the plain objective."""

    def __post_init__(self) -> None:
        self.model.loss_terms = partial(plain_loss_terms, plainly(self.model))  # type: ignore[assignment]
        super().__post_init__()

    def _adam(self) -> torch.optim.Adam:
        adam = self.settings.optimiser
        betas = (adam.beta1, adam.beta2)
        return torch.optim.Adam(self.model.parameters(), lr=adam.learning_rate, betas=betas, eps=adam.eps)


def plainly(model: nn.Module) -> nn.Module:
    """The model, its layers switched to what the plain objective needs."""
    return model if isinstance(model, DiveModel) else pde_objective.plain_batch_norms(model)


def plain_loss_terms(model: nn.Module, video_BTCHW: Tensor, drawn: int) -> dict[str, Tensor]:
    """Unweighted loss terms, as `Trainable.loss_terms`."""
    with torch.device(video_BTCHW.device):  # the reference makes its zeros and ones where PyTorch makes them
        if isinstance(model, DiveModel):
            return dive.plain_terms(model, video_BTCHW, model.draws(len(video_BTCHW)))
        return pde_objective.plain_loss(model, video_BTCHW, drawn)[1]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", metavar="EXPERIMENT", help="<dataset>/<model>, PDE or DIVE")
    parser.add_argument("overlays", nargs="*", metavar="OVERLAY.yaml", help="files merged over config/config.yaml")
    parser.add_argument("--plain", action="store_true", help="compare with the plain implementation")
    parser.add_argument("--repetitions", type=int, default=5, help="measurements of each way (5)")
    parser.add_argument("--quick", action="store_true", help="single steps in each measurement")
    args = parser.parse_args(arguments)
    names, overlays = parsed([args.experiment, *args.overlays])
    pipeline = pipeline_with(names, overlays, Path.cwd())
    (experiment,) = trained(pipeline, names)
    wanted = measurable(pipeline, experiment)
    make_data(pipeline, wanted)
    effort = Effort(args.repetitions, seconds=0.0) if args.quick else Effort(args.repetitions)
    compare(wanted.experiment, wanted.train_file, args.plain, effort)


def compare(experiment: Experiment, train_file: Path, with_plain: bool, effort: Effort) -> None:
    """Step in turns, and print what the steps took."""
    device = configured_device(experiment)
    data = opened(experiment, train_file, device)
    kinds = {"ours": MeasuredTrainer, **({"plain": PlainTrainer} if with_plain else {})}
    with TemporaryDirectory() as folder:
        ways = {
            name: new_trainer(kind, as_plain(experiment) if kind is PlainTrainer else experiment, data, device, folder)
            for name, kind in kinds.items()
        }
        if with_plain:
            apart = difference(new_trainer(MeasuredTrainer, as_plain(experiment), data, device, folder).model, data)
            print(f"largest relative difference of a gradient in float64: {apart:.1e}")
        counts = {name: warmed_up(way, effort) for name, way in ways.items()}
        found: dict[str, list[Repetition]] = {name: [] for name in ways}
        for _ in range(effort.repetitions):
            for name, way in ways.items():
                found[name].append(way.steps(counts[name]))
    precision = {name: way.precision for name, way in ways.items()}
    print(f"{experiment.name}, batches of {ways['ours'].settings.batch_size}, {devices.describe(device)}")
    report(found, precision)


def as_plain(experiment: Experiment) -> Experiment:
    """In float32, laid out as PyTorch does by itself, and not compiled."""
    assert experiment.training is not None
    update = {"precision": "float32", "compile": False, "channels_last": False, "cuda_graphs": False}
    return experiment.model_copy(update={"training": experiment.training.model_copy(update=update)})


def difference(model: nn.Module, data: TrainingWindows) -> float:
    """The largest, over parameters, of |ours - plain| / |plain|, in the norm, on a few windows; raises where that is
    too large. In float64, for in float32 what rounds to the other side of a pixel has another gradient.

    Where both are nothing but rounding, there is nothing to compare: a bias before BatchNorm has the gradient 0.
    """
    video_BTCHW = data.batch(0, torch.arange(min(N_COMPARED, data.n_windows)).numpy()).double()
    del model.loss_terms  # the one that is timed
    ours = copy.deepcopy(model).double()
    plain = plainly(copy.deepcopy(ours))
    drawn = ours.draw_range()[0]  # type: ignore[operator]
    weights = ours.loss_weights()  # type: ignore[operator]
    for each, terms_of in ((ours, ours.loss_terms), (plain, partial(plain_loss_terms, plain))):
        torch.manual_seed(0)  # both draw the same
        terms = terms_of(video_BTCHW, drawn)  # type: ignore[operator]
        torch.stack([weight * terms[name] for name, weight in weights.items()]).sum().backward()
        assert any(p.grad is not None for p in each.parameters())
    pairs = zip(ours.parameters(), plain.parameters(), strict=True)
    grads = [(p.grad, q.grad) for p, q in pairs if p.grad is not None and q.grad is not None]
    rounding = ROUNDING * max(wanted.norm().item() for _, wanted in grads)
    largest = max(
        ((found - wanted).norm() / wanted.norm()).item()
        for found, wanted in grads
        if max(found.norm(), wanted.norm()) > rounding
    )
    assert largest <= TOLERANCE, f"gradients differ by {largest}"
    return largest


def report(found: dict[str, list[Repetition]], precision: dict[str, str]) -> None:
    print(f"{'':8}{'precision':>10}{'ms a step':>12}{'range':>24}" + "".join(f"{part:>12}" for part in PARTS))
    for name, steps in found.items():
        spread = Spread.of([1e3 * each.seconds / each.n for each in steps])
        parts = (Spread.of([1e3 * each.parts[part] / each.n for each in steps]).median for part in PARTS)
        limits = f"{spread.least:.2f} - {spread.most:.2f}"
        line = f"{name:8}{precision[name]:>10}{spread.median:12.2f}{limits:>24}"
        print(line + "".join(f"{part:12.2f}" for part in parts))
    if "plain" in found:
        pairs = zip(found["ours"], found["plain"], strict=True)
        ratios = Spread.of([plain.seconds / plain.n / (ours.seconds / ours.n) for ours, plain in pairs])
        print(f"ratio of pairs: {ratios.median:.2f} ({ratios.least:.2f} - {ratios.most:.2f})")


if __name__ == "__main__":
    main()
