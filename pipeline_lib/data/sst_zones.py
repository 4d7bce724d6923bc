"""Zone files of sea surface temperature, as the authors of the PDE paper have them: data_1.nc, data_2.nc, …

netCDF-4, one file for each square of 64x64 pixels: `thetao` (T, 64, 64), the temperature of T days in °C, which may be
packed; `daily_mean` and `daily_std` (T,), the climatology of these days in °C. A variable `time` may be there.

They are read by netCDF4 and written through `runtime.hdf5_writing`: a netCDF-4 file is an HDF5 file whose axes are
dimension scales, and that writer says what is wrong with a disk where the netCDF library says "HDF error".
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.netcdf import (
    Float64,
    check_celsius,
    dates_of,
    open_netcdf,
    text_of,
    values_of,
    variable_of,
    whole,
)
from pipeline_lib.runtime.hdf5_writing import hdf5_file

if TYPE_CHECKING:
    import netCDF4

SIZE = 64
TEMPERATURE, MEAN, STD, TIME = "thetao", "daily_mean", "daily_std", "time"

DAYS_AT_ONCE = 256
"""Days that are read at a time, 8 MiB as float64."""

CHUNK_DAYS = 16
EPOCH = date(1950, 1, 1)
"""From which our files count days, as the Copernicus Marine Service does."""


class ZoneFile:
    """A zone file whose header is checked, open for reading: `with zone_days(path, first day) as zone`.

    climatology_mean, climatology_std: (T,) float64 [°C]. source: where the file says that it comes from; may be empty.
    """

    def __init__(self, file: "netCDF4.Dataset", path: Path, first_day: date) -> None:
        self.path, self.first_day = path, first_day
        self.source = text_of(file, "source").strip()
        self._temperature = self._temperature_of(file)
        self.n_days = int(self._temperature.shape[0])
        check_celsius(file, TEMPERATURE)
        self.climatology_mean, self.climatology_std = (self._daily(file, name) for name in (MEAN, STD))
        if (self.climatology_std <= 0).any():
            day = int(np.flatnonzero(self.climatology_std <= 0)[0])
            raise ValueError(
                f"{path}: {STD} of day {day} ({self._date(day)}) is {self.climatology_std[day]:g}, expected are values "
                "above 0"
            )
        self._check_time(file)

    def blocks(self, first: int, last: int) -> Iterator[tuple[slice, Float64]]:
        """The days first..last-1, a few at a time: their numbers, and their temperatures (n, 64, 64) [°C].

        Raises ValueError, naming file and day, for land, fill values and what is not finite.
        """
        for start in range(first, last, DAYS_AT_ONCE):
            days = slice(start, min(start + DAYS_AT_ONCE, last))
            yield days, whole(values_of(self._temperature, days), self.path, TEMPERATURE, start, self.first_day)

    def _date(self, day: int) -> date:
        return self.first_day + timedelta(days=day)

    def _temperature_of(self, file: "netCDF4.Dataset") -> "netCDF4.Variable":
        variable = variable_of(file, TEMPERATURE)
        if variable.ndim != 3 or variable.shape[1:] != (SIZE, SIZE) or variable.shape[0] == 0:
            raise ValueError(
                f"{self.path} holds {TEMPERATURE} {variable.shape}, expected are days of {SIZE}x{SIZE} pixels "
                f"(T, {SIZE}, {SIZE})"
            )
        return variable

    def _daily(self, file: "netCDF4.Dataset", name: str) -> Float64:
        variable = variable_of(file, name)
        if variable.shape != (self.n_days,):
            raise ValueError(
                f"{self.path} holds {name} {variable.shape}, expected is a value for each of the {self.n_days} days of "
                f"{TEMPERATURE}"
            )
        return whole(values_of(variable), self.path, name, 0, self.first_day)

    def _check_time(self, file: "netCDF4.Dataset") -> None:
        """A file need not say which days it holds; if it does, they must be the expected ones."""
        if TIME not in file.variables:
            return
        days = dates_of(file)
        if len(days) != self.n_days or days[0] != self.first_day:
            raise ValueError(
                f"{self.path}: {TIME} has {len(days)} days from {days[0] if days else 'nowhere'} on, expected are "
                f"{self.n_days} from {self.first_day} on (dataset.preparation.first_day)"
            )


@contextmanager
def zone_days(path: str | os.PathLike[str], first_day: date) -> Iterator[ZoneFile]:
    """Open a zone file whose first day is `first_day`.

    Raises ValueError, naming the file, unless it is whole and holds temperature and climatology of every day.
    """
    with open_netcdf(path) as file:
        yield ZoneFile(file, Path(path), first_day)


class ZoneWriter:
    """A zone file while it is written: temperatures day by day, then the climatology."""

    def __init__(self, file: h5py.File, days: Sequence[date], resolution: float | None) -> None:
        self._file, self._resolution = file, resolution
        self._n_written, self._n_days = 0, len(days)
        shape, chunk = (len(days), SIZE, SIZE), (min(CHUNK_DAYS, len(days)), SIZE, SIZE)
        self._temperature = file.create_dataset(
            TEMPERATURE,
            shape,
            "<f4" if resolution is None else "<i2",
            chunks=chunk,
            compression="gzip",
            compression_opts=4,
            shuffle=True,
        )
        _describe(self._temperature, "sea surface temperature", "degrees_C")
        if resolution is not None:
            self._temperature.attrs.update({"scale_factor": resolution, "add_offset": 0.0})
        self._name_axes([(day - EPOCH).days for day in days])

    def _name_axes(self, days: Sequence[int]) -> None:
        """What makes a netCDF-4 file of an HDF5 file: a dimension scale for each axis."""
        time = self._file.create_dataset(TIME, data=np.array(days, "<i4"))
        _describe(time, "day", f"days since {EPOCH}")
        time.attrs["calendar"] = np.bytes_("standard")
        time.make_scale(TIME)
        self._temperature.dims[0].attach_scale(time)
        for axis, name in enumerate(("y", "x"), start=1):
            scale = self._file.create_dataset(name, data=np.arange(SIZE, dtype="<i4"))
            scale.make_scale(name)
            self._temperature.dims[axis].attach_scale(scale)

    def append(self, temperatures: NDArray[Any]) -> Float64:
        """The next days, (n, 64, 64) [°C]. Returns what was written: rounded to the resolution, or to float32."""
        last = self._n_written + len(temperatures)
        assert temperatures.shape[1:] == (SIZE, SIZE) and last <= self._n_days, temperatures.shape
        scale = 1.0 if self._resolution is None else self._resolution
        stored = temperatures.astype(np.float32) if self._resolution is None else np.round(temperatures / scale)
        self._temperature[self._n_written : last] = stored
        self._n_written = last
        return stored.astype(np.float64) * scale

    def finish(self, climatology_mean: Float64, climatology_std: Float64) -> None:
        """The climatology, (T,) each [°C], when all days are written."""
        assert self._n_written == self._n_days == len(climatology_mean) == len(climatology_std)
        for name, values, what in ((MEAN, climatology_mean, "mean"), (STD, climatology_std, "standard deviation")):
            daily = self._file.create_dataset(name, data=values.astype("<f8"))
            _describe(daily, f"{what} of the temperature on this day of the year", "degrees_C")
            daily.dims[0].attach_scale(self._file[TIME])


@contextmanager
def new_zone_file(
    path: str | os.PathLike[str], days: Sequence[date], source: str, resolution: float | None = None
) -> Iterator[ZoneWriter]:
    """Yield what writes a zone file of these days; when the block ends without an error, the file stands at `path`.

    source: where the temperatures come from, a few words. resolution: temperatures are packed as 16-bit multiples of it
    [°C]; None: as float32.
    """
    with hdf5_file(path) as file:
        file.attrs["source"] = np.bytes_(source)
        yield ZoneWriter(file, days, resolution)


def _describe(variable: h5py.Dataset, long_name: str, units: str) -> None:
    variable.attrs["long_name"], variable.attrs["units"] = np.bytes_(long_name), np.bytes_(units)
