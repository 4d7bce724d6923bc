"""A regional product of sea surface temperature, as the Copernicus Marine Service delivers them: some netCDF files.

Each file holds `thetao` (time, latitude, longitude), or (time, depth, latitude, longitude) with a single depth, usually
packed, with the coordinates `time`, `latitude` and `longitude`. Together the files hold each day once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.netcdf import Float64, check_celsius, dates_of, open_netcdf, values_of, variable_of, whole

if TYPE_CHECKING:
    import netCDF4

TEMPERATURE, LATITUDE, LONGITUDE = "thetao", "latitude", "longitude"
AXES = ("time", LATITUDE, LONGITUDE)
VALUES_AT_ONCE = 2**23
"""Temperatures that are read at a time, 64 MiB as float64; of a larger region one day."""


@dataclass(frozen=True)
class ProductFile:
    """A file and its days, which follow each other."""

    path: Path
    days: list[date]


@dataclass(frozen=True)
class Block:
    """Some days of a region: `temperatures` (n, rows, columns), masked where there is no value; the first is day
    `first_in_file` of its file."""

    file: ProductFile
    first_in_file: int
    temperatures: NDArray[Any]

    @property
    def days(self) -> list[date]:
        """(n,)."""
        return self.file.days[self.first_in_file : self.first_in_file + len(self.temperatures)]

    def cut(self, rows: slice, columns: slice, what: str) -> Float64:
        """The temperatures in a part of the region [°C]. Raises ValueError, naming file, day and `what` is cut, where
        one has no value."""
        values = self.temperatures[:, rows, columns]
        return whole(values, f"{self.file.path}, {what}", TEMPERATURE, self.first_in_file, self.file.days[0])


class RegionalProduct:
    """Files of a product, in the order of their days, whatever order they are given in.

    latitude, longitude: of rows and columns [degrees]. days: of all files. Raises ValueError, naming the files, unless
    they have the same grid and hold every day from the first to the last once.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        assert paths
        grids, files = zip(*(self._header(path) for path in paths), strict=True)
        for path, grid in zip(paths, grids, strict=True):
            for name, values, first in zip((LATITUDE, LONGITUDE), grid, grids[0], strict=True):
                if not np.array_equal(values, first):
                    raise ValueError(f"{path} has another {name} than {paths[0]}: they are of different regions")
        self.latitude, self.longitude = grids[0]
        self.files: list[ProductFile] = sorted(files, key=lambda file: file.days[0])
        for one, following in pairwise(self.files):
            if following.days[0] != one.days[-1] + timedelta(days=1):
                problem = "days are missing" if following.days[0] > one.days[-1] else "days come twice"
                raise ValueError(
                    f"{one.path} ends on {one.days[-1]} and {following.path} begins on {following.days[0]}: {problem}"
                )
        self.days = [day for file in self.files for day in file.days]

    def blocks(self, rows: slice, columns: slice, days: slice) -> Iterator[Block]:
        """A part of the region on some of the days, in order, a few days at a time."""
        at_once = max(1, VALUES_AT_ONCE // ((rows.stop - rows.start) * (columns.stop - columns.start)))
        before = 0
        for file in self.files:
            first, last = max(0, days.start - before), min(len(file.days), days.stop - before)
            before += len(file.days)
            if first >= last:
                continue
            with open_netcdf(file.path) as opened:
                variable = variable_of(opened, TEMPERATURE)
                for start in range(first, last, at_once):
                    chosen = (slice(start, min(start + at_once, last)), *([0] * (variable.ndim - 3)), rows, columns)
                    yield Block(file, start, values_of(variable, chosen))

    def pixel(self, latitude: float, longitude: float) -> tuple[int, int]:
        """Row and column of the pixel around a place. Raises ValueError where the product does not reach there."""
        return (
            _nearest(self.latitude, latitude, LATITUDE, self.files[0].path),
            _nearest(self.longitude, longitude, LONGITUDE, self.files[0].path),
        )

    @staticmethod
    def _header(path: Path) -> tuple[tuple[Float64, Float64], ProductFile]:
        with open_netcdf(path) as file:
            variable = variable_of(file, TEMPERATURE)
            check_celsius(file, TEMPERATURE)
            grid = _coordinate(file, LATITUDE), _coordinate(file, LONGITUDE)
            days = dates_of(file)
            axes = variable.dimensions
            if variable.ndim == 4 and variable.shape[1] == 1:
                axes = (axes[0], *axes[2:])  # a single depth
            if axes != AXES:
                raise ValueError(
                    f"{path} holds {TEMPERATURE} {_axes(variable)}, expected is ({', '.join(AXES)}), or that with a "
                    "single depth behind the time"
                )
            if variable.shape[0] != len(days):
                raise ValueError(f"{path} holds {TEMPERATURE} of {variable.shape[0]} days, but {len(days)} in time")
        return grid, ProductFile(path, days)


def _axes(variable: "netCDF4.Variable") -> str:
    sizes = zip(variable.dimensions, variable.shape, strict=True)
    return f"({', '.join(f'{name}: {size}' for name, size in sizes)})"


def _coordinate(file: "netCDF4.Dataset", name: str) -> Float64:
    """Degrees (n,), which must increase or decrease all along."""
    variable = variable_of(file, name)
    if variable.ndim != 1 or variable.shape[0] < 2:
        raise ValueError(f"{file.filepath()} holds {name} {variable.shape}, expected are two degrees or more (n,)")
    values = whole(values_of(variable), file.filepath(), name)
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"{file.filepath()}: {name} goes up and down; expected are degrees that follow each other")
    return values


def _nearest(degrees: Float64, wanted: float, name: str, path: Path) -> int:
    number = int(np.argmin(abs(degrees - wanted)))
    half_a_pixel = abs(np.diff(degrees)).max() / 2
    if abs(degrees[number] - wanted) > half_a_pixel * (1 + 1e-6):
        raise ValueError(
            f"the corner's {name} {wanted:g} lies outside {path}, which has {degrees.min():g} to {degrees.max():g}"
        )
    return number
