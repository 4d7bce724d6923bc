"""Animations: GIF files with one small palette, whose bytes depend on the data alone, and web pages that show them."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import Normalize, to_rgb
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline_lib.reporting.frames import Frames, beside, frame_name
from pipeline_lib.reporting.style import ERRORS, INK, VERMILION

PANEL_WIDTH = 128
"""Frames are enlarged, by a whole number, to about this width [pixels]."""

FRAME_MS, LAST_FRAME_MS = 100, 1500
MARGIN, GAP, FONT_SIZE, LINE = 6, 6, 12, 17

# The palette: paper to ink for text, one colour for marks, values, errors. Few of each, because small differences
# that nobody sees make files large.
N_TEXT, N_VALUES, N_ERRORS, N_CHANNEL = 16, 32, 17, 5
MARK, FIRST_VALUE = N_TEXT, N_TEXT + 1

OUTLINE, DASH = 2, 4
"""Width of the lines of boxes, and length of their dashes [pixels of the page]."""

Indices = NDArray[np.uint8]


@dataclass(frozen=True)
class Outlines:
    """Boxes in the frames of a panel, by time and example: (T, N, 4), row and column of the centre, height and width
    [pixels of a frame]; which are dashed (T, N); their colour in the palette."""

    boxes: NDArray[np.float32]
    dashed: NDArray[np.bool_]
    colour: int


@dataclass(frozen=True)
class Panel:
    """A column of the animation: colours of the palette by time and example, (T, N, H, W), and boxes in its frames."""

    title: str
    colours: Indices
    outlines: Outlines | None = None


class Palette:
    """Colours of values and errors. is_rgb: values have three channels and are colours themselves. marks: of boxes."""

    def __init__(
        self,
        colour_map: str,
        values: Normalize,
        errors: Normalize | None = None,
        is_rgb: bool = False,
        marks: Sequence[str] = (),
    ) -> None:
        self._values, self._errors, self._is_rgb = values, errors, is_rgb
        levels = np.linspace(0, 1, N_CHANNEL)
        cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
        of_values = cube if is_rgb else matplotlib.colormaps[colour_map](np.linspace(0, 1, N_VALUES))[:, :3]
        text = np.linspace([1.0, 1.0, 1.0], to_rgb(INK), N_TEXT)
        of_errors = matplotlib.colormaps[ERRORS](np.linspace(0, 1, N_ERRORS))[:, :3]
        self._first_error = FIRST_VALUE + len(of_values)
        of_marks = np.array([to_rgb(mark) for mark in marks]).reshape(-1, 3)
        colours = np.concatenate([text, [to_rgb(VERMILION)], of_values, of_errors, of_marks])
        self.marks = range(len(colours) - len(of_marks), len(colours))
        self.bytes = (colours * 255).round().astype(np.uint8).tobytes()

    def values(self, frames_NTCHW: Frames) -> Indices:
        """(N, T, C, H, W) → (T, N, H, W'); other than three channels stand beside each other."""
        scaled = np.clip(self._values(frames_NTCHW.swapaxes(0, 1)), 0, 1)
        if not self._is_rgb:
            return _channels(FIRST_VALUE + (scaled * (N_VALUES - 1)).round())
        red, green, blue = np.moveaxis((scaled * (N_CHANNEL - 1)).round(), 2, 0)
        return (FIRST_VALUE + (red * N_CHANNEL + green) * N_CHANNEL + blue).astype(np.uint8)

    def errors(self, errors_NTCHW: Frames) -> Indices:
        """(N, T, C, H, W) → (T, N, H, W'), every channel, beside each other."""
        assert self._errors is not None
        scaled = np.clip(self._errors(errors_NTCHW.swapaxes(0, 1)), 0, 1)
        return _channels(self._first_error + (scaled * (N_ERRORS - 1)).round())


def _channels(colours_TNCHW: NDArray[np.float64]) -> Indices:
    """(T, N, H, W'): the channels beside each other, with the colour of paper between them."""
    return beside(list(np.moveaxis(colours_TNCHW.astype(np.uint8), 2, 0)), axis=3)


def blank(n_frames: int, like: Indices) -> Indices:
    """Nothing for a while, beside what is `like`."""
    return np.zeros((n_frames, *like.shape[1:]), np.uint8)


def save_animation(
    files: Mapping[str, Path],
    panels: Sequence[Panel],
    palette: Palette,
    heading: str,
    n_cond: int,
    frame_ms: int = FRAME_MS,
    seen: str = "conditioning",
) -> None:
    """Write the animation as a GIF, and as a web page that holds it, whichever of these `files` names by suffix.

    All panels have as many frames; the first n_cond are conditioning frames, marked as such and called `seen`. Each
    stands for `frame_ms` [ms], the last for longer.
    """
    gif = _gif(panels, palette, (heading, seen), n_cond, frame_ms)
    for suffix, path in files.items():
        path.write_bytes(gif if suffix == "gif" else _page(gif, heading).encode())


def _gif(panels: Sequence[Panel], palette: Palette, texts: tuple[str, str], n_cond: int, frame_ms: int) -> bytes:
    n_frames = len(panels[0].colours)
    pictures = []
    for t in range(n_frames):
        picture = Image.fromarray(_frame(panels, t, texts, n_cond), mode="P")
        picture.putpalette(palette.bytes)
        pictures.append(picture)
    stream = io.BytesIO()
    durations = [frame_ms] * (n_frames - 1) + [LAST_FRAME_MS]
    pictures[0].save(
        stream, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=True
    )
    return stream.getvalue()


def _frame(panels: Sequence[Panel], t: int, texts: tuple[str, str], n_cond: int) -> Indices:
    """All panels at one time, under the heading, the number of the frame and the panels' titles: (height, width)."""
    n_examples, height, width = panels[0].colours.shape[1:]
    zoom = max(1, round(PANEL_WIDTH / width))
    height, width, top = zoom * height, zoom * width, MARGIN + 3 * LINE
    page = np.zeros((top + n_examples * (height + GAP), 2 * MARGIN + len(panels) * (width + GAP) - GAP), np.uint8)
    for column, panel in enumerate(panels):
        left = MARGIN + column * (width + GAP)
        for row, frame in enumerate(panel.colours[t]):
            y = top + row * (height + GAP)
            if t < n_cond and frame.any():
                page[y - 2 : y + height + 2, left - 2 : left + width + 2] = MARK
            place = page[y : y + height, left : left + width]
            place[:] = frame.repeat(zoom, axis=0).repeat(zoom, axis=1)
            if (outlines := panel.outlines) is not None:
                _outline(place, outlines.boxes[t, row], zoom, outlines.colour, bool(outlines.dashed[t, row]))
        _write(page, panel.title, left + width / 2, top - LINE / 2 - 2, "mm")
    number, (heading, seen) = frame_name(t - n_cond + 1), texts
    _write(page, heading, MARGIN, MARGIN + LINE / 2, "lm")
    _write(page, f"{number}   {seen}" if t < n_cond else number, MARGIN, MARGIN + 3 * LINE / 2, "lm")
    return page


def _outline(place: Indices, box: NDArray[np.float32], zoom: int, colour: int, dashed: bool) -> None:
    """Draw a box into the place of a frame on the page, cut off at its edges."""
    rows, columns = np.ogrid[: place.shape[0], : place.shape[1]]
    centre, size = np.asarray(box[:2]), np.asarray(box[2:])
    first, last = (((centre + sign * size / 2 + 0.5) * zoom).round().astype(int) for sign in (-1, 1))

    def within(margin: int) -> NDArray[np.bool_]:
        (top, left), (bottom, right) = first + margin, last - margin
        return (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)

    line = within(0) & ~within(OUTLINE)
    if dashed:
        line &= (rows + columns) // DASH % 2 == 0
    place[line] = colour


def _write(page: Indices, text: str, x: float, y: float, anchor: str) -> None:
    """Write smooth text, in the colours from paper to ink."""
    mask = Image.new("L", page.shape[::-1])
    font = ImageFont.load_default(FONT_SIZE)
    ImageDraw.Draw(mask).text((x, y), text.replace("\N{MINUS SIGN}", "-"), fill=255, font=font, anchor=anchor)
    ink = np.round(np.asarray(mask) / 255 * (N_TEXT - 1)).astype(np.uint8)
    page[ink > 0] = ink[ink > 0]


def _page(gif: bytes, heading: str) -> str:
    """A self-contained web page: the report shows such pages in place, and GIF files only as downloads."""
    title, content = html.escape(heading), base64.b64encode(gif).decode()
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f'<body style="margin: 1em"><img alt="{title}" src="data:image/gif;base64,{content}"></body></html>\n'
    )
