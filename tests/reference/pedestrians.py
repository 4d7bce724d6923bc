"""The pedestrians the plain way: one image after the other, one pixel after the other."""

import math
import os
from pathlib import Path

import numpy as np
from PIL import Image


def square(pixels: np.ndarray, place: str) -> np.ndarray:
    """Pad (H, W) to a square with black, whichever side is shorter."""
    height, width = pixels.shape
    side = max(height, width)
    free_rows, free_columns = side - height, side - width
    share = {"start": 0, "middle": 1, "end": 2}[place]
    top, left = free_rows * share // 2, free_columns * share // 2
    padded = np.zeros((side, side), np.uint8)
    padded[top : top + height, left : left + width] = pixels
    return padded


def videos(folder: Path, place: str, n_frames: int = 15) -> list[np.ndarray]:
    """The videos (15, 256, 256) of a sequence."""
    used = [name for name in sorted(os.listdir(folder)) if int(name.split("_")[1]) % 6 == 0]
    found = []
    while len(used) >= n_frames:
        chunk, used = used[:n_frames], used[n_frames:]
        if chunk[0].split("_")[2] != chunk[-1].split("_")[2]:
            continue
        frames = []
        for name in chunk:
            with Image.open(folder / name) as image:
                padded = Image.fromarray(square(np.asarray(image), place))
            frames.append(np.asarray(padded.resize((256, 256), Image.Resampling.BICUBIC)))
        found.append(np.stack(frames))
    return found


def shift(frame: np.ndarray, rows: float, columns: float) -> np.ndarray:
    """Move what (H, W) shows down and to the right: bilinear between pixels, black from beyond."""
    height, width = frame.shape
    moved = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            y, x = row - rows, column - columns
            top, left = math.floor(y), math.floor(x)
            for r, weight_r in ((top, 1 - (y - top)), (top + 1, y - top)):
                for c, weight_c in ((left, 1 - (x - left)), (left + 1, x - left)):
                    if 0 <= r < height and 0 <= c < width:
                        moved[row, column] += weight_r * weight_c * frame[r, c]
    return moved
