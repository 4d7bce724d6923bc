"""Zones cut from a product that the netCDF library has packed: the same temperatures again; and all that is wrong."""

import tracemalloc
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from pipeline_lib.config.zone_grid import ZoneGrid, read_zone_grid
from pipeline_lib.data import regional_product
from pipeline_lib.data.climatology import DailyMoments
from pipeline_lib.data.cut_zones import cut_zones
from pipeline_lib.data.sst_zones import zone_days
from tests.data.sst_files import FIRST_DAY, dates, hours_since_1950

SCALE, OFFSET = 0.000732444, 21.0
ROWS, COLUMNS = 2 * 64 + 10, 2 * 64 + 7
LATITUDE, LONGITUDE = 30 + np.arange(ROWS) / 12, -60 + np.arange(COLUMNS) / 12
N_DAYS = 12
GRID = {"corner": {"row": 4, "column": 3}, "rows": 2, "columns": 2}


def sea(n_days: int = N_DAYS) -> np.ndarray:
    """(n_days, ROWS, COLUMNS) [°C]."""
    day, row, column = np.ogrid[:n_days, :ROWS, :COLUMNS]
    return 20 - row / 15 + np.sin(day / 7 + column / 11) + 0.01 * ((7 * day + 3 * row + column) % 13)


def write_product(path: Path, temperatures: np.ndarray, first: date = FIRST_DAY, **other: Any) -> Path:
    """A file of the product, packed as 16-bit numbers.

    other: land (places (day, row, column)), n_depths (0: no such axis), latitude, longitude, units, calendar, names (of
    the axes).
    """
    n_days, n_depths = len(temperatures), other.get("n_depths", 1)
    axes = other.get("names", ("time", "depth", "latitude", "longitude"))
    axes = axes if n_depths else (axes[0], *axes[2:])
    with netCDF4.Dataset(path, "w") as file:
        sizes = (n_days, n_depths, ROWS, COLUMNS) if n_depths else (n_days, ROWS, COLUMNS)
        for name, size in zip(axes, sizes, strict=True):
            file.createDimension(name, size)
        for name, values in (("latitude", LATITUDE), ("longitude", LONGITUDE)):
            axis = next(axis for axis, size in zip(axes, sizes, strict=True) if size == len(values))
            file.createVariable(name, "f4", (axis,))[:] = other.get(name, values)
        time = file.createVariable("time", "f8", (axes[0],))
        time.units, time.calendar = other.get("units", "hours since 1950-01-01"), other.get("calendar", "gregorian")
        time[:] = other.get("time", hours_since_1950(first, n_days))
        variable = file.createVariable("thetao", "i2", axes, fill_value=-32767, zlib=True)
        variable.scale_factor, variable.add_offset, variable.units = SCALE, OFFSET, "degrees_C"
        masked = np.ma.array(temperatures, mask=np.zeros(temperatures.shape, bool))
        for place in other.get("land", ()):
            masked[place] = np.ma.masked
        variable[:] = np.repeat(masked[:, None], n_depths, axis=1) if n_depths else masked
    return path


def grid(**other: Any) -> ZoneGrid:
    return ZoneGrid.model_validate(GRID | other)


def read(path: Path, first_day: date = FIRST_DAY) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with zone_days(path, first_day) as zone:
        values = np.concatenate([block for _, block in zone.blocks(0, zone.n_days)])
        return values, zone.climatology_mean, zone.climatology_std


@pytest.fixture
def product(tmp_path: Path) -> list[Path]:
    """Three files that do not come in the order of their days, one of them without a depth."""
    temperatures = sea()
    parts = {"c": slice(0, 5), "a": slice(5, 6), "b": slice(6, N_DAYS)}
    return [
        write_product(
            tmp_path / f"{name}.nc",
            temperatures[days],
            FIRST_DAY + timedelta(days=days.start),
            n_depths=int(name != "b"),
        )
        for name, days in sorted(parts.items())
    ]


