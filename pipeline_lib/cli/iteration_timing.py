"""How long a training iteration takes on this machine: a few real ones of the training loop, on made-up frames.

Each measurement is a process of its own, so that running out of memory there ends the measurement and no more.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from pipeline_lib.cli.train_process import build_model
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.data.protocols import WindowBatches
from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime import device as devices
from pipeline_lib.runtime.precision import resolve_precision
from pipeline_lib.runtime.seeding import seed_torch
from pipeline_lib.training.checkpoint import CheckpointStore
from pipeline_lib.training.loop import Trainer

FrameShape = tuple[int, int, int]

WARM_UP = {"cpu": 1, "cuda": 3}
"""First iterations, which allocate, choose algorithms and compile, and do not count."""
RECORDING = 200
"""As many where steps are recorded: by then each integer that a batch may draw has come twice."""
ENOUGH_SECONDS, LEAST, MOST = 1.0, 3, 50
"""Enough is timed after so many seconds and at least so many iterations, or after the most iterations."""
BUDGET_SECONDS = 20.0
"""No iteration begins after this, but for the first that counts."""
LIMIT_SECONDS = 15 * BUDGET_SECONDS
"""A process that has not come to an end by then is ended."""


@dataclass(frozen=True)
class Timing:
    """Seconds per iteration: the median of `n_timed`. others: share of the processor that other work had meanwhile.

    by_benchmark: measured by `benchmark`, on the data themselves.
    """

    seconds: float
    n_timed: int
    others: float = 0.0
    by_benchmark: bool = False


class NotTimedError(Exception):
    """An iteration could not be timed; the message says why."""


def timed_apart(experiment: Experiment, frame_shape: FrameShape) -> Timing:
    """Measure in a process of its own; NotTimedError with the reason where that fails."""
    request = {"experiment": experiment.model_dump(mode="json"), "frame_shape": frame_shape}
    return Timing(**answer_of(["plan", "--time-iterations"], request, LIMIT_SECONDS))


def answer_of(arguments: Sequence[str], request: Any, limit_seconds: float) -> Any:
    """What `python -m pipeline_lib` with these arguments answers on its last line to a request, as JSON, on stdin.

    Raises NotTimedError with the reason where it fails, is killed, or takes longer than the limit.
    """
    command = [sys.executable, "-m", "pipeline_lib", *arguments]
    try:
        done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        raise NotTimedError(f"a few iterations took longer than {limit_seconds:.0f} s") from None
    if done.returncode < 0:
        raise NotTimedError(f"the process was ended by signal {-done.returncode}, perhaps for want of memory")
    if done.returncode > 0:
        raise NotTimedError((done.stderr.strip().splitlines() or ["it failed without a word"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def answer_request(stdin: str) -> str:
    """The other side of `timed_apart`: the request's measurement, as JSON."""
    request = json.loads(stdin)
    channels, height, width = request["frame_shape"]
    experiment = Experiment.model_validate(request["experiment"])
    return json.dumps(asdict(measured(experiment, (channels, height, width))))


def measured(experiment: Experiment, frame_shape: FrameShape) -> Timing:
    """Time a few iterations of the training loop, in this process, whose threads it sets. Nothing is left on disk."""
    experiment = of_one_process(experiment)
    settings = experiment.training
    assert settings is not None
    device = configured_device(experiment)
    n_frames = experiment.task.n_cond + experiment.task.n_pred
    stopwatch = _Stopwatch(device, first_iterations(settings, device))
    with TemporaryDirectory() as folder:
        data = MadeUpWindows(settings.batch_size, n_frames, frame_shape, device)
        trainer = endless_trainer(Trainer, experiment, data, device, Path(folder), stopwatch.lap)
        try:
            stopwatch.start()
            trainer.run()
        except _EnoughError:
            return stopwatch.timing()
    raise AssertionError("the stopwatch ends the training")


