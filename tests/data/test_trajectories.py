"""Trajectories against a simulation that carries out every bounce."""

import numpy as np

from pipeline_lib.data.trajectories import Trajectories
from tests.reference import moving_mnist as reference

N_FRAMES = 100


def along_one_axis(start: int, velocity: int, n_frames: int) -> tuple[list[int], list[int]]:
    trajectories = Trajectories(np.array([[[start, 0]]]), np.array([[[velocity, 0]]]))
    positions, velocities = trajectories.positions(n_frames), trajectories.velocities(n_frames)
    return positions[0, :, 0, 0].tolist(), velocities[0, :, 0, 0].tolist()


def test_every_start_and_velocity_moves_as_simulated_step_by_step() -> None:
    start, velocity = (grid.ravel() for grid in np.meshgrid(np.arange(37), np.arange(-4, 5)))
    trajectories = Trajectories(np.stack([start, start[::-1]], -1)[:, None], np.stack([velocity] * 2, -1)[:, None])
    positions, velocities = trajectories.positions(N_FRAMES), trajectories.velocities(N_FRAMES)
    assert positions.shape == velocities.shape == (333, N_FRAMES, 1, 2)
    for k in range(333):
        simulated = reference.trajectory(trajectories.start[k, 0], trajectories.velocity[k, 0], N_FRAMES)
        np.testing.assert_array_equal(positions[k, :, 0], simulated[0])
        np.testing.assert_array_equal(velocities[k, :, 0], simulated[1])


def test_a_digit_that_touches_a_wall_turns_at_the_next_frame() -> None:
    assert along_one_axis(30, 3, 5) == ([30, 33, 36, 33, 30], [3, 3, 3, -3, -3])
    assert along_one_axis(4, -4, 4) == ([4, 0, 4, 8], [-4, -4, 4, 4])


def test_a_digit_that_starts_at_a_wall() -> None:
    assert along_one_axis(36, 2, 3) == ([36, 34, 32], [2, -2, -2])
    assert along_one_axis(0, -2, 3) == ([0, 2, 4], [-2, 2, 2])
    assert along_one_axis(0, 2, 3) == ([0, 2, 4], [2, 2, 2])
    assert along_one_axis(36, 0, 3) == ([36, 36, 36], [0, 0, 0])


def test_what_is_left_of_a_step_goes_the_other_way() -> None:
    assert along_one_axis(34, 4, 3) == ([34, 34, 30], [4, -4, -4])
    assert along_one_axis(1, -4, 3) == ([1, 3, 7], [-4, 4, 4])


def test_a_selection_keeps_start_and_velocity_together() -> None:
    random = np.random.default_rng(0)
    every = Trajectories(random.integers(0, 37, (9, 2, 2)), random.integers(-4, 5, (9, 2, 2)))
    chosen = np.array([7, 0, 7])
    np.testing.assert_array_equal(every[chosen].positions(20), every.positions(20)[chosen])
    np.testing.assert_array_equal(every[2:5].velocities(20), every.velocities(20)[2:5])
