"""SST's zone files and regional products: what netCDF4 has written, or a sentence that names the file."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.data.cut_zones import cut_zones
from pipeline_lib.data.regional_product import RegionalProduct
from pipeline_lib.data.sst_zones import zone_days
from tests.data import test_cut_zones
from tests.data.sst_files import FIRST_DAY, hours_since_1950, temperatures, write_zone
from tests.properties.boundary import answer, damaged, files_in

N_DAYS = 6
TIME = ("hours since 1950-01-01", "standard", hours_since_1950(FIRST_DAY, N_DAYS))


def all_of(path: Path) -> np.ndarray:
    with zone_days(path, FIRST_DAY) as zone:
        return np.concatenate([values for _, values in zone.blocks(0, zone.n_days)])


@cache
def sound(kind: str) -> bytes:
    """The bytes of a zone file, or of a product's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        if kind == "zone":
            write_zone(path, temperatures(N_DAYS), time=TIME)
        else:
            test_cut_zones.write_product(path, test_cut_zones.sea(2))
        return path.read_bytes()


@given(st.data())
def test_damaged_zones_are_refused_or_are_read_as_their_header_says(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "data_1.nc"
    path.write_bytes(data.draw(damaged(sound("zone"))))
    found = answer(lambda: all_of(path), path)
    assert isinstance(found, str) or found.shape[1:] == (64, 64)


@given(st.data())
def test_a_damaged_product_leaves_no_zone_half_written(tmp_path: Path, data: st.DataObject) -> None:
    path, out = tmp_path / "product.nc", tmp_path / "out"
    path.write_bytes(data.draw(damaged(sound("product"))))
    found = answer(lambda: cut_zones([path], test_cut_zones.grid(), out), path)
    assert files_in(out) == ([] if isinstance(found, str) else sorted(each.name for each in found))
    for written in out.glob("*.nc"):
        written.unlink()


def never_written(file: netCDF4.Dataset) -> None:
    """More days than can be in the file."""
    file.createDimension("days", 2**31)
    for name, axes in (("thetao", ("days", "y", "x")), ("daily_mean", ("days",)), ("daily_std", ("days",))):
        file.createVariable(name, "f8", axes, zlib=True)


def texts(file: netCDF4.Dataset) -> None:
    file.renameVariable("daily_mean", "other")
    file.createVariable("daily_mean", str, ("time",))[0] = "warm"


def without_days(file: netCDF4.Dataset) -> None:
    file.renameVariable("time", "other")
    file.createDimension("no_days", None)
    file.createVariable("time", "f8", ("no_days",)).units = "days since 1950-01-01"


def numbers_as_units(file: netCDF4.Dataset) -> None:
    file["time"].setncattr("units", np.arange(5.0))


def no_such_date(file: netCDF4.Dataset) -> None:
    file["time"].units = "days since 1950-13-45"


def far_away(file: netCDF4.Dataset) -> None:
    file["time"][:] = 1e300


HOSTILE = [texts, without_days, numbers_as_units, no_such_date, far_away]


@pytest.mark.parametrize("change", HOSTILE)
def test_zones_with_other_variables_than_there_must_be(
    tmp_path: Path, change: Callable[[netCDF4.Dataset], None]
) -> None:
    path = write_zone(tmp_path / "data_1.nc", temperatures(N_DAYS), time=TIME)
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    assert isinstance(answer(lambda: all_of(path), path), str)


def test_days_that_were_never_written_are_not_made_up(tmp_path: Path) -> None:
    path = tmp_path / "data_1.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("y", 64)
        file.createDimension("x", 64)
        never_written(file)
    assert "more than it can hold" in answer(lambda: all_of(path), path)


@pytest.mark.parametrize("change", [without_days, numbers_as_units, no_such_date, far_away])
def test_products_with_other_days_than_there_must_be(tmp_path: Path, change: Callable[[netCDF4.Dataset], None]) -> None:
    path = test_cut_zones.write_product(tmp_path / "product.nc", test_cut_zones.sea(3))
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    assert isinstance(answer(lambda: RegionalProduct([path]), path), str)


@given(st.binary(max_size=200), st.sampled_from([b"", b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n"]))
def test_files_that_only_begin_like_netcdf(tmp_path: Path, content: bytes, magic: bytes) -> None:
    path = tmp_path / "data_1.nc"
    path.write_bytes(magic + content)
    assert isinstance(answer(lambda: all_of(path), path), str)
