"""Raw files of TaxiBJ that are not what they should be: the file is named, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.data import taxibj
from pipeline_lib.data.taxibj_raw import FlowFile, date_text, write_flows
from tests.data import taxibj_raw_files as raw_files

BROKEN = "BJ15_M32x32_T30_InOut.h5"
DATES = raw_files.dates(BROKEN)
FLOWS = raw_files.flows(BROKEN, len(DATES))


def replaced(position: int, text: bytes) -> list[bytes]:
    """The dates of the file with another one at a position."""
    return [*DATES[:position], text, *DATES[position + 1 :]]


def with_value(value: float) -> np.ndarray:
    """The flows of the file with another value in the frame of 2016-01-01, slot 05, which belongs to a complete day."""
    flows = FLOWS.copy()
    flows[DATES.index(b"2016010105"), 1, 30, 2] = value
    return flows


def write(data: object, dates: object) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        raw_files.write(path, data, dates)

    return damage


def without(name: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with h5py.File(path, "a") as file:
            del file[name]

    return damage


def as_group(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["data"]
        file.create_group("data")["values"] = FLOWS


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100_000])


FAULTS = {
    "missing": (lambda path: path.unlink(), "does not exist"),
    "no HDF5": (lambda path: path.write_bytes(b"version https://git-lfs" * 99), "is not an HDF5 file"),
    "truncated": (truncated, "is damaged or truncated"),
    "empty": (lambda path: path.write_bytes(b""), "is not an HDF5 file"),
    "no date": (without("date"), r"has no dataset 'date', only \['data'\]"),
    "no data": (without("data"), r"has no dataset 'data', only \['date'\]"),
    "a group": (as_group, r"has no dataset 'data', only \['data', 'date'\]"),
    "twice": (write(FLOWS, replaced(5, DATES[4])), "holds 2015123005 twice: half hours must come once each"),
    "unordered": (
        write(FLOWS, [DATES[1], DATES[0], *DATES[2:]]),
        "holds 2015123001 after 2015123002: half hours must come once each, in order",
    ),
    "slot 00": (write(FLOWS, replaced(7, b"2015123000")), "date '2015123000', whose slot is not one of 01 to 48"),
    "slot 49": (write(FLOWS, replaced(7, b"2015123049")), "date '2015123049', whose slot is not one of 01 to 48"),
    "no such day": (write(FLOWS, replaced(7, b"2015023108")), "a date of the day 20150231, which is in no calendar"),
    "no such month": (write(FLOWS, replaced(7, b"2015133008")), "a date of the day 20151330, which is in no calendar"),
    "another form": (write(FLOWS, replaced(7, b"2015-12-30")), "the date '2015-12-30', expected is YYYYMMDDSS"),
    "too short": (write(FLOWS, replaced(7, b"201512308")), "the date '201512308', expected is YYYYMMDDSS"),
    "dates as numbers": (
        write(FLOWS, np.array([int(text) for text in DATES])),
        r"holds 'date' as int64 \(189,\), expected text YYYYMMDDSS",
    ),
    "two dates a frame": (write(FLOWS, np.array([DATES, DATES]).T), r"holds 'date' as \|S10 \(189, 2\), expected text"),
    "no frames": (write(FLOWS[:0], np.empty(0, "S10")), r"holds 'date' as \|S10 \(0,\), expected text"),
    "one channel": (write(FLOWS[:, :1], DATES), r"holds 'data' as float64 \(189, 1, 32, 32\), expected numbers"),
    "flat": (write(FLOWS.reshape(-1, 2048), DATES), r"holds 'data' as float64 \(189, 2048\), expected numbers"),
    "text": (write(np.full((189, 2, 32, 32), b"1"), DATES), r"holds 'data' as \|S1 \(189, 2, 32, 32\), expected"),
    "fewer dates": (write(FLOWS, DATES[:-1]), "holds 189 frames in 'data', but 188 half hours in 'date'"),
    "fewer frames": (write(FLOWS[:-1], DATES), "holds 188 frames in 'data', but 189 half hours in 'date'"),
    "NaN": (write(with_value(np.nan), DATES), "values that are not finite in the frame of 2016010105"),
    "infinite": (write(with_value(-np.inf), DATES), "values that are not finite in the frame of 2016010105"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "complaint"), FAULTS.values(), ids=FAULTS)
def test_a_broken_file_is_named_and_nothing_is_written(tmp_path, damage, complaint):
    raw = raw_files.write_raw(tmp_path / "raw")
    damage(raw / BROKEN)
    with pytest.raises(ValueError, match=rf"{BROKEN} .*{complaint}.*docs/datasets/taxibj.md"):
        taxibj.prepare(raw_files.settings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


def test_a_frame_that_is_not_finite_in_the_test_part_is_found_before_anything_is_written(tmp_path):
    raw = raw_files.write_raw(tmp_path / "raw")
    name = "BJ16_M32x32_T30_InOut.h5"
    with h5py.File(raw / name, "a") as file:
        file["data"][raw_files.dates(name).index(b"2016030640"), 0, 3, 3] = np.nan
    with pytest.raises(ValueError, match=rf"{name} holds values that are not finite in the frame of 2016030640"):
        taxibj.prepare(raw_files.settings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


def test_files_that_were_mixed_up_are_told(tmp_path):
    raw = raw_files.write_raw(tmp_path / "raw")
    (raw / BROKEN).write_bytes((raw / "BJ13_M32x32_T30_InOut.h5").read_bytes())
    complaint = rf"{BROKEN} begins with 2013102801, not after .*BJ14.*, which ends with 2014030348.*mixed up"
    with pytest.raises(ValueError, match=complaint):
        taxibj.prepare(raw_files.settings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


@pytest.mark.parametrize("n_test_windows", [713, 745, 751, 10_000])
def test_too_few_days_for_a_test_part_are_told(tmp_path, n_test_windows):
    """17 days in 8 runs have 752 windows; 712 of them leave the first day for training, more do not."""
    raw = raw_files.write_raw(tmp_path / "raw")
    paths = tmp_path / "train.h5", tmp_path / "test.h5"
    complaint = rf"raw holds 752 windows of 8 frames on complete days, .* the last {n_test_windows} and a day"
    with pytest.raises(ValueError, match=complaint):
        taxibj.prepare(raw_files.settings(8, n_test_windows), *paths, raw=raw)
    assert list(tmp_path.iterdir()) == [raw]
    taxibj.prepare(raw_files.settings(8, 712), *paths, raw=raw)
    assert all(path.is_file() for path in paths)


def test_flows_that_are_all_the_same_have_no_scale(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in raw_files.FIRST_DAYS:
        texts = raw_files.dates(name)
        raw_files.write(raw / name, np.full((len(texts), 2, 32, 32), -3.0), texts)
    with pytest.raises(ValueError, match="raw holds nothing but the value 0 in its first 666 frames"):
        taxibj.prepare(raw_files.settings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


def test_a_chunk_that_is_damaged_is_told(tmp_path):
    """The metadata of the file are sound, and its compressed values are not."""
    path = tmp_path / BROKEN
    half_hours = np.arange(735_962 * 48, 735_963 * 48)
    write_flows(path, half_hours, np.random.default_rng(0).integers(0, 999, (48, 2, 32, 32)))
    with h5py.File(path) as file:
        place = file["data"].id.get_chunk_info(0)
    with path.open("r+b") as raw:
        raw.seek(place.byte_offset + place.size // 2)
        raw.write(b"\0" * 64)
    with FlowFile(path) as file, pytest.raises(ValueError, match=rf"{BROKEN} is damaged"):
        file.read(0, 48)


@pytest.mark.parametrize("dtype", ["<f4", "<i8", ">f8"])
def test_numbers_and_text_may_be_stored_in_other_types(tmp_path, dtype):
    path = tmp_path / BROKEN
    with h5py.File(path, "w") as file:
        file["data"] = FLOWS.astype(dtype)
        file.create_dataset("date", data=[text.decode() for text in DATES], dtype=h5py.string_dtype())
    with FlowFile(path) as file:
        np.testing.assert_array_equal(file.read(3, 9), FLOWS[3:9])
        assert date_text(file.half_hours).tolist() == DATES


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / BROKEN
    half_hours = np.array([735_962 * 48 + 47, 735_963 * 48, 735_963 * 48 + 5])
    write_flows(path, half_hours, FLOWS[:3])
    with FlowFile(path) as file:
        np.testing.assert_array_equal(file.half_hours, half_hours)
        np.testing.assert_array_equal(file.read(0, 3), FLOWS[:3])
        assert file.dates.tolist() == [b"2015123048", b"2015123101", b"2015123106"]
    with h5py.File(path) as file:
        assert file["data"].dtype == np.float64 and file["date"].dtype == np.dtype("S10")
