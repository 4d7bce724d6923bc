"""Frames of Moving MNIST with missing data: digits in 64x64 black pixels, combined by their maximum.

The arithmetic is that of bytes throughout. `pipeline_lib.data.missing_mnist_device` makes the same bits with tensors.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from pipeline_lib.data.mnist import IMAGE_SIZE
from pipeline_lib.data.rendering import FRAME_PIXELS, FRAME_SIZE, SPAN

# Frames that are worked on at a time: few enough for the processor's cache.
BLOCK_FRAMES = 256

Bytes = NDArray[np.uint8]


def render(digits: Bytes, position: NDArray[np.int64], removed: NDArray[np.bool_]) -> Bytes:
    """Videos (B, T, 1, 64, 64) of digits (B, T or 1, K, 28, 28) at positions (B, T, K, 2), row and column.

    removed (B, T, K): where a digit is missing. As in `pipeline_lib.data.rendering`, a digit goes into its frame in one
    piece, its rows as wide as the frame's; a missing one goes into a frame behind the last one, which nobody sees.
    """
    n_videos, n_frames, n_digits, _ = position.shape
    frames = np.zeros((n_videos * n_frames + 1, FRAME_PIXELS), np.uint8)
    spans = as_strided(frames, (frames.size - SPAN + 1, SPAN), (1, 1))  # one from each pixel on
    number = np.arange(n_videos * n_frames).reshape(n_videos, n_frames, 1)
    frame = np.where(removed, n_videos * n_frames, number)
    first_pixel = FRAME_PIXELS * frame + FRAME_SIZE * position[..., 0] + position[..., 1]
    step = max(1, BLOCK_FRAMES // max(1, n_frames))
    for first in range(0, n_videos, step):
        block = digits[first : first + step]
        rows = np.zeros((*block.shape[:-1], FRAME_SIZE), np.uint8)
        rows[..., :IMAGE_SIZE] = block
        pieces = rows.reshape(*rows.shape[:-2], -1)[..., :SPAN]
        for k in range(n_digits):
            where = first_pixel[first : first + step, :, k]
            if k == 0:
                spans[where] = pieces[:, :, k]
            else:
                spans[where] = np.maximum(spans[where], pieces[:, :, k])
    return frames[:-1].reshape(n_videos, n_frames, 1, FRAME_SIZE, FRAME_SIZE)


def render_alone(digits: Bytes, position: NDArray[np.int64]) -> Bytes:
    """Each digit in frames of its own, missing or not: (B, T, K, 1, 64, 64)."""
    n_videos, n_frames, n_digits, _ = position.shape
    of_digits = digits.swapaxes(1, 2).reshape(n_videos * n_digits, -1, 1, IMAGE_SIZE, IMAGE_SIZE)
    moving = position.swapaxes(1, 2).reshape(n_videos * n_digits, n_frames, 1, 2)
    alone = render(of_digits, moving, np.zeros(moving.shape[:-1], np.bool_))
    return alone.reshape(n_videos, n_digits, n_frames, *alone.shape[2:]).swapaxes(1, 2)


def hide(frames: Bytes, visible_rows: tuple[int, int] | None) -> Bytes:
    """Frames (..., 64, 64) themselves, black from now on outside of these rows."""
    if visible_rows is not None:
        first, last = visible_rows
        frames[..., :first, :] = 0
        frames[..., last:, :] = 0
    return frames
