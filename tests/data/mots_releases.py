"""The release of MOTS in both layouts, written by hand: frames of noise, and boxes that walk as masks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH, N_FRAMES = 60, 80, 98
IGNORED = 10_000
# Object: row, column at frame 0, columns a frame, height, width.
WALKERS = {
    2007: (20, 4, 0.1, 24, 6),
    2003: (18, 60, -0.2, 20, 5),
    2001: (30, 30, 0.05, 12, 4),
    2009: (22, 22, 0, 18, 6),
}
OTHERS = {1002: (0, 20, 0, 10, 20), IGNORED: (50, 0, 0, 10, 80)}
GONE_AT = {2009: 60}
"""A pedestrian that is not annotated in this frame."""


def labels(frame: int) -> np.ndarray:
    """(60, 80) uint16 of a frame, class · 1000 + instance."""
    made = np.zeros((HEIGHT, WIDTH), np.uint16)
    for number, (row, column, speed, height, width) in (OTHERS | WALKERS).items():
        if GONE_AT.get(number) != frame:
            first = round(column + speed * frame)
            made[row : row + height, first : first + width] = number
    return made


def picture(frame: int) -> np.ndarray:
    """(60, 80, 3) uint8, nowhere black."""
    return np.random.default_rng(frame).integers(30, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def grey(frame: int) -> np.ndarray:
    """(60, 80): what weights 0.299, 0.587 and 0.114 of red, green and blue make of a picture."""
    return picture(frame) @ np.array([0.299, 0.587, 0.114])


def run_lengths(mask: np.ndarray) -> str:
    """COCO's compressed run lengths, from their description: columns after each other, runs of 0 and 1 in turn, from
    the fourth on less the one before the last, five bits a character."""
    runs, current, length = [], False, 0
    for pixel in mask.astype(bool).T.ravel():
        if pixel != current:
            runs.append(length)
            current, length = pixel, 0
        length += 1
    runs.append(length)
    text = ""
    for k, run in enumerate(runs):
        value = run - runs[k - 2] if k > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            ends = value == (-1 if bits & 16 else 0)
            text += chr(48 + bits + (0 if ends else 32))
            if ends:
                break
    return text


def lines(frames: Sequence[int]) -> list[str]:
    """The lines of a text of masks."""
    made = []
    for frame in frames:
        shown = labels(frame)
        for number in (*OTHERS, *WALKERS):
            if (shown == number).any():
                mask = run_lengths(shown == number)
                made.append(f"{frame} {number} {number // 1000} {HEIGHT} {WIDTH} {mask}")
    return made


def write_images(folder: Path, n_frames: int = N_FRAMES, suffix: str = "png") -> None:
    """Frames 1..n_frames, of which each is another picture."""
    folder.mkdir(parents=True)
    for frame in range(1, n_frames + 1):
        Image.fromarray(picture(frame)).save(folder / f"{frame:06d}.{suffix}")


def write_challenge(release: Path, name: str = "MOTS20-02") -> Path:
    """A sequence in the layout of MOTSChallenge; returns its folder."""
    folder = release / "train" / name
    write_images(folder / "img1")
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text("\n".join(lines(range(6, N_FRAMES + 1, 6))) + "\n")
    return folder


def write_masks(folder: Path) -> None:
    """Masks as images of 16-bit grey, of the frames that are used."""
    folder.mkdir(parents=True)
    for frame in range(6, N_FRAMES + 1, 6):
        Image.fromarray(labels(frame)).save(folder / f"{frame:06d}.png")
