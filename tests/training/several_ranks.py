"""What two processes of a training compute, for tests to compare with one: started here, results left in files."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.training import OptimiserSettings, TrainingSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.runtime.ranks import Ranks, join
from pipeline_lib.training.batch_norm import synchronise
from pipeline_lib.training.steps import Steps
from tests.training.toy import toy_trainer, toy_videos

CASES = {
    "uneven": {"batch_size": 7},  # shares of 4 and 3 windows; the last batch has 6
    "accumulated": {"batch_size": 8, "accumulation": 3, "gradient_clip_norm": 0.1},
    "alone": {"batch_size": 19},  # the last batch has one window
    "sum": {"batch_size": 7},
    "dcgan": {"batch_size": 7},
}
"""Changes of a training on 20 windows."""
DCGAN = {"encoder": "dcgan", "decoder": "dcgan", "encoder_hidden_size": 2, "decoder_hidden_size": 2}
CODES = {"code_size_static": 3, "code_size_dynamic": 3, "integrator_hidden_size": 5, "gain_encoder": 0.2}
CONVOLUTIONS = PdeSettings(**DCGAN, **CODES)
"""Of the case "dcgan", whose statistics of BatchNorm are synchronised."""
N_ITERATIONS = 5


class InFloat64:
    """Windows in twice the digits."""

    def __init__(self, data):
        self._data = data
        self.n_windows = data.n_windows

    def batch(self, epoch, ids):
        return self._data.batch(epoch, ids).double()


def case_trainer(experiment: Experiment, name: str, folder: Path):
    """A training of one process, or the first of several; in float64, so that sums in another order tell no lie."""
    validation = {"interval": 4, "n_windows": 2, "pictures_interval": 0}
    settings = {"iterations": N_ITERATIONS, "logging_interval": 1, "validation": validation, **CASES[name]}
    if name == "dcgan":
        # Adam would enlarge gradients that are 0 but for rounding, of biases before a BatchNorm.
        settings["optimiser"] = OptimiserSettings(eps=1e-4)
        settings |= {"model": CONVOLUTIONS, "videos": toy_videos(2, n_pixels=64 * 64).view(2, -1, 1, 64, 64)}
    trainer = toy_trainer(experiment, folder, **{"videos": toy_videos(2), **settings})
    assert trainer.data.n_windows == 20
    trainer.model.double()
    trainer.data = InFloat64(trainer.data)
    trainer.validation._cond = trainer.validation._cond.double()
    trainer.model.sums_batch = name == "sum"
    return trainer


def share_of_case(experiment: Experiment, name: str, folder: Path, ranks: Ranks) -> None:
    trainer = case_trainer(experiment, name, folder / f"{name}_{ranks.rank}")
    trainer.ranks = ranks
    if name == "dcgan":
        synchronise(trainer.model, ranks, trainer.settings)
    trainer.run() if ranks.rank == 0 else Steps.run(trainer)
    save_file(trainer.model.state_dict(), folder / f"{name}_{ranks.rank}.safetensors")


def network() -> nn.Module:
    """Two convolutions with BatchNorm, the same at every call."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), BatchNorm2d(4), nn.Tanh()
    ).double()


def weighted_loss(network: nn.Module, images_NCHW: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """A sum in which every image counts by its number, so that it matters which rank has it."""
    return (network(images_NCHW[numbers]).mean(dim=(1, 2, 3)) * (numbers + 1)).sum()


def share_of_images(folder: Path, ranks: Ranks) -> None:
    """Three images on the first rank, two on the second."""
    synchronised = network()
    synchronise(synchronised, ranks, TrainingSettings(iterations=1))
    weighted_loss(synchronised, images(), torch.from_numpy(ranks.share(np.arange(5)))).backward()
    gradients = ranks.add_up([parameter.grad for parameter in synchronised.parameters()])
    names = [name for name, _ in synchronised.named_parameters()]
    found = {f"gradient.{name}": value.clone() for name, value in zip(names, gradients, strict=True)}
    save_file({**synchronised.state_dict(), **found}, folder / f"images_{ranks.rank}.safetensors")


def images() -> torch.Tensor:
    return torch.randn(5, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def _rank(rank: int, folder: Path, experiment: Experiment, finished: Barrier) -> None:
    torch.set_num_threads(1)
    ranks = join(rank, 2, folder / "store", torch.device("cpu"))
    for name in CASES:
        share_of_case(experiment, name, folder, ranks)
    share_of_images(folder, ranks)
    finished.wait()
    os._exit(0)  # as trainings do


def run_two_ranks(folder: Path, experiment: Experiment) -> None:
    """Every case on two processes; raises where one of them fails."""
    context = multiprocessing.get_context("spawn")
    finished = context.Barrier(2)
    processes = [context.Process(target=_rank, args=(rank, folder, experiment, finished)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=200)
    assert [process.exitcode for process in processes] == [0, 0]
