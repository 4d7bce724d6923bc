"""The training loop with a clock in it: the very steps that `train` takes, part by part."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pipeline_lib.cli.flops import counted_flops
from pipeline_lib.cli.lap_clock import LapClock, synchronise
from pipeline_lib.models.protocols import n_parameters
from pipeline_lib.records.benchmark import PARTS
from pipeline_lib.training.loop import Trainer


@dataclass(frozen=True)
class Repetition:
    """`n` steps in a row: their time [s], that of their parts, and the training windows that they took."""

    n: int
    seconds: float
    parts: dict[str, float]
    n_windows: int

    @property
    def waiting_share(self) -> float:
        """Of the time that the parts took together, what went by before a batch was there."""
        return self.parts["data"] / sum(self.parts.values())


class MeasuredTrainer(Trainer):
    """A trainer whose steps are counted off by hand. What `run` does between them, such as logging, is left out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._clock = LapClock(self.device)
        self._n_windows = 0
        self.model.loss_terms = self._timed(self.model.loss_terms)  # type: ignore[assignment, arg-type]
        self.model.train()

    @property
    def n_parameters(self) -> int:
        return n_parameters(self.model)

    @property
    def records(self) -> bool:
        """Whether its steps are recorded on a GPU and replayed."""
        return self._recorder is not None

    def steps(self, n: int, recorded: bool = True) -> Repetition:
        """Take the next `n` steps; the device is waited for before and after them, not between.

        recorded: as a recording where the training records its steps; such a step shows no parts (all 0).
        """
        recorder = self._recorder
        if not recorded:
            self._recorder = None
        try:
            return self._steps(n)
        finally:
            self._recorder = recorder

    def _steps(self, n: int) -> Repetition:
        synchronise(self.device)
        self._n_windows = 0
        start = time.perf_counter()
        for _ in range(n):
            self._step()
            self.iteration += 1
        synchronise(self.device)
        seconds = time.perf_counter() - start
        found = self._clock.read()
        return Repetition(n, seconds, {part: found.get(part, 0.0) for part in PARTS}, self._n_windows)

    def flops(self) -> int:
        """Floating-point operations of the next step, which is taken."""
        return counted_flops(lambda: self.steps(1, recorded=False))

    def batches(self, n: int) -> float:
        """Make or read the batches of the next `n` steps, which are not taken; the time of it [s]."""
        synchronise(self.device)
        start = time.perf_counter()
        for iteration in range(self.iteration, self.iteration + n):
            epoch, position = divmod(iteration, self.budget.iterations_per_epoch)
            self._enter_epoch(epoch)
            assert self._plan is not None
            self.data.batch(epoch, self._plan.window_ids(position))
        synchronise(self.device)
        return time.perf_counter() - start

    def _step(self) -> None:
        self._clock.begin()
        super()._step()
        self._lap("optimiser")
        assert self._plan is not None
        self._n_windows += len(self._plan.window_ids(self.iteration % self.budget.iterations_per_epoch))

    def _lap(self, part: str) -> None:
        if not self.records:
            self._clock.lap(part)

    def _backward(
        self, video_BTCHW: Tensor | None, drawn: int, n_windows: int | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        self._lap("data")
        found = super()._backward(video_BTCHW, drawn, n_windows)
        self._lap("backward")
        return found

    def _timed(self, loss_terms: Callable[..., Any]) -> Callable[..., Any]:
        """A batch may come in parts: what is between two forward passes is the backward pass of the first."""

        def timed(part_BTCHW: Tensor, drawn: int) -> Any:
            self._lap("backward")
            terms = loss_terms(part_BTCHW, drawn)
            self._lap("forward")
            return terms

        return timed
