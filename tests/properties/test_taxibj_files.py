"""TaxiBJ's raw files: the flows, or a sentence that names the file, and no half-written dataset."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.data.taxibj import prepare
from pipeline_lib.data.taxibj_raw import FILES, FlowFile
from tests.data import taxibj_raw_files
from tests.properties.boundary import answer, damaged, files_in

DATES = np.array([f"20140301{slot:02d}".encode() for slot in range(1, 49)])


def all_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with FlowFile(path) as file:
        return file.half_hours, file.read(0, len(file.dates))


@given(
    st.lists(st.integers(0, 47), min_size=1, max_size=6, unique=True).map(sorted), st.sampled_from(["f4", "f8", "i2"])
)
def test_what_numpy_has_is_read(tmp_path: Path, slots: list[int], dtype: str) -> None:
    path, flows = tmp_path / "a.h5", np.arange(len(slots) * 2048).reshape(-1, 2, 32, 32).astype(dtype)
    taxibj_raw_files.write(path, flows, DATES[slots])
    half_hours, found = answer(lambda: all_of(path), path)
    np.testing.assert_array_equal(found, flows)
    np.testing.assert_array_equal(half_hours - half_hours[0], np.array(slots) - slots[0])


@given(st.data())
def test_damaged_files_are_refused_or_are_read_as_their_header_says(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.ones((48, 2, 32, 32)), compression="gzip")
        file["date"] = DATES
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    found = answer(lambda: all_of(path), path)
    assert isinstance(found, str) or found[1].shape == (len(found[0]), 2, 32, 32)


@given(st.lists(st.binary(min_size=1, max_size=12) | st.sampled_from(DATES.tolist()), min_size=1, max_size=4))
def test_dates_are_half_hours_or_refused(tmp_path: Path, dates: list[bytes]) -> None:
    path = tmp_path / "a.h5"
    taxibj_raw_files.write(path, np.ones((len(dates), 2, 32, 32)), np.array(dates))
    found = answer(lambda: all_of(path), path)
    stored = [date.rstrip(b"\0") for date in dates]
    assert isinstance(found, str) or (all(date.isdigit() and len(date) == 10 for date in stored))


HOSTILE = {
    "data that were never written": ("data", {"shape": (2**26, 2, 32, 32), "dtype": "f8"}),
    "dates that were never written": ("date", {"shape": (2**34,), "dtype": "S10"}),
    "dates of gigabytes each": ("date", {"shape": (48,), "dtype": "S2000000000"}),
    "bytes of another file": (
        "data",
        {"shape": (1, 2, 32, 32), "dtype": "f8", "external": [("/etc/passwd", 0, 2**14)]},
    ),
    "complex numbers": ("data", {"data": np.ones((48, 2, 32, 32), complex)}),
    "no dates": ("date", {"data": h5py.Empty("S10")}),
    "a single date": ("date", {"data": b"2014030101"}),
}


@pytest.mark.parametrize(("name", "how"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_announced_must_be_in_the_file(tmp_path: Path, name: str, how: dict[str, object]) -> None:
    path = tmp_path / "a.h5"
    taxibj_raw_files.write(path, np.ones((48, 2, 32, 32)), DATES)
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_dataset(name, **how)
    assert isinstance(answer(lambda: all_of(path), path), str)


@given(st.data(), st.sampled_from(FILES))
def test_a_damaged_file_leaves_no_dataset_half_written(tmp_path: Path, data: st.DataObject, name: str) -> None:
    raw, out = taxibj_raw_files.write_raw(tmp_path / "raw"), tmp_path / "out"
    (raw / name).write_bytes(data.draw(damaged((raw / name).read_bytes(), 4096)))
    settings = taxibj_raw_files.settings()
    found = answer(lambda: prepare(settings, out / "train.h5", out / "test.h5", raw=raw), raw)
    assert files_in(out) == ([] if isinstance(found, str) else ["test.h5", "train.h5"])
    for path in out.glob("*.h5"):
        path.unlink()
