"""Moving MNIST with missing data made one video, one digit and one frame after the other; SciPy deforms.

`video` follows the description; `published_video` does what the published code does for a video: it deforms every
digit in every frame with two new fields, at strength 0 too.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

FRAME_SIZE = 64
DIGIT_SIZE = 28
WALL = FRAME_SIZE - DIGIT_SIZE
STEP = 0.15
SIGMA = 4.0

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Digit:
    """One digit of a video: image (28, 28), start (row, column) in [0, 1], angle of its velocity [radians], frames
    without it, and the noise (A, 28, 28) in [0, 1) that deforms it, None where nothing does."""

    image: Bytes
    start: tuple[float, float]
    angle: float
    missing: frozenset[int]
    noise: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Video:
    """observed, complete (T, 64, 64); alone (T, K, 64, 64), each digit of the complete video; missing (T, K)."""

    observed: Bytes
    complete: Bytes
    alone: Bytes
    missing: NDArray[np.bool_]


def advance(position: float, velocity: float) -> tuple[float, float]:
    """Along one axis, one frame on: a digit stops at a wall and turns; the rest of the step is lost."""
    position += STEP * velocity
    if position <= 0:
        return 0.0, -velocity
    if position >= 1:
        return 1.0, -velocity
    return position, velocity


def trajectory(start: tuple[float, float], angle: float, n_frames: int) -> list[tuple[int, int]]:
    """First row and column of a digit in each frame."""
    (row, column), row_velocity, column_velocity = start, math.sin(angle), math.cos(angle)
    places = []
    for _ in range(n_frames):
        row, row_velocity = advance(row, row_velocity)
        column, column_velocity = advance(column, column_velocity)
        places.append((math.floor(WALL * row), math.floor(WALL * column)))
    return places


def strength(frame: int) -> float:
    """Of the deformation."""
    return max(100.0 - 5.0 * frame, 0.0)


def smooth(noise: NDArray[np.floating]) -> NDArray[np.float64]:
    """The field that displaces by strength 1."""
    return gaussian_filter(2.0 * noise.astype(np.float64) - 1.0, SIGMA, mode="reflect", truncate=4.0)


def deform(image: Bytes, fields: list[NDArray[np.float64]], alpha: float) -> Bytes:
    """An image (28, 28) displaced along its rows' axis, and along the other one where there is a second field."""
    rows, columns = np.meshgrid(np.arange(DIGIT_SIZE), np.arange(DIGIT_SIZE), indexing="ij")
    there = [rows + alpha * fields[0], columns + alpha * fields[1] if len(fields) > 1 else columns]
    values = map_coordinates(image.astype(np.float64), there, order=1, mode="reflect")
    return np.floor(values + 0.5).astype(np.uint8)


def paste(frame: Bytes, image: Bytes, place: tuple[int, int]) -> None:
    """Into a frame (64, 64), the brighter one winning."""
    row, column = place
    there = frame[row : row + DIGIT_SIZE, column : column + DIGIT_SIZE]
    np.maximum(there, image, out=there)


def images_of(digit: Digit, n_frames: int) -> list[Bytes]:
    """The digit's image in each frame."""
    if digit.noise is None:
        return [digit.image] * n_frames
    fields = [smooth(noise) for noise in digit.noise]
    return [deform(digit.image, fields, strength(t)) for t in range(n_frames)]


def observed_video(digits: list[Digit], n_frames: int, visible_rows: tuple[int, int] | None) -> Bytes:
    """(T, 64, 64): what is seen of the digits, which is all that a training needs."""
    frames = np.zeros((n_frames, FRAME_SIZE, FRAME_SIZE), np.uint8)
    for digit in digits:
        places, images = trajectory(digit.start, digit.angle, n_frames), images_of(digit, n_frames)
        for t in range(n_frames):
            if t not in digit.missing:
                paste(frames[t], images[t], places[t])
    if visible_rows is not None:
        frames[:, : visible_rows[0]] = 0
        frames[:, visible_rows[1] :] = 0
    return frames


def video(digits: list[Digit], n_frames: int, visible_rows: tuple[int, int] | None) -> Video:
    """The video, and the truth behind it."""
    whole = [Digit(digit.image, digit.start, digit.angle, frozenset(), digit.noise) for digit in digits]
    alone = np.stack([observed_video([digit], n_frames, None) for digit in whole], axis=1)
    seen = np.stack([observed_video([digit], n_frames, visible_rows) for digit in digits], axis=1)
    return Video(
        observed=observed_video(digits, n_frames, visible_rows),
        complete=observed_video(whole, n_frames, None),
        alone=alone,
        missing=np.array([[not seen[t, k].any() for k in range(len(digits))] for t in range(n_frames)]),
    )


def published_video(
    digits: list[Digit], n_frames: int, visible_rows: tuple[int, int] | None, deformed: bool, seed: int
) -> Bytes:
    """(T, 64, 64), made as the published code makes it; the deformation is another one.

    An image is (1, 28, 28) there, so that the second field displaces nothing.
    """
    frames = np.zeros((n_frames, FRAME_SIZE, FRAME_SIZE), np.uint8)
    for number, digit in enumerate(digits):
        places = trajectory(digit.start, digit.angle, n_frames)
        for t in range(n_frames):
            random = np.random.RandomState(seed + number)
            image = _published_deform(digit.image[None], strength(t) if deformed else 0.0, random)[0]
            if t not in digit.missing:
                paste(frames[t], image, places[t])
    if visible_rows is not None:
        frames[:, : visible_rows[0]] = 0
    return frames


def _published_deform(image: Bytes, alpha: float, random: np.random.RandomState) -> Bytes:
    fields = [alpha * gaussian_filter(random.rand(*image.shape) * 2 - 1, SIGMA, mode="reflect") for _ in range(2)]
    axes = np.meshgrid(*(np.arange(size) for size in image.shape), indexing="ij")
    places = [axes[0] + fields[1], axes[1] + fields[0], axes[2]]  # the first, of size one, is reflected into itself
    values = map_coordinates(image.astype(np.float64), places, order=1, mode="reflect")
    return np.floor(values + 0.5).astype(np.uint8)