def of_one_process(experiment: Experiment) -> Experiment:
    """Of a training of several processes, what one does: its share of a batch, without the exchange with the others."""
    training = experiment.training
    assert training is not None
    share = {"batch_size": -(-training.batch_size // training.n_processes), "n_processes": 1, "batch_norm": "per_rank"}
    return experiment.model_copy(update={"training": training.model_copy(update=share)})


def configured_device(experiment: Experiment) -> torch.device:
    """The device of a training, with this process's threads and PyTorch's determinism set as it asks."""
    settings = experiment.training
    assert settings is not None
    device = devices.choose_device(settings.device)
    devices.configure(device, settings.n_threads, settings.deterministic, settings.precision == "tf32")
    return device


AnyTrainer = TypeVar("AnyTrainer", bound=Trainer)


def endless_trainer(
    kind: type[AnyTrainer],
    experiment: Experiment,
    data: WindowBatches,
    device: torch.device,
    folder: Path,
    stop: Callable[[], str | None],
) -> AnyTrainer:
    """A new training of seed 0 that has no end of its own, logs nothing and keeps nothing, in a folder of its own."""
    assert experiment.training is not None
    endless = {"iterations": 10**9, "epochs": None, "logging_interval": 10**9, "checkpoint_interval": float("inf")}
    settings = experiment.training.model_copy(update=endless)
    seed_torch(0, "weights")
    return kind(
        model=build_model(experiment, data.frame_shape, device),
        data=data,
        settings=settings,
        seed=0,
        precision=resolve_precision(settings.precision, device),
        device=device,
        store=CheckpointStore(folder),
        journal=Journal(folder / "journal.jsonl"),
        stop=stop,
        progress=_NoProgress(),
    )


def first_iterations(settings: TrainingSettings, device: torch.device) -> int:
    """How many iterations of a training do not count."""
    return RECORDING if settings.cuda_graphs and device.type == "cuda" else WARM_UP[device.type]


class MadeUpWindows:
    """Windows that hold noise (`WindowBatches`): one batch, served again and again."""

    def __init__(self, batch_size: int, n_frames: int, frame_shape: FrameShape, device: torch.device) -> None:
        self.n_windows = 1000 * batch_size  # so many iterations that no epoch ends while they are timed
        self.frame_shape = frame_shape
        self._windows_BTCHW = torch.rand(batch_size, n_frames, *frame_shape, device=device)

    def batch(self, epoch: int, ids: np.ndarray) -> Tensor:
        return self._windows_BTCHW[: len(ids)]


class _EnoughError(Exception):
    """The stopwatch has what it needs."""


class _Stopwatch:
    """Takes the time at the end of each iteration, when the device has done its work."""

    def __init__(self, device: torch.device, n_first: int) -> None:
        self._device = device
        self._n_first = n_first
        self._marks: list[float] = []
        self._use = (0.0, 0.0, 0.0)

    def start(self) -> None:
        self._use = processor_use()
        self._mark()

    def lap(self) -> None:
        """Asked by the training after each iteration whether to stop; raises _EnoughError when it is to."""
        self._mark()
        timed = self._marks[self._n_first :]
        if len(timed) < 2:
            return
        n_timed, seconds = len(timed) - 1, timed[-1] - timed[0]
        is_enough = (n_timed >= LEAST and seconds >= ENOUGH_SECONDS) or n_timed >= MOST
        if is_enough or timed[-1] - self._marks[0] >= BUDGET_SECONDS:
            raise _EnoughError

    def _mark(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._marks.append(time.perf_counter())

    def timing(self) -> Timing:
        """The median of what was timed after the warm-up."""
        timed = self._marks[self._n_first :]
        laps = [after - before for before, after in zip(timed, timed[1:], strict=False)]
        return Timing(statistics.median(laps), len(laps), share_of_others(self._use))


def share_of_others(before: tuple[float, float, float]) -> float:
    """Share of all cores' time that was not ours since `processor_use` gave `before`, from 0 to 1."""
    (began, all_before, ours_before), (ended, all_after, ours_after) = before, processor_use()
    others = (all_after - all_before) - (ours_after - ours_before)
    return min(max(others / ((ended - began) * (os.cpu_count() or 1)), 0.0), 1.0)


def processor_use() -> tuple[float, float, float]:
    """Now, and the processor time [s] that all processes have had since the machine started, and this one of it.

    Where the system does not tell (it is not Linux), all have had what this one has had.
    """
    ours = time.process_time()
    try:
        user, nice, system, _, _, *others = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
        everyone = (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        everyone = ours
    return time.perf_counter(), everyone, ours


class _NoProgress:
    def show(self, iteration: int, values: dict[str, float], rate: float, data_share: float) -> None: ...

    def tick(self, iteration: int) -> None: ...
