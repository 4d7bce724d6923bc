"""Folders of pedestrians as the authors' archive has them, written by hand: every image is another picture."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def picture(number: int, width: int = 40, height: int = 24) -> np.ndarray:
    """(height, width) uint8: black, with a bar and a ramp that no other number has at that place."""
    pixels = np.zeros((height, width), np.uint8)
    first = number % (width - 6)
    pixels[4 : height - 4, first : first + 5] = 60 + 7 * number % 190
    pixels[6 : height - 6, first + 1] = np.linspace(20, 255, height - 12).astype(np.uint8)
    return pixels


def png(pixels: np.ndarray, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def names(permutation: int, first: int, n_frames: int = 15, step: int = 6) -> list[str]:
    """Names of a permutation's images, from a frame on."""
    return [f"{permutation}_{first + step * k:05d}_{permutation}.png" for k in range(n_frames)]


def write_sequence(folder: Path, images: Sequence[str], size: tuple[int, int] = (40, 24), first: int = 0) -> None:
    """Write pictures under these names."""
    folder.mkdir(parents=True)
    for k, name in enumerate(images):
        (folder / name).write_bytes(png(picture(first + k, *size)))


def write_raw(raw: Path, sizes: Mapping[str, tuple[int, int]], n_permutations: int = 2) -> Path:
    """Write `sequences` with a folder for each name, of images of its size; returns it."""
    for k, (name, size) in enumerate(sizes.items()):
        images = [each for p in range(n_permutations) for each in names(p, 6 * (k + 1))]
        write_sequence(raw / "sequences" / name, images, size, 100 * k)
    return raw / "sequences"
