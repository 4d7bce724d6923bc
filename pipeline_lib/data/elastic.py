"""Elastic deformation of digits that fades from frame to frame (DIVE, section 4, varying appearance).

A pixel shows the grey level of another place in its digit: displaced by strength times noise that a Gaussian filter has
smoothed. The displacement is proportional to the strength, so one field serves all frames of a digit in a video.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.mnist import IMAGE_SIZE

SIGMA = 4.0
TRUNCATED_AT = 4.0
# Fields that are smoothed at a time.
BLOCK_FIELDS = 1024


def filter_matrix(size: int = IMAGE_SIZE) -> NDArray[np.float64]:
    """(size, size): of the Gaussian filter along one axis, the borders reflected half a sample behind the last one."""
    radius = math.floor(TRUNCATED_AT * SIGMA + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    weights /= weights.sum()
    places = (np.arange(size)[:, None] + offsets) % (2 * size)
    reflected = np.minimum(places, 2 * size - 1 - places)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None], reflected), weights)
    return matrix


def displacement(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Noise (..., 28, 28) in [0, 1), taken to [-1, 1) and smoothed.

    In blocks of the same fields whatever is drawn of them later, and in double precision, so that the result does not
    depend on how a machine multiplies matrices.
    """
    fields = noise.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    smoothed = np.empty_like(fields)
    smooth = filter_matrix().T
    for first in range(0, len(fields), BLOCK_FIELDS):
        block = 2.0 * fields[first : first + BLOCK_FIELDS] - 1.0
        for _ in range(2):  # along the last axis, which is then the other one
            block = (block.reshape(-1, IMAGE_SIZE) @ smooth).reshape(block.shape).swapaxes(1, 2)
        smoothed[first : first + BLOCK_FIELDS] = block
    return smoothed.reshape(noise.shape)


def strengths(n_frames: int) -> NDArray[np.float32]:
    """Of the displacement in each frame: 100, less by 5 with every frame, down to nothing."""
    return np.maximum(100 - 5 * np.arange(n_frames), 0).astype(np.float32)


def deform(digits: NDArray[np.uint8], field: NDArray[np.float32], n_frames: int) -> NDArray[np.uint8]:
    """Digits (B, K, 28, 28) in each frame, (B, T, K, 28, 28), by their displacement (B, K, A, 28, 28).

    Grey levels are interpolated linearly and rounded half up. Beyond the borders, digits are reflected as the filter's
    fields are. A displacement along one axis is that of rows; along two, that of rows and that of columns.
    """
    deformed = np.empty((len(digits), n_frames, *digits.shape[1:]), np.uint8)
    for n in range(len(digits)):
        deformed[n] = _deform_rows(digits[n].astype(np.float32), field[n, :, 0], strengths(n_frames))
    return deformed


def _deform_rows(digits, field, strength):
    row = _reflected(strength[:, None, None, None] * field + np.arange(IMAGE_SIZE, dtype=np.float32)[:, None])
    above = np.floor(row)
    row -= above
    place = above.astype(np.int64)
    digit, column = np.arange(len(digits))[:, None, None], np.arange(IMAGE_SIZE)
    value = digits[digit, place, column]
    below = digits[digit, np.minimum(place + 1, IMAGE_SIZE - 1), column]
    return (value + row * (below - value) + np.float32(0.5)).astype(np.uint8)


def _reflected(place: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places along an axis of 28 pixels, those beyond its ends brought back by reflection, within 0..27."""
    place += np.float32(0.5)
    place -= np.float32(2 * IMAGE_SIZE) * np.rint(place * np.float32(1 / (2 * IMAGE_SIZE)))
    return np.clip(abs(place) - np.float32(0.5), 0, IMAGE_SIZE - 1, out=place)
