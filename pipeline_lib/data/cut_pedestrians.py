"""Sequences of pedestrians, cut from the release of MOTS, for which the authors of DIVE have published no program.

What a model sees are up to 3 pedestrians in grey on black, in every sixth frame, as in the authors' archive. The rest
is this project's choice. A sequence is 15 such frames of a video, and none is in two sequences. In it count all
pedestrians that are annotated in each of these frames, and at least a twelfth of its height tall: so nothing but the
blanked frame is missing. They are put in order from left to right, by the mean of their boxes' centres, and each three
of them, neighbours that is, are a permutation; the last one may be of 2, or of 1. A permutation's images show its
pedestrians' pixels within the box around all that they cover in the 15 frames, made 2.5 times as high as the tallest
of them where it is lower. So they are about as large as the model expects objects to be, 2.5 to 6 times in a frame.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline_lib.data.mots_masks import Labels
from pipeline_lib.data.mots_release import AnnotatedSequence, find_annotated
from pipeline_lib.data.pedestrian_frames import FRAME_STEP, PREFIX
from pipeline_lib.data.pedestrians import SOURCE_FILE
from pipeline_lib.runtime.atomic import atomic_folder

N_FRAMES = 15
MOST_PEDESTRIANS = 3
LEAST_HEIGHT = 1 / 12
"""Of a pedestrian, in each frame, against the frame's."""
LEAST_CANVAS = 2.5
"""Height of what is cut, at least, against that of its tallest pedestrian."""
SOURCE = "cut from the release of MOTS by this project, not the sequences of the paper"
"""What the folder says of itself, and with it the prepared files, tables and tags."""


@dataclass(frozen=True)
class Box:
    """Rows top..bottom-1 and columns left..right-1, which may lie beyond a frame."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Between which columns."""
        return (self.left + self.right) / 2


@dataclass(frozen=True)
class Cut:
    """How many sequences and videos were written, and of how many annotated videos."""

    n_annotated: int
    n_sequences: int
    n_videos: int


def cut_pedestrians(release: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> Cut:
    """Write the sequences of a release into a new folder `out`, which stands when all are complete.

    progress: called with the frames read and those to read in all. Raises ValueError, naming folder or file, where
    `out` is there already, where images or masks cannot be used, and where there is no pedestrian to be cut.
    """
    if out.exists():
        raise ValueError(f"{out} is there already, and is not overwritten: move it away, or write to another folder")
    annotated = find_annotated(release)
    parts = [(video, frames) for video in annotated for frames in sequences_of(video)]
    n_sequences = n_videos = 0
    with atomic_folder(out) as temporary:
        for k, (video, frames) in enumerate(parts):
            images = list(_permutations(video, frames))
            if images:
                first = frames[0] // (FRAME_STEP * N_FRAMES)
                _write(temporary / f"{PREFIX}{video.name}_{first:03d}", frames, images)
            n_sequences, n_videos = n_sequences + bool(images), n_videos + len(images)
            if progress is not None:
                progress((k + 1) * N_FRAMES, len(parts) * N_FRAMES)
        if not n_sequences:
            raise ValueError(
                f"{release}: in no {N_FRAMES} frames is there a pedestrian annotated in each, and tall enough; is it "
                "the release of MOTSChallenge?"
            )
        (temporary / SOURCE_FILE).write_text(SOURCE + "\n", encoding="utf-8")
    return Cut(len(annotated), n_sequences, n_videos)


def sequences_of(video: AnnotatedSequence) -> list[tuple[int, ...]]:
    """The numbers of the frames of every sequence of a video: multiples of 6, 15 after 15; what is left is not used.

    Raises ValueError, naming the folder, where there are too few, and where one between them is missing.
    """
    used = [number for number in video.images if number % FRAME_STEP == 0]
    if len(used) < N_FRAMES:
        raise ValueError(
            f"{video.folder} has {len(video.images)} frames, {len(used)} of them multiples of {FRAME_STEP}: a sequence "
            f"takes {N_FRAMES}"
        )
    if missing := sorted(set(range(used[0], used[-1], FRAME_STEP)) - set(used)):
        raise ValueError(f"{video.folder} lacks the image of frame {missing[0]}; get the release's videos again")
    return [tuple(used[k : k + N_FRAMES]) for k in range(0, len(used) - N_FRAMES + 1, N_FRAMES)]


def _permutations(video: AnnotatedSequence, frames: Sequence[int]) -> Iterator[list[NDArray[np.uint8]]]:
    """The images of every permutation of a sequence, in time, all of one size."""
    read = [video.read(number) for number in frames]
    if len({grey.shape for grey, _ in read}) > 1:
        raise ValueError(f"{video.folder}: frames {frames[0]} to {frames[-1]} differ in size")
    boxes = [boxes_of(labels) for _, labels in read]
    for group in groups_of(boxes, read[0][0].shape[0]):
        canvas = canvas_of([each[number] for each in boxes for number in group])
        yield [cut_out(grey, labels, group, canvas) for grey, labels in read]


def boxes_of(labels: Labels) -> dict[int, Box]:
    """The box around every pedestrian of a frame, by its number."""
    boxes = {}
    for number in np.unique(labels[labels > 0]).tolist():
        rows, columns = np.nonzero(labels == number)
        boxes[number] = Box(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)
    return boxes


def groups_of(boxes: Sequence[dict[int, Box]], frame_height: int) -> list[tuple[int, ...]]:
    """The pedestrians of every permutation, by their boxes in successive frames: three neighbours, or who is left."""
    always = set.intersection(*(set(each) for each in boxes))
    tall = [n for n in always if min(each[n].height for each in boxes) >= LEAST_HEIGHT * frame_height]
    ordered = sorted(tall, key=lambda n: (sum(each[n].middle for each in boxes), n))
    return [tuple(ordered[k : k + MOST_PEDESTRIANS]) for k in range(0, len(ordered), MOST_PEDESTRIANS)]


def canvas_of(boxes: Sequence[Box]) -> Box:
    """The box around all boxes, made higher, to both sides alike, where it is too low for the tallest of them."""
    top, bottom = min(box.top for box in boxes), max(box.bottom for box in boxes)
    lacking = max(0, round(LEAST_CANVAS * max(box.height for box in boxes)) - (bottom - top))
    above = lacking // 2
    return Box(top - above, bottom + lacking - above, min(box.left for box in boxes), max(box.right for box in boxes))


def cut_out(grey: NDArray[np.uint8], labels: Labels, group: Sequence[int], canvas: Box) -> NDArray[np.uint8]:
    """What a canvas holds of the pedestrians of a group; all else, and what lies beyond the frame, is black."""
    image = np.zeros((canvas.height, canvas.right - canvas.left), np.uint8)
    top, left = max(0, canvas.top), max(0, canvas.left)
    inside = np.s_[top : canvas.bottom, left : canvas.right]
    shown = np.where(np.isin(labels[inside], group), grey[inside], 0)
    first_row, first_column = top - canvas.top, left - canvas.left
    image[first_row : first_row + shown.shape[0], first_column : first_column + shown.shape[1]] = shown
    return image


def _write(folder: Path, frames: Sequence[int], permutations: Sequence[Sequence[NDArray[np.uint8]]]) -> None:
    """Write a sequence as the authors' archive has them."""
    folder.mkdir()
    for number, images in enumerate(permutations):
        for frame, image in zip(frames, images, strict=True):
            Image.fromarray(image).save(folder / f"{number:03d}_{frame:06d}_{number:03d}.png", "PNG")
