"""Reading netCDF files: what is missing, masked, not finite or dated otherwise is an error that names file and day.

netCDF4 is imported where a file is opened, because only those who prepare data from such files need it.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.damage import LARGEST_COMPRESSION, UnfitFile, damage_told

if TYPE_CHECKING:
    import netCDF4

Float64 = NDArray[np.float64]

CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
"""Those in which the days of our time have the dates that they have."""

KELVIN = {"k", "kelvin", "kelvins", "degk", "degree_kelvin"}


@contextmanager
def open_netcdf(path: str | os.PathLike[str]) -> Iterator["netCDF4.Dataset"]:
    """Yield a netCDF file that is open for reading, packed values unpacked and fill values masked.

    Raises ValueError, naming the file, where it is missing or damaged or no netCDF file; also while it is read.
    """
    import netCDF4

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is not there")
    try:
        file = netCDF4.Dataset(path)
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, MemoryError) as error:
        kind = "no netCDF file" if "Unknown file format" in str(error) else "a damaged or truncated netCDF file"
        raise UnfitFile(f"{path} is {kind} ({getattr(error, 'strerror', None) or error})") from error
    try:
        yield file
    except RuntimeError as error:  # which is all that the library says of chunks that cannot be read
        raise UnfitFile(f"{path} is damaged: it cannot be read to its end ({error})") from error
    finally:
        file.close()


def variable_of(file: "netCDF4.Dataset", name: str) -> "netCDF4.Variable":
    """A variable of numbers by its name. Raises ValueError, naming the file, where there is none, and where it
    announces more values than can be in the file, so that reading it takes memory as the file takes disk."""
    path = file.filepath()
    if name not in file.variables:
        there = ", ".join(sorted(file.variables)) or "none at all"
        raise UnfitFile(f"{path} has no variable {name}, only {there}")
    variable = file.variables[name]
    if not isinstance(variable.dtype, np.dtype) or variable.dtype.kind not in "fiu":
        raise UnfitFile(f"{path} holds {name} as {variable.dtype}, expected are numbers")
    n_bytes = math.prod(variable.shape) * variable.dtype.itemsize
    if n_bytes > LARGEST_COMPRESSION * Path(path).stat().st_size:
        raise UnfitFile(f"{path} announces {name} {variable.shape} of {n_bytes} bytes, more than it can hold")
    return variable


def values_of(variable: "netCDF4.Variable", chosen: Any = np.s_[:]) -> NDArray[Any]:
    """Values of a variable, masked where there is none. Raises ValueError, naming the file, where they are damaged."""
    path = variable.group().filepath()
    with damage_told(lambda what: UnfitFile(f"{path}: {variable.name} {what}")):
        values: NDArray[Any] = variable[chosen]
    return values


def text_of(holder: Any, name: str, default: str = "") -> str:
    """An attribute of a file or a variable as text; `default` where there is none."""
    file = holder if hasattr(holder, "filepath") else holder.group()
    with damage_told(lambda what: UnfitFile(f"{file.filepath()}: attribute {name} {what}")):
        return str(holder.getncattr(name)) if name in holder.ncattrs() else default


def check_celsius(file: "netCDF4.Dataset", name: str) -> None:
    """ValueError where a variable says that it is in kelvins; without a unit, it is taken for °C."""
    unit = text_of(variable_of(file, name), "units")
    if unit.strip().lower() in KELVIN:
        raise ValueError(f"{file.filepath()} holds {name} in {unit}, expected are degrees Celsius")


def whole(values: Any, path: str | os.PathLike[str], name: str, first: int = 0, began: date | None = None) -> Float64:
    """Values of the days from number `first` on, as they were read, as float64. ValueError where one is masked or not
    finite, which names the day by its number and, where `began` is the date of day 0, by its date.
    """
    array = np.asarray(np.ma.getdata(values), np.float64)
    for is_bad, what in (
        (np.ma.getmaskarray(values), "land or fill values"),
        (~np.isfinite(array), "NaN or infinity"),
    ):
        if is_bad.any():
            of_days = is_bad.reshape(len(array), -1).sum(axis=1)
            day = int(np.flatnonzero(of_days)[0])
            when = f" ({began + timedelta(days=first + day)})" if began else ""
            raise ValueError(
                f"{path}: {name} of day {first + day}{when} holds {what} in {of_days[day]} of {array[0].size} places, "
                "expected is a number in all of them"
            )
    return array


def dates_of(file: "netCDF4.Dataset", name: str = "time") -> list[date]:
    """The days of a time variable, which must follow each other without a gap.

    Raises ValueError, naming the file, for units and calendars that give no dates, and for days that are missing, come
    twice, or go backwards.
    """
    import netCDF4

    path, variable = file.filepath(), variable_of(file, name)
    calendar = text_of(variable, "calendar", "standard").lower()
    if calendar not in CALENDARS:
        raise ValueError(f"{path}: {name} is in the calendar '{calendar}', expected is one of {', '.join(CALENDARS)}")
    units = text_of(variable, "units")
    values = whole(values_of(variable), path, name)
    try:
        moments = netCDF4.num2date(
            values, units, calendar, only_use_cftime_datetimes=False, only_use_python_datetimes=True
        )
        days = [moment.date() for moment in np.asarray(moments, object).reshape(-1)]
    except (ValueError, OverflowError, TypeError, AttributeError) as error:  # the last two where it makes no dates
        raise UnfitFile(
            f"{path}: {name} has the units '{units}', expected is such as 'days since 1950-01-01' ({error})"
        ) from None
    if not days:
        raise UnfitFile(f"{path}: {name} has no days")
    for number, (day, following) in enumerate(zip(days, days[1:], strict=False), start=1):
        if following - day != timedelta(days=1):
            raise ValueError(f"{path}: day {number} of {name} is {following}, after {day}; expected is the next day")
    return days
