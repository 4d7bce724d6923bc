"""The plain implementation of a training step, which `python -m pipeline_lib benchmark --plain` steps beside ours.

It is the same training on the same data: the plain way differs in its objective, which is that of the tests
(tests/reference: frame by frame, object by object), is uncompiled, with Adam unfused, and in float32 as PyTorch has it
by itself, where a GPU's convolutions take inputs in TF32 and its matrix products do not.
"""

import copy
from functools import partial

import torch
from torch import Tensor, nn

from pipeline_lib.cli.benchmark_measuring import new_trainer
from pipeline_lib.cli.measured_trainer import MeasuredTrainer, Repetition
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.data.protocols import TrainingWindows
from pipeline_lib.models.dive.model import DiveModel
from pipeline_lib.runtime.precision import tf32_products
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

    def _steps(self, n: int) -> Repetition:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=True), tf32_products(False):
            return super()._steps(n)

    def _adam(self) -> torch.optim.Adam:
        adam = self.settings.optimiser
        betas = (adam.beta1, adam.beta2)
        return torch.optim.Adam(self.model.parameters(), lr=adam.learning_rate, betas=betas, eps=adam.eps)


def plain_trainer(experiment: Experiment, data: TrainingWindows, device: torch.device, folder: str) -> PlainTrainer:
    """A plain training that is stepped by hand; AssertionError where its gradients are not those of ours."""
    plain = as_plain(experiment)
    difference(new_trainer(MeasuredTrainer, plain, data, device, folder).model, data)
    return new_trainer(PlainTrainer, plain, data, device, folder)


def plainly(model: nn.Module) -> nn.Module:
    """The model, its layers switched to what the plain objective needs."""
    return model if isinstance(model, DiveModel) else pde_objective.plain_batch_norms(model)


def plain_loss_terms(model: nn.Module, video_BTCHW: Tensor, drawn: int) -> dict[str, Tensor]:
    """Unweighted loss terms, as `Trainable.loss_terms`."""
    with torch.device(video_BTCHW.device):  # the reference makes its zeros and ones where PyTorch makes them
        if isinstance(model, DiveModel):
            return dive.plain_terms(model, video_BTCHW, model.draws(len(video_BTCHW)))
        return pde_objective.plain_loss(model, video_BTCHW, drawn)[1]


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
