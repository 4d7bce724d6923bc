"""Times of training iterations on this machine, remembered in the user's cache folder.

What can change the time is the key: the settings that enter an iteration, the source that computes it, the device and
the version of PyTorch. Experiments that differ in nothing of it, such as points of a sweep over the learning rate,
share one measurement. `benchmark` leaves what it measures here too, in place of what `plan` has timed.
"""

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline_lib.cli.iteration_timing import BUDGET_SECONDS, FrameShape, NotTimedError, Timing, timed_apart
from pipeline_lib.config.digests import run_modules
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.source_graph import installed
from pipeline_lib.records.provenance import cpu_name
from pipeline_lib.runtime import device as devices
from pipeline_lib.runtime.atomic import write_json
from pipeline_lib.runtime.precision import resolve_precision

CHANGES_NO_TIME = {
    "schedule_name",
    "iterations",
    "epochs",
    "optimiser",
    "device",
    "logging_interval",
    "checkpoint_interval",
    "validation",
}
"""Keys of `training` whose values an iteration's time does not depend on; the device counts by its name."""


@dataclass(frozen=True)
class ExperimentTime:
    """How long an iteration of an experiment takes, or why that is not known; measurement: a name of what is shared."""

    timing: Timing | None
    device: str = ""
    on_cpu: bool = False
    is_remembered: bool = False
    reason: str = ""
    measurement: str = ""


class IterationTimes:
    """Looks times up and, where it may, measures what is not known. reads: whether what is remembered counts."""

    def __init__(self, measures: bool = True, reads: bool = True) -> None:
        self._measures, self._reads = measures, reads
        self._known: dict[str, ExperimentTime] = {}

    def of(self, experiment: Experiment, frame_shape: FrameShape) -> ExperimentTime:
        """The time of one iteration of a trained experiment on this machine."""
        try:
            key = timing_key(experiment, frame_shape)
        except NotTimedError as error:
            return ExperimentTime(None, reason=str(error))
        name = _name(key)
        if name not in self._known:
            self._known[name] = self._look_up(experiment, frame_shape, key)
        return self._known[name]

    def _look_up(self, experiment: Experiment, frame_shape: FrameShape, key: dict[str, Any]) -> ExperimentTime:
        facts: Any = {"device": key["device"], "on_cpu": key["device_type"] == "cpu", "measurement": _name(key)}
        timing = remembered(key) if self._reads else None
        if timing is not None:
            return ExperimentTime(timing, is_remembered=True, **facts)
        if not self._measures:
            return ExperimentTime(None, reason="not timed yet", **facts)
        print(f"timing {experiment.name}, about {BUDGET_SECONDS:.0f} s at most …", file=sys.stderr, flush=True)
        try:
            timing = timed_apart(experiment, frame_shape)
        except NotTimedError as error:
            return ExperimentTime(None, reason=str(error), **facts)
        remember(key, timing)
        return ExperimentTime(timing, **facts)


def timing_key(experiment: Experiment, frame_shape: FrameShape) -> dict[str, Any]:
    """All that the time of an iteration depends on; NotTimedError where its device is not here."""
    training = experiment.training
    assert training is not None
    try:
        device = devices.choose_device(training.device)
    except ValueError as error:
        raise NotTimedError(str(error)) from error
    return {
        "model": experiment.model.model_dump(mode="json"),
        "n_cond": experiment.task.n_cond,
        "n_pred": experiment.task.n_pred,
        "frame_shape": list(frame_shape),
        "training": training.model_dump(mode="json", exclude=CHANGES_NO_TIME),
        "precision": resolve_precision(training.precision, device),
        "device_type": device.type,
        "device": device_name(device),
        "torch": torch.__version__,
        "source": installed().digest(run_modules(experiment)),
    }


def device_name(device: torch.device) -> str:
    """What a measurement holds for: the name of the GPU, or of the processor with its number of cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_name()}, {os.cpu_count()} cores"


def cache_folder() -> Path:
    """Where measurements are remembered: the user's cache folder, XDG_CACHE_HOME or ~/.cache."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "video-disentanglement" / "iteration_times"


def remembered(key: dict[str, Any]) -> Timing | None:
    """The measurement of this key, or None where there is none, or none that can be read."""
    try:
        content = json.loads(_file(key).read_text())
        return Timing(**content["timing"]) if content["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(key: dict[str, Any], timing: Timing) -> None:
    """Keep a measurement; where the cache cannot be written, say so and go on."""
    try:
        write_json(_file(key), {"timing": asdict(timing), "key": key})
    except OSError as error:
        print(f"{cache_folder()}: times are not remembered ({error.strerror})", file=sys.stderr)


def _file(key: dict[str, Any]) -> Path:
    return cache_folder() / f"{_name(key)}.json"


def _name(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
