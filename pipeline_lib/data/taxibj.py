"""TaxiBJ: inflow and outflow of Beijing's taxis, from the four raw files to train.h5 and test.h5.

`pipeline_lib.data.taxibj_frames` says which frames and windows there are, and which of them are the test part;
`pipeline_lib.data.taxibj_windows` reads the files that are written here.

Values are scaled to [0, 1] by the least and the greatest of all kept frames but the last `n_test_windows` ones. Where
the test part has gaps, it begins before these, so that a few of its frames are among those that set the scale (as in
the published loader); and its values can exceed 1.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.config.taxibj import TaxiBjSettings
from pipeline_lib.data.hdf5 import write_long_video
from pipeline_lib.data.prepared import VideoDescription
from pipeline_lib.data.taxibj_frames import BLOCK, KeptFrames, Split, split, window_starts
from pipeline_lib.data.taxibj_raw import FRAME_SHAPE, SLOTS_PER_DAY, Flows, Int64, date_text, day_of, open_files
from pipeline_lib.runtime.checksums import sha256_of

WEEK = 7 * SLOTS_PER_DAY

Float32 = NDArray[np.float32]
Report = Callable[[int], None]


@dataclass(frozen=True)
class Statistics:
    """Least and greatest value, which are scaled to 0 and 1, and mean training frames of the 48 half hours of a day."""

    low: float
    high: float
    slot_means: Flows

    def scaled(self, flows: Flows) -> Float32:
        """Flows as the prepared files hold them."""
        return ((flows - self.low) / (self.high - self.low)).astype(np.float32)


def statistics(kept: KeptFrames, n_scaled: int, cut: int, report: Report) -> Statistics:
    """Extremes of the first `n_scaled` frames, and means of the first `cut` ones, which are a day at least."""
    low, high = np.inf, -np.inf
    sums, counts = np.zeros((SLOTS_PER_DAY, *FRAME_SHAPE)), np.zeros(SLOTS_PER_DAY)
    for first, flows in kept.blocks(0, n_scaled):
        low, high = min(low, float(flows.min())), max(high, float(flows.max()))
        of_training = flows[: max(0, cut - first)]
        slots = kept.half_hours[first : first + len(of_training)] % SLOTS_PER_DAY
        np.add.at(sums, slots, of_training)
        np.add.at(counts, slots, 1)
        report(len(flows))
    return Statistics(low, high, sums / counts[:, None, None, None])


def week_before(kept: KeptFrames, first: int, last: int, found: Statistics) -> tuple[Float32, NDArray[np.bool_]]:
    """For each of the frames first..last-1 that of a week before, scaled, (n, 2, 32, 32), and whether there is none.

    Where there is none, the mean training frame of that half hour of the day stands for it.
    """
    frames, is_mean = np.empty((last - first, *FRAME_SHAPE), np.float32), np.empty(last - first, np.bool_)
    for start in range(first, last, BLOCK):
        wanted = kept.half_hours[start : min(start + BLOCK, last)] - WEEK
        places = np.searchsorted(kept.half_hours, wanted)
        is_there = kept.half_hours[places] == wanted
        flows = found.slot_means[wanted % SLOTS_PER_DAY]
        flows[is_there] = kept.read(places[is_there])
        block = slice(start - first, start - first + len(wanted))
        frames[block], is_mean[block] = found.scaled(flows), ~is_there
    return frames, is_mean


def prepare(
    settings: TaxiBjSettings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
    *,
    raw: str | os.PathLike[str],
) -> None:
    """Write the training and the test part, from the four raw files in the folder `raw`.

    Both hold one video (1, T, 2, 32, 32) of scaled frames with `date` (T,), `value_range` (2,), the flows that 0 and 1
    stand for, and `window_start` (W,), the first frames of the windows in order of time. train.h5 besides:
    `border` (n, 2, 32, 32), what published training windows see beyond its video, and `published_window_start`.
    test.h5 besides: `week_before` (T, 2, 32, 32) and `week_before_is_mean` (T,), see `week_before`.
    `progress` is called with the frames done and those to do in all; most are read twice.
    Raises ValueError, naming the file or the folder, where one is not what it must be, or there are too few frames.
    """
    length, n_test = settings.preparation.window_frames, settings.preparation.n_test_windows
    with open_files(raw) as files:
        kept = KeptFrames(files)
        try:
            parts = split(window_starts(kept.half_hours, kept.file, length), length, n_test)
        except ValueError as error:
            raise ValueError(f"{raw} holds {error}") from error
        n_scaled = len(kept) - n_test
        report = _counting(progress, n_scaled + parts.end)
        found = statistics(kept, n_scaled, parts.cut, report)
        if found.low == found.high:
            raise ValueError(f"{raw} holds nothing but the value {found.low:g} in its first {n_scaled} frames")
        earlier, is_mean = week_before(kept, parts.cut, parts.end, found)
        raw_sha256 = {file.path.name: sha256_of(file.path) for file in files}
        source = f"{RAW_SOURCES[str(settings.raw_source)].title}; {_test_part(kept, parts, is_mean)}"
        description = VideoDescription.of(settings, "test", code_version, raw_sha256, source)
        of_test = {
            **_arrays(kept, parts.cut, parts.end, parts.test, found),
            "week_before": earlier,
            "week_before_is_mean": is_mean,
        }
        of_train = {
            **_arrays(kept, 0, parts.cut, parts.train, found),
            "border": found.scaled(kept.read(np.arange(parts.cut, parts.border_end))),
            "published_window_start": parts.published_train,
        }
        # The last frames are read first: with them, all have been found sound when a file gets its name.
        test_frames = _scaled(kept, parts.cut, parts.end, found, report)
        write_long_video(test_path, parts.end - parts.cut, FRAME_SHAPE, test_frames, description, of_test)
        train_frames = _scaled(kept, 0, parts.cut, found, report)
        of_part = replace(description, part="train")
        write_long_video(train_path, parts.cut, FRAME_SHAPE, train_frames, of_part, of_train)


def _arrays(kept: KeptFrames, first: int, last: int, starts: Int64, found: Statistics) -> dict[str, NDArray[Any]]:
    """What both files hold of frames first..last-1 beside them."""
    return {
        "date": date_text(kept.half_hours[first:last]),
        "value_range": np.array([found.low, found.high]),
        "window_start": starts - first,
    }


def _scaled(kept: KeptFrames, first: int, last: int, found: Statistics, report: Report) -> Iterator[Float32]:
    """Frames first..last-1 as the files hold them."""
    for _, flows in kept.blocks(first, last):
        yield found.scaled(flows)
        report(len(flows))


def _counting(progress: Callable[[int, int], None] | None, total: int) -> Report:
    """What is to be told of further frames done."""
    done = 0

    def report(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(done, total)

    return report


def _test_part(kept: KeptFrames, parts: Split, is_mean: NDArray[np.bool_]) -> str:
    """Which days the test part has, and how often the frame a week before is missing, in words."""
    first, last = (day_of(int(kept.half_hours[number])).isoformat() for number in (parts.cut, parts.end - 1))
    return (
        f"test part {first} to {last}; {int(is_mean.sum()):,} of its {len(is_mean):,} frames lack the frame a week "
        "before, for which the mean training frame of the half hour stands"
    )
