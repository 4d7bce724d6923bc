"""Zone files: what netCDF holds in whatever packing is read, and whatever is wrong is said with file and day."""

from datetime import date
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from pipeline_lib.data.sst_zones import DAYS_AT_ONCE, ZoneFile, new_zone_file, zone_days
from tests.data.sst_files import FIRST_DAY, climatology, dates, hours_since_1950, temperatures, write_zone

N_DAYS = 9


def read(path: Path, first: int = 0, last: int | None = None) -> np.ndarray:
    with zone_days(path, FIRST_DAY) as zone:
        return np.concatenate([values for _, values in zone.blocks(first, last or zone.n_days)])


def test_temperatures_and_climatology_are_read(tmp_path: Path) -> None:
    values = temperatures(N_DAYS)
    path = write_zone(tmp_path / "data_1.nc", values)
    with zone_days(path, FIRST_DAY) as zone:
        assert zone.n_days == N_DAYS
        for found, expected in zip((zone.climatology_mean, zone.climatology_std), climatology(N_DAYS), strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read(path), values.astype(np.float32))
    np.testing.assert_array_equal(read(path, 3, 7), values[3:7].astype(np.float32))


def test_days_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    values = temperatures(DAYS_AT_ONCE + 5)
    with zone_days(write_zone(tmp_path / "data_1.nc", values), FIRST_DAY) as zone:
        numbers, blocks = zip(*zone.blocks(3, zone.n_days), strict=True)
    assert [(days.start, days.stop) for days in numbers] == [(3, 3 + DAYS_AT_ONCE), (3 + DAYS_AT_ONCE, len(values))]
    np.testing.assert_array_equal(np.concatenate(blocks), values[3:].astype(np.float32))


def test_packed_values_are_unpacked(tmp_path: Path) -> None:
    values = temperatures(N_DAYS)
    path = write_zone(tmp_path / "data_1.nc", values, packed=0.01)
    np.testing.assert_allclose(read(path), values, rtol=0, atol=0.00501)
    with netCDF4.Dataset(path) as file:
        assert file["thetao"].dtype == np.int16


@pytest.mark.parametrize("calendar", ["standard", "gregorian", "proleptic_gregorian"])
def test_a_time_variable_that_says_the_same_is_welcome(tmp_path: Path, calendar: str) -> None:
    time = ("hours since 1950-01-01", calendar, hours_since_1950(FIRST_DAY, N_DAYS))
    assert len(read(write_zone(tmp_path / "data_1.nc", temperatures(N_DAYS), time=time))) == N_DAYS


def test_what_is_written_is_a_netcdf_file_that_is_read_again(tmp_path: Path) -> None:
    values, (mean, std) = temperatures(N_DAYS), climatology(N_DAYS)
    for name, resolution, tolerance in (("packed.nc", 0.01, 0.00501), ("floats.nc", None, 1e-6)):
        path = tmp_path / name
        with new_zone_file(path, dates(N_DAYS), "a test", resolution) as writer:
            written = np.concatenate([writer.append(values[:4]), writer.append(values[4:])])
            assert not path.exists()
            writer.finish(mean, std)
        np.testing.assert_allclose(read(path), values, rtol=0, atol=tolerance)
        np.testing.assert_allclose(read(path), written, rtol=0, atol=1e-12)
        with netCDF4.Dataset(path) as file:
            assert file.data_model == "NETCDF4"
            assert file["thetao"].dimensions == ("time", "y", "x") and file["daily_std"].dimensions == ("time",)
            moments = netCDF4.num2date(file["time"][:], file["time"].units, file["time"].calendar)
            assert [(each.year, each.month, each.day) for each in moments[[0, 4]]] == [(2006, 12, 28), (2007, 1, 1)]
            assert file["thetao"].units == "degrees_C" and file.source == "a test"


def test_a_file_that_is_not_finished_does_not_appear(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="stopped"),
        new_zone_file(tmp_path / "data_1.nc", dates(N_DAYS), "") as writer,
    ):
        writer.append(temperatures(N_DAYS))
        raise RuntimeError("stopped")
    assert list(tmp_path.iterdir()) == []


# What can be wrong


def complaint(path: Path, first_day: date = FIRST_DAY) -> str:
    with pytest.raises(ValueError) as caught, zone_days(path, first_day) as zone:
        list(zone.blocks(0, zone.n_days))
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["thetao", "daily_mean", "daily_std"])
def test_a_variable_that_is_missing_is_named_with_those_there_are(tmp_path: Path, name: str) -> None:
    path = write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS), without=[name])
    message = complaint(path)
    assert f"has no variable {name}, only " in message and f"other_{name}" in message


