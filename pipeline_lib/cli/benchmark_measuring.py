"""What one configuration takes: its data, the parts of its training step (beside the plain implementation's, where that
is wanted), an evaluation pass, memory, operations.

Each measurement is a process of its own, so that running out of memory there ends the measurement and no more.
"""

import gc
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from pipeline_lib.cli.device_rates import copy_rate, matmul_rates
from pipeline_lib.cli.evaluate import evaluated
from pipeline_lib.cli.iteration_timing import (
    AnyTrainer,
    answer_of,
    configured_device,
    endless_trainer,
    first_iterations,
    of_one_process,
    processor_use,
    share_of_others,
)
from pipeline_lib.cli.lap_clock import synchronise
from pipeline_lib.cli.measured_trainer import MeasuredTrainer, Repetition
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.protocols import TrainingWindows
from pipeline_lib.records.benchmark import PARTS, Measurement, Spread, measurement_of

LIMIT_SECONDS = 3600.0
"""A process that has not come to an end by then is ended."""
FEW_WINDOWS = 4
"""Windows of the shortest evaluation pass."""
PLAIN = "benchmarks.plain:plain_trainer"
"""Where the plain implementations are: beside the tests, which compare with them, and not in the package."""


@dataclass(frozen=True)
class Effort:
    """How much is measured. seconds: a repetition is as long at least, if `most_iterations` allow it.

    beside_plain: whether steps of the plain implementation are, too.
    """

    repetitions: int = 5
    seconds: float = 2.0
    most_iterations: int = 200
    beside_plain: bool = False

    def count(self, seconds_of_one: float) -> int:
        """How many in a row make a repetition."""
        return min(max(math.ceil(self.seconds / max(seconds_of_one, 1e-9)), 1), self.most_iterations)


def measured_apart(experiment: Experiment, train_file: Path, test_file: Path, effort: Effort) -> Measurement:
    """Measure in a process of its own; NotTimedError with the reason where that fails."""
    request = {
        "experiment": experiment.model_dump(mode="json"),
        "files": [str(train_file), str(test_file)],
        "effort": asdict(effort),
    }
    return measurement_of(answer_of(["benchmark", "--measure"], request, LIMIT_SECONDS))


def answer_request(stdin: str) -> str:
    """The other side of `measured_apart`: the request's measurement, as JSON."""
    request = json.loads(stdin)
    experiment = Experiment.model_validate(request["experiment"])
    train_file, test_file = map(Path, request["files"])
    return json.dumps(asdict(measured(experiment, train_file, test_file, Effort(**request["effort"]))))


def measured(experiment: Experiment, train_file: Path, test_file: Path, effort: Effort) -> Measurement:
    """Measure a trained experiment in this process, whose threads it sets. Nothing is left on disk.

    Raises ValueError where the plain implementation is wanted and is not here.
    """
    before = processor_use()
    experiment = of_one_process(experiment)
    device = configured_device(experiment)
    with TemporaryDirectory() as folder:
        trainer = new_trainer(MeasuredTrainer, experiment, opened(experiment, train_file, device), device, folder)
        found = _of_training(trainer, effort)
        found["peak_bytes"] = {"training": peak_bytes(device, trainer.records)}
        found |= _of_evaluation(trainer, experiment, test_file, effort)
        found["peak_bytes"]["evaluation"] = peak_bytes(device)
    del trainer
    gc.collect()
    empty_cache(device)
    if effort.beside_plain:
        found |= _beside_plain(experiment, train_file, device, effort)
    # At the end, for their matrices would count as memory.
    found["matmul_rates"] = matmul_rates(device, effort.repetitions)
    found["copy_rate"] = copy_rate(device, effort.repetitions)
    n_frames = experiment.task.n_cond + experiment.task.n_pred
    return Measurement(**found, n_frames=n_frames, others_share=share_of_others(before))


def opened(experiment: Experiment, train_file: Path, device: torch.device) -> TrainingWindows:
    """The training part, as a training of seed 0 has it."""
    task = experiment.task
    windows: TrainingWindows = load(DATASETS[experiment.dataset.name].training)(
        train_file, experiment.dataset, task.n_cond + task.n_pred, device, 0
    )
    return windows


def new_trainer(
    kind: type[AnyTrainer], experiment: Experiment, data: TrainingWindows, device: torch.device, folder: str
) -> AnyTrainer:
    """A training that is stepped by hand."""
    return endless_trainer(kind, experiment, data, device, Path(folder), lambda: None)


def warmed_up(trainer: MeasuredTrainer, effort: Effort) -> int:
    """Take first steps, which allocate, choose algorithms and compile; how many steps then make a repetition."""
    trainer.steps(first_iterations(trainer.settings, trainer.device))
    return effort.count(trainer.steps(1).seconds)


