"""The page of a picture while training: frames, labels and lines, in pixels, without matplotlib, which is slow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Frames = NDArray[np.float32]
Pixels = NDArray[np.uint8]

PAPER, INK, MARK = (255, 255, 255), (40, 40, 40), (213, 94, 0)
LEFT, TOP, GAP, SPACE = 56, 18, 2, 8
FONT_SIZE = 11


def as_pixels(frames_NTCHW: Frames, low: float, high: float) -> Pixels:
    """(N, T, C, H, W) → (N, T, H, W', 3); where there are not three channels, in grey, beside each other.

    low, high: the values that are black and white; NaN is black.
    """
    scaled = (np.nan_to_num(frames_NTCHW, nan=low) - low) / max(high - low, 1e-12)
    levels = (scaled.clip(0, 1) * 255).round().astype(np.uint8)
    if levels.shape[2] == 3:
        return np.moveaxis(levels, 2, -1)
    gap = np.full_like(levels[:, :, 0, :, :1], PAPER[0])
    channels = [part for channel in np.moveaxis(levels, 2, 0) for part in (gap, channel)]
    return np.repeat(np.concatenate(channels[1:], axis=-1)[..., None], 3, axis=-1)


def frame_name(number: int) -> str:
    """Frames are counted from the last conditioning one, t."""
    return f"t{number:+d}" if number else "t"


class Page:
    """A picture that grows by frames, labels and lines.

    left, foot: what is kept free for labels of rows, and below [pixels].
    """

    def __init__(self, width: int, height: int, left: int = LEFT, foot: int = 0) -> None:
        self._left, self._foot = left, foot
        self.image = Image.new("RGB", (width, height + foot), PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(FONT_SIZE)

    def put(self, frame_HW3: Pixels, x: int, y: int, across: int, down: int) -> None:
        """A frame, each pixel enlarged to `across` × `down`, with its upper left corner at x, y."""
        self.image.paste(Image.fromarray(frame_HW3.repeat(down, axis=0).repeat(across, axis=1)), (x, y))

    def write(self, text: str, x: float, y: float, anchor: str) -> None:
        """Text at x, y; `anchor` says which of its points stands there."""
        self._pen.text((x, y), text, fill=INK, font=self._font, anchor=anchor)

    def label_rows(self, texts: Sequence[str], top: int, height: int) -> None:
        """What the rows of this height below `top` are."""
        for k, text in enumerate(texts):
            self.write(text, self._left - SPACE, top + k * (height + GAP) + height / 2, "rm")

    def fill(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """A rectangle of one colour, with its upper left corner at x, y; nothing where it has no height."""
        self.image.paste(colour, (x, y, x + width, y + height))

    def outline(self, corner: tuple[int, int], size: tuple[int, int], box: tuple[float, ...], colour: Colour) -> None:
        """A box (left, top, right, bottom) [pixels from the corner] in a place of this size, cut off at its edges."""
        place = self.image.crop((*corner, corner[0] + size[0], corner[1] + size[1]))
        left, top, right, bottom = map(round, box)
        ImageDraw.Draw(place).rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=colour)
        self.image.paste(place, corner)

    def mark(self, x: int) -> None:
        """A line where the conditioning frames end."""
        self._pen.line([(x, TOP), (x, self.image.height - SPACE - self._foot)], fill=MARK)
