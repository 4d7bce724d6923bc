"""Instance masks of MOTS, in either form of its release: which pixels of a frame are which pedestrian.

- images of 16-bit grey, one a frame, whose pixels are class · 1000 + instance; 0 is background, and 10000 a region that
  was not annotated;
- a text file, one line for each object in each frame: frame, object (class · 1000 + instance), class, height, width,
  and the mask as COCO's compressed run lengths, with a space between them.

Class 2 are pedestrians; no other is looked at.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline_lib.config.problems import quoted
from pipeline_lib.data.damage import UnfitFile
from pipeline_lib.data.untrusted_images import DAMAGE, check_sides

PEDESTRIAN = 2
PER_CLASS = 1000
COLUMNS = ("frame", "object", "class", "height", "width", "run lengths")
MOST_DIGITS = 9
MOST_BITS = 35
"""Of a run length: those of pycocotools have 32, five in a character."""

Labels = NDArray[np.uint16]


class Masks(Protocol):
    """Masks of a sequence."""

    def labels(self, frame: int, height: int, width: int) -> Labels:
        """(height, width) of a frame: the object's number where there is a pedestrian, else 0.

        Raises ValueError, naming the file, where its masks cannot be used, or are not of this size.
        """
        ...


@dataclass(frozen=True)
class MaskImages:
    """Masks in images of a folder, named by the number of their frame."""

    folder: Path
    images: dict[int, Path]

    def labels(self, frame: int, height: int, width: int) -> Labels:
        if frame not in self.images:
            raise ValueError(f"{self.folder} holds no mask of frame {frame}; get the release's masks again")
        path = self.images[frame]
        labels = read_mask_image(path)
        if labels.shape != (height, width):
            raise ValueError(_of_another_size(str(path), labels.shape, (height, width)))
        return np.where(labels // PER_CLASS == PEDESTRIAN, labels, 0).astype(np.uint16)


def read_mask_image(path: Path) -> Labels:
    """All of a mask image, (H, W). Raises ValueError, naming it, unless it is a whole PNG of 16-bit grey."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            check_sides(image)
            image.verify()  # the checksums of all chunks, which decoding skips; the image is of no use afterwards
        with Image.open(path, formats=["PNG"]) as image:
            if not image.mode.startswith("I"):
                raise UnfitFile(
                    f"{path}: pixels are {image.mode}, of 8 bits or of colours; expected is a mask of 16-bit grey, "
                    "whose pixels are class · 1000 + instance"
                )
            return np.asarray(image).astype(np.uint16)
    except UnfitFile:
        raise
    except UnidentifiedImageError:
        raise ValueError(f"{path} is no PNG image ({path.stat().st_size} bytes)") from None
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged ({error}); get it again") from error


@dataclass(frozen=True)
class MaskLine:
    """A pedestrian in a frame, as a line has it. place: file and line, for messages."""

    place: str
    frame: int
    number: int
    height: int
    width: int
    run_lengths: str

    def mask(self) -> NDArray[np.bool_]:
        """(height, width)."""
        from pycocotools import mask as coco  # here, because nothing else needs it

        decoded = coco.decode({"size": [self.height, self.width], "counts": self.run_lengths.encode()})
        return np.asarray(decoded, np.bool_)

    def check(self) -> None:
        """Raise ValueError, naming file and line, where run lengths do not make a mask of this size.

        Where they are too few, pycocotools makes one of what happens to be in the memory.
        """
        try:
            found = sum(_run_lengths(self.run_lengths))
        except ValueError as error:
            raise ValueError(f"{self.place}: {error}; get the file again") from None
        if found != self.height * self.width:
            raise ValueError(
                f"{self.place}: the run lengths of object {self.number} cover {found} pixels, the mask has "
                f"{self.height} x {self.width}, {self.height * self.width}: they are truncated or damaged; get the "
                "file again"
            )


def _run_lengths(text: str) -> list[int]:
    """COCO's compressed run lengths: numbers of 5 bits a character, the lowest first, each but the first three less
    the one before the last. Raises ValueError for what is none."""
    lengths: list[int] = []
    value = n_bits = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise ValueError(f"{character!r} is no character of run lengths")
        value |= (code & 31) << n_bits
        n_bits += 5
        if n_bits > MOST_BITS:
            raise ValueError(f"run length {len(lengths) + 1} has more than {MOST_BITS} bits, so they are damaged")
        if code & 32:
            continue
        if code & 16:
            value -= 1 << n_bits
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        if lengths[-1] < 0:
            raise ValueError(f"run length {len(lengths)} is negative ({lengths[-1]}), so they are damaged")
        value = n_bits = 0
    if n_bits:
        raise ValueError("run lengths break off within a number: they are truncated")
    return lengths


class MaskTexts:
    """Masks in a text file, which is read whole; a mask is made when it is asked for.

    Raises ValueError, naming file and line, for a line with other columns than there must be, and for run lengths that
    make no mask, also of frames that nobody asks for: a text that breaks off is found at once.
    """

    def __init__(self, path: Path) -> None:
        self._lines: dict[int, list[MaskLine]] = {}
        try:
            text = path.read_text(encoding="ascii")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no text of masks: {error}") from error
        for k, line in enumerate(text.splitlines(), 1):
            if line.strip() and (found := _parsed(line, f"{path}, line {k}")):
                self._lines.setdefault(found.frame, []).append(found)

    def labels(self, frame: int, height: int, width: int) -> Labels:
        labels = np.zeros((height, width), np.uint16)
        for line in self._lines.get(frame, []):
            if (line.height, line.width) != (height, width):
                raise ValueError(_of_another_size(line.place, (line.height, line.width), (height, width)))
            labels[line.mask()] = line.number
        return labels


def _parsed(line: str, place: str) -> MaskLine | None:
    """What a line says; None where it is not of a pedestrian."""
    columns = line.split()
    if len(columns) != len(COLUMNS):
        raise ValueError(f"{place} has {len(columns)} columns, expected are {len(COLUMNS)}: {', '.join(COLUMNS)}")
    for name, column in zip(COLUMNS[:-1], columns, strict=False):
        if not column.isdecimal() or len(column) > MOST_DIGITS:
            raise ValueError(
                f"{place}: {name} is {quoted(column)}, expected is a number of {MOST_DIGITS} digits at most"
            )
    frame, number, of_class, height, width = map(int, columns[:-1])
    if of_class != PEDESTRIAN:
        return None
    if number // PER_CLASS != of_class:
        raise ValueError(f"{place}: object {number} is not of class {of_class}: it must be class · 1000 + instance")
    found = MaskLine(place, frame, number, height, width, columns[-1])
    found.check()
    return found


def _of_another_size(place: str, found: tuple[int, ...], expected: tuple[int, int]) -> str:
    (height, width), (frame_height, frame_width) = found, expected
    return f"{place}: a mask of {width}x{height} pixels, and its frame has {frame_width}x{frame_height}"
