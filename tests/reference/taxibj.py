"""TaxiBJ prepared one half hour after the other, with dates and dictionaries in place of index arithmetic."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

FILES = [f"BJ{year}_M32x32_T30_InOut.h5" for year in (13, 14, 15, 16)]
HALF_HOUR = timedelta(minutes=30)

Frame = NDArray[np.float64]
Window = list[datetime]


@dataclass
class TaxiBj:
    """frames: scaled, of complete days, by half hour. Windows are the half hours of their frames, in their order.

    week_before: for each half hour of the test part the frame a week before it; `is_mean` where a mean stands for it.
    """

    frames: dict[datetime, Frame]
    low: float
    high: float
    train: list[Window]
    test: list[Window]
    published_train: list[Window]
    published_test: list[Window]
    week_before: dict[datetime, Frame] = field(default_factory=dict)
    is_mean: dict[datetime, bool] = field(default_factory=dict)


def time_of(date: bytes) -> datetime:
    """The beginning of a half hour "YYYYMMDDSS"."""
    text = date.decode()
    return datetime(int(text[:4]), int(text[4:6]), int(text[6:8])) + (int(text[8:]) - 1) * HALF_HOUR


def complete_days(path: Path) -> dict[datetime, Frame]:
    """Frames by half hour, those of incomplete days left out."""
    with h5py.File(path) as file:
        frames = {time_of(date): frame for date, frame in zip(file["date"][()], file["data"][()], strict=True)}
    kept = {}
    for time, frame in frames.items():
        midnight = datetime(time.year, time.month, time.day)
        if all(midnight + k * HALF_HOUR in frames for k in range(48)):
            kept[time] = np.where(frame < 0, 0.0, frame)
    return kept


def windows_of_file(frames: dict[datetime, Frame], length: int) -> list[Window]:
    """For every half hour, in order, the `length` ones before it, if they and itself were kept; the latest one first,
    as the published loader lists them."""
    windows = []
    for time in sorted(frames):
        before = [time - k * HALF_HOUR for k in range(1, length + 1)]
        if all(each in frames for each in before):
            windows.append(before)
    return windows


def prepare(folder: Path, length: int, n_test: int) -> TaxiBj:
    """Everything that the two prepared files stand for."""
    files = [complete_days(folder / name) for name in FILES]
    published = [window for frames in files for window in windows_of_file(frames, length)]
    published_train, published_test = published[:-n_test], published[-n_test:]
    kept = {time: frame for frames in files for time, frame in frames.items()}
    test_times = {time for window in published_test for time in window}

    scaled_by = list(kept.values())[:-n_test]
    low, high = min(frame.min() for frame in scaled_by), max(frame.max() for frame in scaled_by)
    scaled = {time: (frame - low) / (high - low) for time, frame in kept.items()}
    found = TaxiBj(
        scaled,
        low,
        high,
        train=[window[::-1] for window in published_train if not test_times & set(window)],
        test=[window[::-1] for window in published_test],
        published_train=published_train,
        published_test=published_test,
    )
    for time in kept:
        if min(test_times) <= time <= max(test_times):
            earlier = time - timedelta(days=7)
            found.is_mean[time] = earlier not in kept
            slot = [scaled[other] for other in kept if other < min(test_times) and other.time() == time.time()]
            found.week_before[time] = np.mean(slot, axis=0) if found.is_mean[time] else scaled[earlier]
    return found


def stacked(found: TaxiBj, windows: list[Window]) -> NDArray[np.float32]:
    """The frames of some windows, (n, length, 2, 32, 32)."""
    return np.array([[found.frames[time] for time in window] for window in windows]).astype(np.float32)
