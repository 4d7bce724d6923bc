"""Elastic deformation of digits that fades from frame to frame (DIVE, section 4, varying appearance).

A pixel shows the grey level of another place in its digit: displaced by strength times noise that a Gaussian filter has
smoothed. The displacement is proportional to the strength, so one field serves all frames of a digit in a video.
`pipeline_lib.data.missing_mnist_device` deforms with tensors, by the same steps.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.mnist import IMAGE_SIZE

SIGMA = 4.0
TRUNCATED_AT = 4.0
FIRST_STRENGTH, FADES_BY = 100, 5
# Fields that are smoothed, and videos whose digits are deformed, at a time: few enough for the processor's cache.
BLOCK_FIELDS = 512
BLOCK_VIDEOS = 4

Floats = NDArray[np.float32]

HALF = np.float32(0.5)
PERIOD = np.float32(2 * IMAGE_SIZE)


def filter_matrix(size: int = IMAGE_SIZE) -> NDArray[np.float64]:
    """(size, size): the Gaussian filter along one axis, which is reflected half a pixel beyond its ends."""
    radius = math.floor(TRUNCATED_AT * SIGMA + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    weights /= weights.sum()
    places = (np.arange(size)[:, None] + offsets) % (2 * size)
    reflected = np.minimum(places, 2 * size - 1 - places)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None], reflected), weights)
    return matrix


def displacement(noise: Floats) -> Floats:
    """Noise (..., 28, 28) in [0, 1), taken to [-1, 1) and smoothed: how far pixels are displaced at strength 1.

    In double precision, so that it is the same, but for rare last bits, however a machine multiplies matrices.
    """
    fields = noise.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    smoothed = np.empty_like(fields)
    smooth = filter_matrix()
    for first in range(0, len(fields), BLOCK_FIELDS):
        block = 2.0 * fields[first : first + BLOCK_FIELDS].astype(np.float64) - 1.0
        along_rows = (block.reshape(-1, IMAGE_SIZE) @ smooth.T).reshape(block.shape)
        smoothed[first : first + BLOCK_FIELDS] = smooth @ along_rows
    return smoothed.reshape(noise.shape)


def strengths(n_frames: int) -> Floats:
    """Of the displacement in each frame, (T,): 100, less by 5 with every frame, down to none."""
    return np.maximum(FIRST_STRENGTH - FADES_BY * np.arange(n_frames), 0).astype(np.float32)


def deform(digits: NDArray[np.uint8], field: Floats, n_frames: int) -> NDArray[np.uint8]:
    """Digits (B, K, 28, 28) as they are in each frame, (B, T, K, 28, 28), by their displacement (B, K, A, 28, 28).

    A = 1: from row to row; A = 2: also from column to column, by the second field. Grey levels are interpolated
    linearly between pixels and rounded half up; beyond its borders a digit is reflected, as the filter's fields are.
    """
    deformed = np.empty((len(digits), n_frames, *digits.shape[1:]), np.uint8)
    strength = strengths(n_frames)[:, None, None, None]
    for first in range(0, len(digits), BLOCK_VIDEOS):
        block = slice(first, first + BLOCK_VIDEOS)
        displaced = [strength * along for along in np.moveaxis(field[block, None], 3, 0)]
        deformed[block] = _interpolated(digits[block].astype(np.float32), displaced)
    return deformed


def _interpolated(levels: Floats, displaced: Sequence[Floats]) -> Floats:
    """Grey levels, to be rounded down, (B, T, K, 28, 28), from those (B, K, 28, 28) of the digits, which are displaced
    by so much along one axis or two, each (B, T, K, 28, 28). The displacement is used up."""
    pixel = np.arange(IMAGE_SIZE, dtype=np.float32)
    place, below = _parted(displaced[0], pixel[:, None])
    place *= IMAGE_SIZE
    rises = [(np.diff(levels, axis=-2, append=levels[..., -1:, :]), below)]
    if len(displaced) == 1:
        place += pixel
    else:
        column, beside = _parted(displaced[1], pixel)
        place += column
        for rise, weight in ((levels, beside), (rises[0][0], beside * below)):
            rises.append((np.diff(rise, axis=-1, append=rise[..., -1:]), weight))
    n_videos, n_digits = levels.shape[:2]
    number = np.arange(n_videos * n_digits, dtype=np.float32).reshape(n_videos, 1, n_digits, 1, 1)
    place += number * IMAGE_SIZE**2
    index = place.astype(np.intp)
    shown = (levels + HALF).ravel().take(index)
    for rise, weight in rises:
        risen = rise.ravel().take(index)
        risen *= weight
        shown += risen
    return shown


def _parted(displaced: Floats, pixel: Floats) -> tuple[Floats, Floats]:
    """Places along an axis of 28 pixels, reflected at its ends: the pixel before each, and how far behind it is."""
    displaced += pixel
    displaced += HALF
    periods = displaced * (1 / PERIOD)
    displaced -= PERIOD * np.rint(periods, out=periods)
    place = np.abs(displaced, out=displaced)
    place -= HALF
    np.clip(place, 0, IMAGE_SIZE - 1, out=place)  # half a pixel beyond the last one has its grey level
    before = np.floor(place, out=periods)
    place -= before
    return before, place