@pytest.mark.parametrize("values_at_once", [1, 3 * 128 * 128, 2**23])
def test_zones_hold_the_temperatures_of_the_product(
    product: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values_at_once: int
) -> None:
    """To the rounding of the packing, however few days are read at a time."""
    monkeypatch.setattr(regional_product, "VALUES_AT_ONCE", values_at_once)
    reported: list[tuple[int, int]] = []
    files = cut_zones(product, grid(), tmp_path / "zones", progress=lambda *done: reported.append(done))
    assert [path.name for path in files] == ["data_1.nc", "data_2.nc", "data_3.nc", "data_4.nc"]
    assert reported[-1] == (N_DAYS, N_DAYS)
    for path, (row, column) in zip(files, [(4, 3), (4, 67), (68, 3), (68, 67)], strict=True):
        values, mean, std = read(path)
        expected = sea()[:, row : row + 64, column : column + 64]
        np.testing.assert_allclose(values, expected, rtol=0, atol=SCALE / 2 + 2e-6)
        moments = DailyMoments()
        moments.add(values)
        for found, wanted in zip((mean, std), moments.climatology(dates(N_DAYS)), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_corner_on_the_earth_is_the_pixel_around_it(product: list[Path], tmp_path: Path) -> None:
    corner = {"latitude": 30 + 4 / 12 + 0.03, "longitude": -60 + 3 / 12 - 0.03}
    (path,) = cut_zones(product, grid(corner=corner, rows=1, columns=1, first_zone=17), tmp_path / "zones")
    assert path.name == "data_17.nc"
    np.testing.assert_allclose(read(path)[0], sea()[:, 4:68, 3:67], rtol=0, atol=SCALE / 2 + 2e-6)


def test_places_can_be_left_out_and_days_chosen(product: list[Path], tmp_path: Path) -> None:
    days = {"first_day": "2006-12-30", "last_day": "2007-01-04"}
    files = cut_zones(product, grid(leave_out=[[0, 1]], days=days), tmp_path / "zones")
    assert [path.name for path in files] == ["data_1.nc", "data_2.nc", "data_3.nc"]
    values, _, _ = read(files[1], date(2006, 12, 30))
    np.testing.assert_allclose(values, sea()[2:8, 68:132, 3:67], rtol=0, atol=SCALE / 2 + 2e-6)


def test_the_climatology_pools_the_years_and_can_be_taken_of_some(tmp_path: Path) -> None:
    n_days = 400
    product = [write_product(tmp_path / "long.nc", sea(n_days))]
    one = {"rows": 1, "columns": 1}
    (path,) = cut_zones(product, grid(**one), tmp_path / "all")
    values, mean, _ = read(path)
    assert mean[0] == mean[365] == pytest.approx(values[[0, 365]].mean(), rel=1e-12)
    period = {"first_day": "2006-12-28", "last_day": "2007-12-27"}
    (path,) = cut_zones(product, grid(**one, climatology=period), tmp_path / "first year")
    mean = read(path)[1]
    assert mean[0] == mean[365] == pytest.approx(values[0].mean(), rel=1e-12)


def test_memory_does_not_grow_with_the_number_of_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regional_product, "VALUES_AT_ONCE", 8 * 128 * 128)
    peaks = []
    for n_days in (24, 96):
        product = [write_product(tmp_path / f"{n_days}.nc", sea(n_days))]
        tracemalloc.start()
        cut_zones(product, grid(), tmp_path / f"zones of {n_days}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


# What can be wrong


def complaint(product: list[Path], tmp_path: Path, **other: Any) -> str:
    """What is said; nothing is left in the folder."""
    with pytest.raises(ValueError) as caught:
        cut_zones(product, grid(**other), tmp_path / "zones")
    assert not (tmp_path / "zones").exists() or list((tmp_path / "zones").iterdir()) == []
    return str(caught.value)


def test_land_is_named_with_file_day_and_zone(product: list[Path], tmp_path: Path) -> None:
    write_product(product[1], sea()[6:], date(2007, 1, 3), n_depths=0, land=[(2, 70, 80), (2, 71, 80)])
    message = complaint(product, tmp_path)
    assert (
        f"{product[1]}, zone 4: thetao of day 2 (2007-01-05) holds land or fill values in 2 of 4096 places" in message
    )
    files = cut_zones(product, grid(leave_out=[[1, 1]]), tmp_path / "zones")
    assert len(files) == 3


def test_days_that_are_missing_or_come_twice_are_named(product: list[Path], tmp_path: Path) -> None:
    first, last, middle = product[2], product[1], product[0]
    message = complaint([last, first], tmp_path)
    assert f"{first} ends on 2007-01-01 and {last} begins on 2007-01-03: days are missing" in message
    message = complaint([last, first, middle, first], tmp_path)
    assert f"{first} ends on 2007-01-01 and {first} begins on 2006-12-28: days come twice" in message


def test_a_day_that_is_missing_within_a_file_is_named(tmp_path: Path) -> None:
    time = hours_since_1950(FIRST_DAY, 3) + [0, 0, 24]
    path = write_product(tmp_path / "product.nc", sea(3), time=time)
    assert f"{path}: day 2 of time is 2006-12-31, after 2006-12-29" in complaint([path], tmp_path)


def test_another_calendar_is_named(tmp_path: Path) -> None:
    path = write_product(tmp_path / "product.nc", sea(3), calendar="360_day")
    assert f"{path}: time is in the calendar '360_day'" in complaint([path], tmp_path)


def test_files_of_different_regions_are_named(product: list[Path], tmp_path: Path) -> None:
    write_product(product[1], sea()[6:], date(2007, 1, 3), latitude=LATITUDE + 1)
    assert f"{product[1]} has another latitude than {product[0]}" in complaint(product, tmp_path)


def test_several_depths_and_other_axes_are_named(tmp_path: Path) -> None:
    path = write_product(tmp_path / "product.nc", sea(2), n_depths=3)
    message = complaint([path], tmp_path)
    assert f"{path} holds thetao (time: 2, depth: 3, latitude: {ROWS}, longitude: {COLUMNS}), expected is" in message
    path = write_product(tmp_path / "other.nc", sea(2), names=("time", "depth", "y", "x"))
    assert f"holds thetao (time: 2, depth: 1, y: {ROWS}, x: {COLUMNS})" in complaint([path], tmp_path)


def test_latitudes_that_go_up_and_down_are_named(tmp_path: Path) -> None:
    path = write_product(tmp_path / "product.nc", sea(2), latitude=np.sin(np.arange(ROWS)))
    assert f"{path}: latitude goes up and down" in complaint([path], tmp_path)


def test_zones_beyond_the_product_are_named(product: list[Path], tmp_path: Path) -> None:
    message = complaint(product, tmp_path, rows=3)
    assert f"zone 5 reaches to row 195 and column 66, and {product[2]} has {ROWS} rows and {COLUMNS} columns" in message
    message = complaint(product, tmp_path, corner={"latitude": 29.0, "longitude": -60.0})
    assert f"the corner's latitude 29 lies outside {product[2]}, which has 30 to 41.4167" in message


def test_days_beyond_the_product_are_named(product: list[Path], tmp_path: Path) -> None:
    message = complaint(product, tmp_path, days={"first_day": "2006-12-27"})
    assert message == "days.first_day is 2006-12-27, and the product has the days from 2006-12-28 to 2007-01-08"


def test_a_climatology_without_whole_years_names_the_zone(tmp_path: Path) -> None:
    product = [write_product(tmp_path / "long.nc", sea(400))]
    message = complaint(product, tmp_path, climatology={"first_day": "2007-01-01", "last_day": "2007-03-31"})
    assert message.startswith("zone 1: the days that the climatology is taken over have no 28 December")


def test_zones_that_are_there_are_not_overwritten(product: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    folder.mkdir()
    (folder / "data_3.nc").write_text("dear to somebody")
    with pytest.raises(ValueError, match="data_3.nc is there already, and is not overwritten"):
        cut_zones(product, grid(), folder)
    assert [path.name for path in folder.iterdir()] == ["data_3.nc"]


def test_a_product_that_is_none_is_named(product: list[Path], tmp_path: Path) -> None:
    product[0].write_bytes(b"no netCDF")
    assert f"{product[0]} is no netCDF file" in complaint(product, tmp_path)
    product[0].write_bytes(product[1].read_bytes()[:2000])
    assert f"{product[0]} is a damaged or truncated netCDF file" in complaint(product, tmp_path)


# The grid


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("corner: {latitude: 1.0}\nrows: 1\ncolumns: 1", "corner: give latitude and longitude, or row and column"),
        (
            "corner: {latitude: 1.0, longitude: 2.0, row: 3, column: 4}\nrows: 1\ncolumns: 1",
            "corner: give latitude and",
        ),
        ("corner: {row: 1, column: 1}\nrows: 0\ncolumns: 1", "rows: given 0"),
        ("corner: {row: 1, column: 1}\nrows: 1\ncolumn: 1", "column: unknown key; did you mean 'columns'?"),
        ("corner: {row: 1, column: 1}\nrows: 1\ncolumns: 1\nsize: 32", "size: given 32"),
        ("corner: {row: 1, column: 1}\nrows: 1\ncolumns: 1\nleave_out: [[1, 0]]", "[1, 0] is no place in a grid of 1"),
        ("corner: {row: 1, column: 1}\nrows: 1\ncolumns: 1\nleave_out: [[0, 0]]", "leave_out leaves no zone"),
        (
            "corner: {row: 1, column: 1}\nrows: 1\ncolumns: 1\ndays: {first_day: 2007-01-02, last_day: 2007-01-01}",
            "days: first_day (2007-01-02) is after last_day",
        ),
    ],
)
def test_a_bad_grid_says_what_is_wrong_and_where(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_zone_grid(path)
    assert f"{path}: " in str(caught.value) and what in str(caught.value)


def test_the_example_cuts_29_zones(repository: Path) -> None:
    example = read_zone_grid(repository / "config" / "sst_zones.yaml")
    assert list(example.places) == list(range(1, 30)) and example.days.first_day == FIRST_DAY
