"""Moving MNIST's frames: digits pasted into 64x64 black pixels, added up, clipped at 255.

The arithmetic is that of bytes throughout. `pipeline_lib.data.device_rendering` makes the same bits with tensors.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from pipeline_lib.data.mnist import IMAGE_SIZE

FRAME_SIZE = 64
LARGEST_POSITION = FRAME_SIZE - IMAGE_SIZE
FRAME_PIXELS = FRAME_SIZE**2
# From the first pixel of a digit in a frame to its last one, the pixels between its rows included.
SPAN = (IMAGE_SIZE - 1) * FRAME_SIZE + IMAGE_SIZE
# Frames that are worked on at a time: few enough for the processor's cache.
BLOCK_FRAMES = 256

Bytes = NDArray[np.uint8]


def render(digits: Bytes, positions: NDArray[np.integer]) -> Bytes:
    """Videos (B, T, 1, 64, 64) of digits (B, n, 28, 28) at positions (B, T, n, 2): row, column, 0..36.

    A digit goes into its frame in one piece: its rows as wide as the frame's, black in between, are 1,756 bytes on end.
    """
    frames = np.zeros((*positions.shape[:2], 1, FRAME_SIZE, FRAME_SIZE), np.uint8)
    step = max(1, BLOCK_FRAMES // positions.shape[1])
    for first in range(0, len(frames), step):
        block = slice(first, first + step)
        _paste(frames[block], digits[block], positions[block])
    return frames


def _paste(frames: Bytes, digits: Bytes, positions: NDArray[np.integer]) -> None:
    """Into black frames (B, T, 1, 64, 64)."""
    n_videos, n_frames, n_digits, _ = positions.shape
    spans = as_strided(frames, (max(frames.size - SPAN + 1, 0), SPAN), (1, 1))  # one from each pixel on
    rows = np.zeros((n_videos, 1, n_digits, IMAGE_SIZE, FRAME_SIZE), np.uint8)
    rows[:, 0, ..., :IMAGE_SIZE] = digits
    pieces = rows.reshape(n_videos, 1, n_digits, -1)[..., :SPAN]
    first_pixel = FRAME_PIXELS * np.arange(n_videos * n_frames).reshape(n_videos, n_frames)
    for n in range(n_digits):
        where = first_pixel + FRAME_SIZE * positions[:, :, n, 0].astype(np.int64) + positions[:, :, n, 1]
        if n == 0:
            spans[where] = pieces[:, :, n]
        else:
            there = spans[where]
            there += np.minimum(pieces[:, :, n], ~there)  # ~there = 255 - there, what is left up to white
            spans[where] = there
