"""The training loop: one Adam over all networks, resumable at every iteration."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.data.protocols import TrainingWindows
from pipeline_lib.models.protocols import Trainable
from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.precision import autocast, gradient_scaler
from pipeline_lib.training.checkpoint import CheckpointStore
from pipeline_lib.training.pictures import N_WINDOWS, TrainingPictures
from pipeline_lib.training.schedule import Budget, EpochPlan, learning_rate
from pipeline_lib.training.state import capture, non_finite, restore
from pipeline_lib.training.validation import Validation
from pipeline_lib.training.watch import DeviceWatch, TrainingDivergedError


class TrainingStopped(Exception):  # noqa: N818 - a request that was met, not an error
    """The training was asked to stop and has saved its state; the message says who asked."""


class Progress(Protocol):
    """Shows where a training is."""

    def show(self, iteration: int, values: dict[str, float], rate: float, data_share: float) -> None: ...

    def tick(self, iteration: int) -> None: ...


@dataclass
class Trainer:
    """Everything one training needs. `run` trains up to the budget, from the newest checkpoint if there is one.

    `stop` is polled at every iteration and answers why to stop, or None. The model's weights are drawn already.
    """

    model: nn.Module
    data: TrainingWindows
    settings: TrainingSettings
    seed: int
    precision: str
    device: torch.device
    store: CheckpointStore
    journal: Journal
    stop: Callable[[], str | None]
    progress: Progress
    validation: Validation | None = None
    pictures: TrainingPictures | None = None
    identity: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert isinstance(self.model, Trainable)
        self.budget = Budget.of(self.settings, self.data.n_windows)
        self.weights = self.model.loss_weights()
        self.optimiser = self._adam()
        self.scaler = gradient_scaler(self.precision, self.device)
        self.watch = DeviceWatch(list(self.weights), self.device, scaled=self.scaler.is_enabled())
        self.iteration = 0
        self.seconds_before = 0.0
        self._scheduled: dict[str, float] = {}
        self._plan: EpochPlan | None = None
        self._start_clocks()

    def _start_clocks(self) -> None:
        self._started = self._saved = self._logged = time.monotonic()
        self._logged_iteration, self._data_seconds = self.iteration, 0.0

    def _adam(self) -> torch.optim.Adam:
        adam = self.settings.optimiser
        return torch.optim.Adam(
            self.model.parameters(), lr=adam.learning_rate, betas=(adam.beta1, adam.beta2), eps=adam.eps, fused=True
        )

    def restore(self) -> bool:
        """Continue from the newest whole checkpoint; False where there is none."""
        checkpoint = self.store.load()
        if checkpoint is None:
            return False
        facts = checkpoint.facts
        if facts["precision"] != self.precision:
            raise ValueError(
                f"{self.store.folder}: this training was begun in {facts['precision']} and can't go on in "
                f"{self.precision}; set training.precision to {facts['precision']}, or start it anew by another seed"
            )
        restore(checkpoint, self.model, self.optimiser, self.scaler, self.watch.tensors)
        self.iteration = facts["iteration"]
        self.seconds_before = facts["seconds"]
        return True

    def run(self) -> None:
        """Train to the end of the budget; raises TrainingStopped (state is saved) or TrainingDivergedError."""
        self.model.train()
        self._start_clocks()
        if self.iteration == 0:
            self._validate(finished=False)
        while self.iteration < self.budget.iterations:
            self._step()
            self.iteration += 1
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

    def _step(self) -> None:
        epoch, position = divmod(self.iteration, self.budget.iterations_per_epoch)
        self._enter_epoch(epoch)
        assert self._plan is not None
        self._scheduled = self.model.at_iteration(self.iteration + 1)  # type: ignore[operator]
        before = time.monotonic()
        video_BTCHW = self.data.batch(epoch, self._plan.window_ids(position))
        self._data_seconds += time.monotonic() - before
        total, terms = self._backward(video_BTCHW, self._plan.draw(position))
        overflowed = self._unscale_and_clip()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.watch.update(self.iteration, total, terms, overflowed)

    def _backward(self, video_BTCHW: Tensor, drawn: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradients of the mean loss, or of its sum where that is the model's objective, in `accumulation` parts.

        Returns the mean loss and its terms, detached.
        """
        self.optimiser.zero_grad(set_to_none=True)
        n_summed = video_BTCHW.numel() if self.model.sums_batch else 1
        total_sum: Tensor | None = None
        term_sums: dict[str, Tensor] = {}
        for part in video_BTCHW.chunk(self.settings.accumulation):
            share = part.shape[0] / video_BTCHW.shape[0]
            with autocast(self.precision, self.device):
                terms = self.model.loss_terms(part, drawn)  # type: ignore[operator]
            total = torch.stack([weight * terms[name] for name, weight in self.weights.items()]).sum() * share
            self.scaler.scale(total * n_summed).backward()
            total_sum = total.detach() if total_sum is None else total_sum + total.detach()
            for name in self.weights:
                value = terms[name].detach() * share
                term_sums[name] = term_sums[name] + value if name in term_sums else value
        assert total_sum is not None
        return total_sum, term_sums

    def _unscale_and_clip(self) -> Tensor | None:
        """Clip the gradient if asked; in fp16 returns the flag of a step that overflowed (on the device)."""
        limit = self.settings.gradient_clip_norm
        if limit is None and not self.scaler.is_enabled():
            return None
        self.scaler.unscale_(self.optimiser)
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if limit is not None:
            torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), limit, norm)
        return ~torch.isfinite(norm) if self.scaler.is_enabled() else None

    def _enter_epoch(self, epoch: int) -> None:
        if self._plan is not None and self._plan.epoch == epoch:
            return
        self._plan = EpochPlan(
            self.seed,
            epoch,
            self.data.n_windows,
            self.settings.batch_size,
            self.model.draw_range(),  # type: ignore[operator]
        )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.settings.optimiser, epoch)

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
        with _tried(self.model), autocast(self.precision, self.device):
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