def _of_training(trainer: MeasuredTrainer, effort: Effort) -> dict[str, Any]:
    """Batches and steps, in turns."""
    n = warmed_up(trainer, effort)
    reset_peak(trainer.device)
    batches, steps, in_parts = [], [], []
    for _ in range(effort.repetitions):
        batches.append(trainer.batches(n) / n)
        steps.append(trainer.steps(n))
        in_parts.append(trainer.steps(n, recorded=False) if trainer.records else steps[-1])
    return {
        "batch_seconds": Spread.of(batches),
        **spreads_of(steps, in_parts),
        "n_windows": sum(each.n_windows for each in steps) / sum(each.n for each in steps),
        "n_iterations": n,
        "n_parameters": trainer.n_parameters,
        "frame_shape": trainer.data.frame_shape,
        "flops_per_iteration": trainer.flops(),
    }


def spreads_of(steps: list[Repetition], in_parts: list[Repetition]) -> dict[str, Any]:
    """An iteration's time; that of its parts, and the share that it waits, which recorded steps don't show."""
    return {
        "iteration_seconds": Spread.of([each.seconds / each.n for each in steps]),
        "part_seconds": {part: Spread.of([each.parts[part] / each.n for each in in_parts]) for part in PARTS},
        "waiting_share": Spread.of([each.waiting_share for each in in_parts]),
    }


def _beside_plain(experiment: Experiment, train_file: Path, device: torch.device, effort: Effort) -> dict[str, Any]:
    """Steps of ours and of the plain implementation, in turns."""
    try:
        plain_trainer = load(PLAIN)
    except ValueError as error:
        raise ValueError("the plain implementation is in the repository, not in the package: be in its root") from error
    data = opened(experiment, train_file, device)
    with TemporaryDirectory() as folder:
        ours = new_trainer(MeasuredTrainer, experiment, data, device, folder)
        plain: MeasuredTrainer = plain_trainer(experiment, data, device, folder)
        n_ours, n_plain = warmed_up(ours, effort), warmed_up(plain, effort)
        pairs = [(ours.steps(n_ours), plain.steps(n_plain)) for _ in range(effort.repetitions)]
    seconds = [(of_ours.seconds / of_ours.n, of_plain.seconds / of_plain.n) for of_ours, of_plain in pairs]
    return {
        "plain_seconds": Spread.of([of_plain for _, of_plain in seconds]),
        "plain_ratio": Spread.of([of_plain / of_ours for of_ours, of_plain in seconds]),
    }


def _of_evaluation(trainer: MeasuredTrainer, experiment: Experiment, test_file: Path, effort: Effort) -> dict[str, Any]:
    """Passes over the first windows of the test part, with all that is scored of them but content swaps."""
    device, task = trainer.device, experiment.task
    trainer.optimiser.zero_grad(set_to_none=True)
    reset_peak(device)
    with VideoFile(test_file) as file:

        def run(n_windows: int) -> tuple[float, int]:
            few = _of_few_windows(experiment, n_windows)
            return timed(lambda: len(evaluated(trainer.model, few, file, device).index), device)

        run(1)
        few, n_few = run(FEW_WINDOWS)
        n = min(effort.count(few / n_few), experiment.evaluation.batch_size)
        passes = [run(max(n, FEW_WINDOWS)) for _ in range(effort.repetitions)]
    n_evaluated = passes[0][1]
    return {
        "evaluation_seconds": Spread.of([seconds for seconds, _ in passes]),
        "n_evaluated": n_evaluated,
        "n_evaluated_frames": n_evaluated * (task.n_cond + task.n_pred_test),
    }


def _of_few_windows(experiment: Experiment, n_windows: int) -> Experiment:
    settings = experiment.evaluation
    protocols = tuple(protocol for protocol in settings.protocols if protocol != "swap")
    update = {"n_windows": n_windows, "n_examples": 1, "protocols": protocols}
    return experiment.model_copy(update={"evaluation": settings.model_copy(update=update)})


def timed(call: Callable[[], int], device: torch.device) -> tuple[float, int]:
    """Time of a call [s], when the device has done its work, and what it returns."""
    synchronise(device)
    start = time.perf_counter()
    found = call()
    synchronise(device)
    return time.perf_counter() - start, found


def reset_peak(device: torch.device) -> None:
    """Let the peak begin with what is allocated now; that of a CPU's process cannot be."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def empty_cache(device: torch.device) -> None:
    """Give back what is free."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def peak_bytes(device: torch.device, is_recorded: bool = False) -> int:
    """Most memory so far: allocated on the device, or resident in this process.

    is_recorded: of recorded steps, which keep all that they were recorded with, though nothing of it is allocated.
    """
    if device.type == "cuda":
        most = torch.cuda.max_memory_reserved if is_recorded else torch.cuda.max_memory_allocated
        return int(most(device))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
