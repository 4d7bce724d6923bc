"""Zone files of SST as the netCDF library writes them, sound or with something wrong."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

FIRST_DAY = date(2006, 12, 28)


def temperatures(n_days: int, seed: int = 0, size: int = 64) -> np.ndarray:
    """Warm in the south, waves that move, and a season: (n_days, size, size) [°C]."""
    random = np.random.default_rng(seed)
    day, row, column = np.arange(n_days)[:, None, None], np.arange(size)[:, None], np.arange(size)
    season = 3 * np.cos(2 * np.pi * (day - 240) / 365.25)
    return 18 - row / 16 + season + np.sin(column / 9 + day / 5 + seed) + 0.1 * random.normal(size=(n_days, size, size))


def climatology(n_days: int) -> tuple[np.ndarray, np.ndarray]:
    """`daily_mean` and `daily_std` (n_days,) [°C]."""
    day = np.arange(n_days)
    return 17 + 3 * np.cos(2 * np.pi * (day - 240) / 365.25), 1.5 + 0.2 * np.sin(day / 50)


def write_zone(path: Path, values: np.ndarray, **other: Any) -> Path:
    """A file of `thetao` (T, H, W) with a climatology.

    other: packed (scale_factor), fill (places (day, row, column) that have no value), without (names of variables left
    out), time (units, calendar, values), daily_mean, daily_std, units.
    """
    n_days, height, width = values.shape
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", n_days), ("y", height), ("x", width)):
            file.createDimension(name, size)
        if "packed" in other:
            variable = file.createVariable("thetao", "i2", ("time", "y", "x"), fill_value=-32767, zlib=True)
            variable.scale_factor, variable.add_offset = other["packed"], 20.0
        else:
            variable = file.createVariable("thetao", "f4", ("time", "y", "x"), zlib=True)
        masked = np.ma.array(values, mask=np.zeros(values.shape, bool))
        for place in other.get("fill", ()):
            masked[place] = np.ma.masked
        variable[:] = masked
        if "units" in other:
            variable.units = other["units"]
        for name, daily in zip(("daily_mean", "daily_std"), climatology(n_days), strict=True):
            daily = other.get(name, daily)
            if len(daily) != n_days:
                file.createDimension(name, len(daily))
            axis = "time" if len(daily) == n_days else name
            file.createVariable(name, "f8", (axis,))[:] = daily
        if "time" in other:
            units, calendar, days = other["time"]
            time = file.createVariable("time", "f8", ("time",))
            time.units, time.calendar = units, calendar
            time[:] = days
        for name in other.get("without", ()):
            file.renameVariable(name, f"other_{name}")
    return path


def hours_since_1950(first: date, n_days: int, at: float = 12.0) -> np.ndarray:
    """As the Copernicus Marine Service counts."""
    return 24.0 * ((first - date(1950, 1, 1)).days + np.arange(n_days)) + at


def dates(n_days: int, first: date = FIRST_DAY) -> list[date]:
    return [first + timedelta(days=day) for day in range(n_days)]
