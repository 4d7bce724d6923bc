"""Image files from outside: how large they may be, and what Pillow raises where they are damaged."""

import struct
import zlib

from PIL import Image

LARGEST_SIDE = 8192
"""Pixels; the frames of MOTS have 1920x1080, and an image padded to a square takes 64 MiB at most."""

DAMAGE = (OSError, SyntaxError, EOFError, ValueError, struct.error, zlib.error, Image.DecompressionBombError)


def check_sides(image: Image.Image) -> None:
    """Raise ValueError, before anything of an image is decoded, where it is larger than any that is read here.

    A file of a few bytes can announce one that takes all memory.
    """
    if max(image.size) > LARGEST_SIDE:
        width, height = image.size
        raise ValueError(f"{width}x{height} pixels, more than the {LARGEST_SIDE} of a side that are read")
