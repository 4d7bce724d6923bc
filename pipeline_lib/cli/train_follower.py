"""Every process of a training but the first: takes the same steps on its share of the windows, and records nothing."""

import time
from pathlib import Path
from typing import NoReturn

from pipeline_lib.cli.train_process import build_model, join_ranks, open_training_data, reason_of
from pipeline_lib.cli.training_processes import LOST, tell_failure
from pipeline_lib.cli.training_request import TrainingRequest
from pipeline_lib.runtime import device as devices
from pipeline_lib.runtime.memory import NotEnoughMemoryError
from pipeline_lib.runtime.precision import resolve_precision
from pipeline_lib.runtime.ranks import RanksLostError
from pipeline_lib.runtime.seeding import seed_torch
from pipeline_lib.training.checkpoint import CheckpointStore
from pipeline_lib.training.steps import Steps


def run_follower(request: TrainingRequest, rank: int, meeting: Path) -> int:
    """Follow the first process to the end, and wait to be ended; why it fails is left for the parent to journal.

    Returns 1, or `LOST` where another process is gone.
    """
    try:
        _follow(request, rank, meeting)
    except RanksLostError as error:
        tell_failure(meeting, rank, str(error))
        return LOST
    except (ValueError, NotEnoughMemoryError) as error:
        tell_failure(meeting, rank, reason_of(error, request))
        return 1
    except BaseException as error:
        tell_failure(meeting, rank, reason_of(error, request))
        raise


def _follow(request: TrainingRequest, rank: int, meeting: Path) -> NoReturn:
    settings = request.experiment.training
    assert settings is not None and request.seed is not None
    device = devices.choose_device(settings.device, rank, settings.n_processes)
    devices.configure(device, settings.n_threads, settings.deterministic, settings.precision == "tf32")
    ranks = join_ranks(rank, settings.n_processes, meeting, device)
    data = open_training_data(request, device)
    seed_torch(request.seed, "weights")
    steps = Steps(
        model=build_model(request.experiment, data.frame_shape, device, ranks),
        data=data,
        settings=settings,
        seed=request.seed,
        precision=resolve_precision(settings.precision, device),
        device=device,
        store=CheckpointStore(request.state),
        ranks=ranks,
    )
    steps.restore()
    steps.run()
    while True:  # until the parent, when the first has finished, ends this process: the first may still hear from it
        time.sleep(1.0)
