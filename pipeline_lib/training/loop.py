"""The training loop: takes the steps, and records them; resumable at every iteration."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.memory import memory_explained
from pipeline_lib.runtime.precision import autocast
from pipeline_lib.training.memory import batch_sizes
from pipeline_lib.training.pictures import N_WINDOWS, TrainingPictures
from pipeline_lib.training.state import capture, non_finite
from pipeline_lib.training.steps import Steps
from pipeline_lib.training.validation import Validation
from pipeline_lib.training.watch import TrainingDivergedError


class TrainingStopped(Exception):  # noqa: N818 - a request that was met, not an error
    """The training was asked to stop and has saved its state; the message says who asked."""


class Progress(Protocol):
    """Shows where a training is."""

    def show(self, iteration: int, values: dict[str, float], rate: float, data_share: float) -> None: ...

    def tick(self, iteration: int) -> None: ...


@dataclass(kw_only=True)
class Trainer(Steps):
    """Everything one training needs. `run` trains up to the budget, from the newest checkpoint if there is one.

    Where it has several processes, the first is a Trainer, and the others take `Steps` alone.
    `stop` is polled at every iteration and answers why to stop, or None. The model's weights are drawn already.
    """

    journal: Journal
    stop: Callable[[], str | None]
    progress: Progress
    validation: Validation | None = None
    pictures: TrainingPictures | None = None
    identity: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._start_clocks()

    def _start_clocks(self) -> None:
        self._started = self._saved = self._logged = time.monotonic()
        self._logged_iteration, self._data_seconds = self.iteration, 0.0

    def run(self) -> None:
        """Train to the end of the budget; raises TrainingStopped (state is saved) or TrainingDivergedError."""
        self.model.train()
        self.meet()
        self._start_clocks()
        if self.iteration == 0:
            self._validate(finished=False)
        while self.iteration < self.budget.iterations:
            self.step()
            self.progress.tick(self.iteration)
            finished = self.iteration == self.budget.iterations
            if self.iteration % self.settings.logging_interval == 0 or finished:
                self._log()
            self._validate(finished)
            if reason := self.stop():
                self.save()
                raise TrainingStopped(reason)
            if finished or time.monotonic() - self._saved > self.settings.checkpoint_interval:
                self.save()

    def seconds(self) -> float:
        """Wall time spent training, earlier sessions included [s]."""
        return self.seconds_before + time.monotonic() - self._started

    def save(self) -> None:
        """Save a checkpoint; a poisoned state is refused with TrainingDivergedError."""
        self.watch.check()
        self.journal.sync()
        facts = {
            "iteration": self.iteration,
            "precision": self.precision,
            "seconds": self.seconds(),
            "journal_offset": self.journal.offset,
            "identity": self.identity,
        }
        checkpoint = capture(self.model, self.optimiser, self.scaler, self.watch.tensors, facts)
        if names := non_finite(checkpoint):
            raise TrainingDivergedError(
                f"weights or moments were not finite at iteration {self.iteration}: {', '.join(names[:3])}"
            )
        self.store.save(checkpoint)
        self._saved = time.monotonic()

    def _log(self) -> None:
        """Journal the mean losses since the last point; one synchronisation with the device."""
        values, skipped = self.watch.read()
        self.watch.reset()
        values |= {"learning_rate": self.optimiser.param_groups[0]["lr"], **self._scheduled}
        if self.scaler.is_enabled():
            values["skipped_steps"] = skipped
        now = time.monotonic()
        elapsed = max(now - self._logged, 1e-9)
        rate = (self.iteration - self._logged_iteration) / elapsed
        data_share = self._data_seconds / elapsed
        self.journal.metrics(self.iteration, {**values, "iterations_per_second": rate, "data_wait_share": data_share})
        self.progress.show(self.iteration, values, rate, data_share)
        self._logged, self._logged_iteration, self._data_seconds = now, self.iteration, 0.0

    def _validate(self, finished: bool) -> None:
        """Let the model try the validation windows if a value of them is due, or a picture, or both.

        Before the first step there is a picture, for the web page's slider begins at 0.
        """
        settings = self.settings.validation
        value_is_due = self._is_due(settings.interval, finished) and self.iteration > 0
        picture_is_due = self._is_due(settings.pictures_interval, finished)
        pictures = self.pictures if picture_is_due and self.pictures and self.pictures.lacks(self.iteration) else None
        if self.validation is None or not (value_is_due or pictures):
            return
        before = time.monotonic()
        advice = f"try a training.validation.n_windows below {settings.n_windows}"
        explained = memory_explained(self.device, "validating", batch_sizes(self.settings), advice)
        with explained, _tried(self.model), autocast(self.precision, self.device):
            found = self.validation.attempt(self.model, None if value_is_due else N_WINDOWS)
        if value_is_due:
            self.journal.metrics(self.iteration, self.validation.values(found))
        if pictures:
            pictures.save(self.iteration, self.validation.picture(found))
        self._logged += time.monotonic() - before

    def _is_due(self, interval: int, finished: bool) -> bool:
        return interval > 0 and (finished or self.iteration % interval == 0)


@contextmanager
def _tried(model: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients, and back to the mode that it was in."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
