"""TaxiBJ's frames and windows: which there are, and which are for training and which for the test.

Kept are the frames of days that have all their 48 half hours, in order of time, over all four files; negative values
become 0. A window is `length` kept frames in a row, and it exists only where the frame after it was kept too, in the
same file; so a run of L frames without a gap has L - length windows, and its last frame is in none. That is the rule of
the published loader (PDE paper, appendix on the datasets).

The last `n_test_windows` windows over all files, four weeks of them, are the test part. It begins with their first
frame, which cuts all frames in two: train.h5 has those before the cut, test.h5 those from it on. Training windows are
those that lie before the cut. The published loader trains on those too that begin before the first test window and
reach beyond the cut; what they see of the test part, `length` - 1 frames at most, is the border.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline_lib.data.taxibj_raw import FRAME_SHAPE, SLOTS_PER_DAY, FlowFile, Flows, Int64

# Frames that are read at a time.
BLOCK = 5 * SLOTS_PER_DAY


class KeptFrames:
    """The frames of complete days of some files, numbered in order of time.

    half_hours (T,): as in the files. file (T,): which of the files each frame is in.
    """

    def __init__(self, files: list[FlowFile]) -> None:
        self._files = files
        kept = [_of_complete_days(file.half_hours) for file in files]
        self._places: Int64 = np.concatenate(kept)
        self.file: Int64 = np.repeat(np.arange(len(files)), [len(places) for places in kept])
        self.half_hours: Int64 = np.concatenate(
            [file.half_hours[places] for file, places in zip(files, kept, strict=True)]
        )

    def __len__(self) -> int:
        return len(self.half_hours)

    def read(self, numbers: Int64) -> Flows:
        """The frames of these numbers, which increase: (n, 2, 32, 32) float64, negatives as 0."""
        gaps = (np.diff(self._places[numbers]) != 1) | (np.diff(self.file[numbers]) != 0)
        flows = [self._read_run(run) for run in np.split(numbers, np.flatnonzero(gaps) + 1) if len(run)]
        return np.concatenate(flows) if flows else np.empty((0, *FRAME_SHAPE))

    def _read_run(self, numbers: Int64) -> Flows:
        """Frames that stand behind each other in one file."""
        first = int(self._places[numbers[0]])
        flows = self._files[self.file[numbers[0]]].read(first, first + len(numbers))
        return np.maximum(flows, 0)

    def blocks(self, first: int, last: int) -> Iterator[tuple[int, Flows]]:
        """Frames first..last-1, a few at a time, each time with the number of the first of them."""
        for start in range(first, last, BLOCK):
            yield start, self.read(np.arange(start, min(start + BLOCK, last)))


def _of_complete_days(half_hours: Int64) -> Int64:
    """Places of those half hours whose days have all of them."""
    _, day_of, counts = np.unique(half_hours // SLOTS_PER_DAY, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[day_of] == SLOTS_PER_DAY)


def window_starts(half_hours: Int64, file: Int64, length: int) -> Int64:
    """First frames of all windows of `length` frames, increasing: with them, the frame that follows must be there."""
    before, after = slice(None, -length), slice(length, None)
    exists = (half_hours[after] - half_hours[before] == length) & (file[after] == file[before])
    return np.flatnonzero(exists)


@dataclass(frozen=True)
class Split:
    """Numbers of kept frames that say what is for training and what for the test.

    train, test: first frames of the windows in order of time; no window has a frame of the other part.
    published_train: what the published loader trains on, all windows before the first test window.
    cut: the first frame of the test part. border_end: the frame behind the last one that the published loader trains
    on, not below the cut. end: the frame behind the last one of the test part.
    """

    train: Int64
    test: Int64
    published_train: Int64
    cut: int
    border_end: int
    end: int


def split(starts: Int64, length: int, n_test: int) -> Split:
    """The last `n_test` of these windows as the test part.

    Raises ValueError where that leaves less than a day, or no window, for training.
    """
    test, before = starts[-n_test:], starts[:-n_test]
    train = before[before + length <= test[0]] if len(before) else before
    if len(train) == 0 or test[0] < SLOTS_PER_DAY:
        raise ValueError(
            f"{len(starts)} windows of {length} frames on complete days, which is too few for a test part of the last "
            f"{n_test} and a day at least for training before it: is a file cut short, or "
            "dataset.preparation.n_test_windows too large?"
        )
    cut, border_end = int(test[0]), int(before[-1]) + length
    return Split(train, test, before, cut, max(cut, border_end), int(test[-1]) + length)
