"""Moving MNIST's trajectories: digits that move straight on and bounce off the walls (PDE paper, appendix on datasets).

Along each axis the position, the first row or column of the digit, goes to and fro between 0 and 36. What is left of a
step after a bounce is gone in the other direction. Start and velocity are integers, so the position is a triangle wave
of period 72, an integer at every frame: nothing is simulated, and nothing rounded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.rendering import LARGEST_POSITION

LARGEST_SPEED = 4
PERIOD = 2 * LARGEST_POSITION

Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Trajectories:
    """`start` 0..36 and `velocity` -4..4 [pixels per frame] at the first frame, both (..., 2): row, column."""

    start: Integers
    velocity: Integers

    def __getitem__(self, chosen: slice | NDArray[np.int64]) -> "Trajectories":
        """Some of them, along the first axis."""
        return Trajectories(self.start[chosen], self.velocity[chosen])

    def positions(self, n_frames: int) -> Integers:
        """(N, T, n_digits, 2) integers 0..36, from starts and velocities (N, n_digits, 2)."""
        unfolded = self._unfolded(n_frames)
        return LARGEST_POSITION - abs(unfolded % PERIOD - LARGEST_POSITION)

    def velocities(self, n_frames: int) -> Integers:
        """(N, T, n_digits, 2): the velocity, its sign changed once for every wall that was passed.

        A digit that just touches a wall has not passed it: its sign changes at the next frame.
        """
        velocity = self.velocity[:, None]
        unfolded = self._unfolded(n_frames)
        distance = np.where(velocity < 0, LARGEST_POSITION - unfolded, unfolded)  # from the wall that it leaves behind
        n_passed = np.maximum((distance - 1) // LARGEST_POSITION, 0)
        return np.where(n_passed % 2 == 1, -velocity, velocity)

    def _unfolded(self, n_frames: int) -> Integers:
        """Where the digits would be without walls."""
        times = np.arange(n_frames)[:, None, None]
        return self.start[:, None] + times * self.velocity[:, None]
