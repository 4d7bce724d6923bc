"""The order of a training: which windows, which draw and which learning rate belong to an iteration.

Everything here is a function of seed and iteration alone, so that nothing of it needs to be saved.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline_lib.config.training import OptimiserSettings, TrainingSettings
from pipeline_lib.runtime.seeding import generator


@dataclass(frozen=True)
class Budget:
    """Length of a training in iterations, and of its epochs."""

    iterations: int
    iterations_per_epoch: int

    @classmethod
    def of(cls, settings: TrainingSettings, n_windows: int) -> "Budget":
        """Epochs shuffle all windows and keep the last, smaller batch."""
        per_epoch = math.ceil(n_windows / settings.batch_size)
        if settings.iterations is not None:
            return cls(settings.iterations, per_epoch)
        assert settings.epochs is not None
        return cls(settings.epochs * per_epoch, per_epoch)

    def epoch_of(self, iteration: int) -> int:
        """Epoch, counted from 0, of an iteration counted from 0."""
        return iteration // self.iterations_per_epoch


def learning_rate(settings: OptimiserSettings, epoch: int) -> float:
    """Rate in an epoch: MultiStepLR stepped after each epoch, so a milestone is the first epoch with the lower rate."""
    if settings.schedule is None:
        return settings.learning_rate
    passed = sum(epoch >= milestone for milestone in settings.schedule.milestones)
    return settings.learning_rate * settings.schedule.decay**passed


class EpochPlan:
    """Window numbers and draws of one epoch's iterations."""

    def __init__(self, seed: int, epoch: int, n_windows: int, batch_size: int, draw_range: tuple[int, int]) -> None:
        self.epoch = epoch
        self._batch_size = batch_size
        self._order = generator(seed, "shuffle", epoch).permutation(n_windows)
        n_iterations = math.ceil(n_windows / batch_size)
        self._draws = generator(seed, "draw", epoch).integers(draw_range[0], draw_range[1] + 1, size=n_iterations)

    def window_ids(self, position: int) -> np.ndarray:
        """Windows of the epoch's iteration `position`, (B,) int64; the last batch may be smaller."""
        return self._order[position * self._batch_size : (position + 1) * self._batch_size]

    def draw(self, position: int) -> int:
        """The integer that the whole batch of the epoch's iteration `position` shares (τ of the PDE model)."""
        return int(self._draws[position])