@pytest.mark.parametrize("shape", [(64, 32), (63, 64), (128, 128)])
def test_another_size_of_the_zone_is_an_error(tmp_path: Path, shape: tuple[int, int]) -> None:
    values = np.ones((N_DAYS, *shape)) + np.arange(shape[1])
    message = complaint(write_zone(tmp_path / "data_3.nc", values))
    assert f"holds thetao ({N_DAYS}, {shape[0]}, {shape[1]}), expected are days of 64x64 pixels" in message


def test_fill_values_are_named_with_their_day(tmp_path: Path) -> None:
    places = [(5, 3, 4), (5, 60, 0), (7, 1, 1)]
    for packing in ({"packed": 0.01}, {}):
        message = complaint(write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS), fill=places, **packing))
        assert "thetao of day 5 (2007-01-02) holds land or fill values in 2 of 4096 places" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named_with_its_day(tmp_path: Path, bad: float) -> None:
    values = temperatures(DAYS_AT_ONCE + 3)
    values[DAYS_AT_ONCE + 1, 2, 3] = bad
    message = complaint(write_zone(tmp_path / "data_3.nc", values))
    assert f"thetao of day {DAYS_AT_ONCE + 1} (2007-09-11) holds NaN or infinity in 1 of 4096 places" in message


def test_a_climatology_that_is_not_finite_or_not_positive_is_named_with_its_day(tmp_path: Path) -> None:
    mean, std = climatology(N_DAYS)
    for value, what in ((0.0, "is 0, expected are values above 0"), (-1.5, "is -1.5, expected")):
        daily_std = np.where(np.arange(N_DAYS) == 4, value, std)
        message = complaint(write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS), daily_std=daily_std))
        assert f"daily_std of day 4 (2007-01-01) {what}" in message
    daily_mean = np.where(np.arange(N_DAYS) == 2, np.nan, mean)
    message = complaint(write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS), daily_mean=daily_mean))
    assert "daily_mean of day 2 (2006-12-30) holds NaN or infinity" in message


def test_a_climatology_of_another_length_is_an_error(tmp_path: Path) -> None:
    message = complaint(write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS), daily_mean=np.ones(N_DAYS - 1)))
    assert f"holds daily_mean ({N_DAYS - 1},), expected is a value for each of the {N_DAYS} days" in message


@pytest.mark.parametrize(
    ("units", "calendar", "days", "what"),
    [
        ("hours since 1950-01-01", "360_day", hours_since_1950(FIRST_DAY, N_DAYS), "in the calendar '360_day'"),
        ("hours since 1950-01-01", "noleap", hours_since_1950(FIRST_DAY, N_DAYS), "expected is one of standard, greg"),
        ("degrees", "standard", np.arange(N_DAYS), "has the units 'degrees', expected is such as 'days since"),
        ("", "standard", np.arange(N_DAYS), "has the units ''"),
        ("days since 1950-01-01", "standard", np.arange(N_DAYS), f"has {N_DAYS} days from 1950-01-01 on, expected are"),
        ("days since 2006-12-28", "standard", np.arange(N_DAYS) * 2, "day 1 of time is 2006-12-30, after 2006-12-28"),
        ("days since 2006-12-28", "standard", np.arange(N_DAYS) // 2, "day 1 of time is 2006-12-28, after 2006-12-28"),
        ("days since 2006-12-28", "standard", [0, 1, np.nan, *range(3, N_DAYS)], "time of day 2 holds NaN"),
    ],
)
def test_other_times_are_errors(tmp_path: Path, units: str, calendar: str, days: np.ndarray, what: str) -> None:
    assert what in complaint(write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS), time=(units, calendar, days)))


def test_kelvins_are_refused(tmp_path: Path) -> None:
    path = write_zone(tmp_path / "data_3.nc", temperatures(N_DAYS) + 273.15, units="K")
    assert "holds thetao in K, expected are degrees Celsius" in complaint(path)
    write_zone(path, temperatures(N_DAYS), units="degrees_C")
    with zone_days(path, FIRST_DAY) as zone:
        assert isinstance(zone, ZoneFile)


def test_files_that_are_missing_no_netcdf_or_damaged_are_named(tmp_path: Path) -> None:
    path = tmp_path / "data_3.nc"
    assert complaint(path) == f"{path} is not there"
    path.write_bytes(b"<html>Not found</html>")
    assert "is no netCDF file" in complaint(path)
    whole = write_zone(tmp_path / "data_4.nc", temperatures(40)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is a damaged or truncated netCDF file" in complaint(path)
    damaged = bytearray(whole)
    damaged[len(whole) // 4 : len(whole) // 2] = bytes(len(whole) // 2 - len(whole) // 4)
    path.write_bytes(damaged)
    assert "thetao is damaged (" in complaint(path)
