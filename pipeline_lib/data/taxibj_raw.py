"""TaxiBJ's four raw files: how many taxis enter and leave each of 32x32 regions of Beijing in every half hour.

A file holds one period, HDF5 with `data` (T, 2, 32, 32), inflow and outflow, and `date` (T,), which names the half hour
of each frame: "YYYYMMDDSS" with a slot SS from 01 (midnight to half past) to 48. Half hours that nobody recorded are
left out.
"""

import datetime
import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.damage import UnfitFile, damage_told
from pipeline_lib.data.hdf5_reading import stored_dataset
from pipeline_lib.runtime.hdf5_writing import hdf5_file

FILES = tuple(f"BJ{year}_M32x32_T30_InOut.h5" for year in (13, 14, 15, 16))
"""In the order of time."""

FRAME_SHAPE = (2, 32, 32)
SLOTS_PER_DAY = 48
DATE_FORM = "YYYYMMDDSS (a slot SS from 01 to 48)"
# Compressed as little as possible: counts are small numbers, and the lowest level takes out most of the zeros.
COMPRESSION = {"compression": "gzip", "compression_opts": 1}

Int64 = NDArray[np.int64]
Flows = NDArray[np.float64]


class FlowFile:
    """One raw file, open for reading.

    half_hours: (T,) int64, increasing: the half hours of the frames, 48 times the day's ordinal plus the slot from 0.
    dates: (T,), the same as text.
    Raises ValueError, naming the file, for one that is missing, no HDF5, or does not hold what it must.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self._open()
        try:
            with damage_told(self._error):
                self._data = stored_dataset(self._file, "data", self._error)
                if self._data.shape[1:] != FRAME_SHAPE or self._data.dtype.kind not in "fiu":
                    raise self._error(
                        f"holds 'data' as {self._data.dtype} {self._data.shape}, expected numbers (T, 2, 32, 32)"
                    )
                self.dates = self._read_dates()
            if len(self.dates) != len(self._data):
                raise self._error(
                    f"holds {len(self._data)} frames in 'data', but {len(self.dates)} half hours in 'date'"
                )
            self.half_hours = self._half_hours()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; reading ends."""
        self._file.close()

    def read(self, first: int, last: int) -> Flows:
        """Frames first..last-1, (n, 2, 32, 32) float64, as they are stored. ValueError where a value is not finite."""
        with damage_told(self._error):
            flows: Flows = self._data[first:last].astype(np.float64)
        finite = np.isfinite(flows).all(axis=(1, 2, 3))
        if not finite.all():
            bad = first + int(np.flatnonzero(~finite)[0])
            raise self._error(f"holds values that are not finite in the frame of {_text(self.dates[bad])}")
        return flows

    def _open(self) -> h5py.File:
        if not self.path.is_file():
            raise self._error("does not exist")
        try:
            return h5py.File(self.path, "r", locking=False)
        except OSError as error:
            what = "is damaged or truncated" if h5py.is_hdf5(self.path) else "is not an HDF5 file"
            raise self._error(f"{what} ({error})") from error

    def _read_dates(self) -> NDArray[np.bytes_]:
        """(T,) S10: ten digits each."""
        stored = stored_dataset(self._file, "date", self._error)
        dates: NDArray[Any] = stored[()] if stored.shape else np.empty(0)
        if dates.ndim == 1 and dates.dtype.kind == "O":  # text of any length
            dates = np.array([text if isinstance(text, bytes) else b"" for text in dates], np.bytes_)
        if dates.ndim != 1 or dates.dtype.kind != "S" or len(dates) == 0:
            raise self._error(f"holds 'date' as {stored.dtype} {stored.shape}, expected text {DATE_FORM} of each frame")
        wrong = ~(np.char.isdigit(dates) & (np.char.str_len(dates) == 10))
        if wrong.any():
            raise self._error(f"holds the date {_text(dates[wrong][0])!r}, expected is {DATE_FORM}")
        return dates.astype("S10")

    def _half_hours(self) -> Int64:
        numbers = self.dates.astype(np.int64)
        days, slots = numbers // 100, numbers % 100
        wrong = (slots < 1) | (slots > SLOTS_PER_DAY)
        if wrong.any():
            raise self._error(f"holds the date {_text(self.dates[wrong][0])!r}, whose slot is not one of 01 to 48")
        each, of_frame = np.unique(days, return_inverse=True)
        ordinals = np.array([self._ordinal(int(day)) for day in each], np.int64)
        half_hours: Int64 = ordinals[of_frame] * SLOTS_PER_DAY + slots - 1
        steps = np.diff(half_hours)
        if (steps <= 0).any():
            k = int(np.flatnonzero(steps <= 0)[0])
            what = "twice" if steps[k] == 0 else f"after {_text(self.dates[k])}"
            raise self._error(f"holds {_text(self.dates[k + 1])} {what}: half hours must come once each, in order")
        return half_hours

    def _ordinal(self, day: int) -> int:
        try:
            return datetime.date(day // 10_000, day // 100 % 100, day % 100).toordinal()
        except ValueError:
            raise self._error(f"holds a date of the day {day}, which is in no calendar; expected {DATE_FORM}") from None

    def _error(self, what: str) -> UnfitFile:
        return UnfitFile(
            f"{self.path} {what}. It should be a file of TaxiBJ as it was published: docs/datasets/taxibj.md says "
            "what is in it and where it comes from."
        )


@contextmanager
def open_files(folder: str | os.PathLike[str]) -> Iterator[list[FlowFile]]:
    """Yield all four files, open. Raises ValueError, naming the file, where one is missing or no sequel to the last."""
    with ExitStack() as stack:
        files = [stack.enter_context(FlowFile(Path(folder) / name)) for name in FILES]
        for before, after in itertools.pairwise(files):
            if after.half_hours[0] <= before.half_hours[-1]:
                raise ValueError(
                    f"{after.path} begins with {_text(after.dates[0])}, not after {before.path}, which ends with "
                    f"{_text(before.dates[-1])}: each file holds a later period than the one before. Were they mixed "
                    "up?"
                )
        yield files


def date_text(half_hours: Int64) -> NDArray[np.bytes_]:
    """(T,) S10: "YYYYMMDDSS" of each half hour."""
    return np.array([f"{day_of(each):%Y%m%d}{each % SLOTS_PER_DAY + 1:02d}" for each in half_hours.tolist()], "S10")


def day_of(half_hour: int) -> datetime.date:
    """The day that a half hour is in."""
    return datetime.date.fromordinal(half_hour // SLOTS_PER_DAY)


def write_flows(path: str | os.PathLike[str], half_hours: Int64, flows: NDArray[Any]) -> None:
    """Write a raw file, all of it or nothing: flows (T, 2, 32, 32) of the given half hours (T,)."""
    assert flows.shape == (len(half_hours), *FRAME_SHAPE), (flows.shape, half_hours.shape)
    chunk = (min(SLOTS_PER_DAY, len(half_hours)), *FRAME_SHAPE)
    with hdf5_file(path) as file:
        file.create_dataset("data", data=flows, dtype="<f8", chunks=chunk, **COMPRESSION)
        file.create_dataset("date", data=date_text(half_hours))


def _text(date: Any) -> str:
    return bytes(date).decode("ascii", "replace")
