"""Moving MNIST made one video, one digit and one time step after the other, every bounce carried out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAME_SIZE = 64
DIGIT_SIZE = 28
WALL = FRAME_SIZE - DIGIT_SIZE
LARGEST_SPEED = 4


@dataclass(frozen=True)
class TestVideo:
    """One video (T, 64, 64) uint8; positions and velocities (T, n_digits, 2); labels and digit_index (n_digits,)."""

    __test__ = False  # not a test of pytest's

    video: NDArray[np.uint8]
    position: NDArray[np.float64]
    velocity: NDArray[np.int64]
    label: NDArray[np.uint8]
    digit_index: NDArray[np.int64]


def step(position: float, velocity: int) -> tuple[float, int]:
    """Along one axis, move on by one frame: up to a wall if that is in the way, turn, and go the rest of the step."""
    rest = float(abs(velocity))
    while rest > 0:
        to_wall = WALL - position if velocity > 0 else position
        if rest <= to_wall:
            return (position + rest if velocity > 0 else position - rest), velocity
        position = float(WALL) if velocity > 0 else 0.0
        velocity = -velocity
        rest -= to_wall
    return position, velocity


def trajectory(
    start: tuple[int, int], velocity: tuple[int, int], n_frames: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions and velocities (T, 2), row and column, of one digit."""
    positions, velocities = np.empty((n_frames, 2)), np.empty((n_frames, 2), np.int64)
    row, column = float(start[0]), float(start[1])
    row_velocity, column_velocity = velocity
    for t in range(n_frames):
        positions[t] = row, column
        velocities[t] = row_velocity, column_velocity
        row, row_velocity = step(row, row_velocity)
        column, column_velocity = step(column, column_velocity)
    return positions, velocities


def paste(digits: list[NDArray[np.uint8]], positions: list[NDArray[np.float64]], n_frames: int) -> NDArray[np.uint8]:
    """(T, 64, 64): digits added where they are, clipped at 255."""
    frames = np.zeros((n_frames, FRAME_SIZE, FRAME_SIZE), np.float32)
    for t in range(n_frames):
        for digit, position in zip(digits, positions, strict=True):
            row, column = int(round(position[t, 0])), int(round(position[t, 1]))
            frames[t, row : row + DIGIT_SIZE, column : column + DIGIT_SIZE] += digit
    frames[frames > 255] = 255
    return frames.astype(np.uint8)


def videos(
    digits: NDArray[np.uint8],
    digit_index: NDArray[np.int64],
    start: NDArray[np.int64],
    velocity: NDArray[np.int64],
    n_frames: int,
) -> NDArray[np.uint8]:
    """Videos (N, T, 64, 64), one after the other, from their draws (N, n_digits) and (N, n_digits, 2)."""
    made = []
    for k in range(len(digit_index)):
        chosen, positions = [], []
        for n in range(digit_index.shape[1]):
            moves = trajectory((start[k, n, 0], start[k, n, 1]), (velocity[k, n, 0], velocity[k, n, 1]), n_frames)
            chosen.append(digits[digit_index[k, n]])
            positions.append(moves[0])
        made.append(paste(chosen, positions, n_frames))
    return np.stack(made)


def test_videos(
    digits: NDArray[np.uint8], labels: NDArray[np.uint8], n_frames: int = 100, n_digits: int = 2, seed: int = 42
) -> Iterator[TestVideo]:
    """The test set: every digit once, in the order of the published draws."""
    generator = np.random.RandomState(seed)
    permutation = generator.permutation(len(digits))
    for i in range(len(digits) // n_digits):
        indices, positions, velocities = [], [], []
        for n in range(n_digits):
            row, column = generator.randint(0, WALL + 1), generator.randint(0, WALL + 1)
            row_velocity = generator.randint(-LARGEST_SPEED, LARGEST_SPEED + 1)
            column_velocity = generator.randint(-LARGEST_SPEED, LARGEST_SPEED + 1)
            position, velocity = trajectory((row, column), (row_velocity, column_velocity), n_frames)
            indices.append(permutation[n_digits * i + n])
            positions.append(position)
            velocities.append(velocity)
        yield TestVideo(
            video=paste([digits[k] for k in indices], positions, n_frames),
            position=np.stack(positions, axis=1),
            velocity=np.stack(velocities, axis=1),
            label=labels[indices],
            digit_index=np.array(indices),
        )


test_videos.__test__ = False  # type: ignore[attr-defined]
