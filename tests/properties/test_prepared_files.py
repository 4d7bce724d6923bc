"""Prepared files: what was written, or a sentence that names the file."""

import tempfile
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline_lib.data.digit_file import DigitFile, write_digit_file
from pipeline_lib.data.hdf5 import BYTES, VideoFile, write_videos
from pipeline_lib.data.prepared import PreparedFile, VideoDescription
from tests.properties.boundary import answer, damaged

DESCRIPTION = VideoDescription("wave_eq", "test", "made for a test", {"seed": 1})


def all_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Everything that is read of a file of videos."""
    with VideoFile(path) as file:
        file.check_dataset("wave_eq", "test")
        assert file.preparation is not None and file.facts
        return file.read_stored(), file.array("extra")


def write(path: Path, videos: np.ndarray, extra: np.ndarray | None = None) -> None:
    arrays = {"extra": np.arange(len(videos)) if extra is None else extra}
    write_videos(path, videos.shape, [videos], DESCRIPTION, arrays, videos.dtype)


@cache
def sound_videos(dtype: type) -> bytes:
    """The bytes of a file of videos."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "a.h5", np.ones((3, 4, 1, 8, 8), dtype))
        return (Path(folder) / "a.h5").read_bytes()


@cache
def sound_digits() -> bytes:
    """The bytes of a file of digits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        write_digit_file(path, np.ones((6, 28, 28), np.uint8), np.zeros(6, np.uint8), DESCRIPTION)
        return path.read_bytes()


shapes = array_shapes(min_dims=5, max_dims=5, min_side=1, max_side=4)
videos = arrays(np.float32, shapes, elements=st.floats(0, 1, width=32)) | arrays(BYTES, shapes)


@given(videos)
def test_what_is_written_is_read_again(tmp_path: Path, made: np.ndarray) -> None:
    path = tmp_path / "test.h5"
    write(path, made)
    found, extra = answer(lambda: all_of(path), path)
    np.testing.assert_array_equal(found, made)
    np.testing.assert_array_equal(extra, np.arange(len(made)))
    with VideoFile(path) as file:
        file.check_content()
        expected = made / np.float32(255) if made.dtype == BYTES else made
        np.testing.assert_array_equal(file.read(0, len(made)), expected.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@given(data=st.data())
def test_damaged_files_are_refused_or_hold_the_shape_that_they_say(
    tmp_path: Path, dtype: type, data: st.DataObject
) -> None:
    path = tmp_path / "test.h5"
    path.write_bytes(data.draw(damaged(sound_videos(dtype))))
    found = answer(lambda: all_of(path), path)
    assert isinstance(found, str) or found[0].ndim == 5


def checked(path: Path) -> None:
    with DigitFile(path) as file:
        file.check_content()
        file.array("labels")
        file.read()


@given(data=st.data())
def test_damaged_digits_are_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "train.h5"
    path.write_bytes(data.draw(damaged(sound_digits())))
    answer(lambda: checked(path), path)


@pytest.mark.parametrize("name", ["dataset", "part", "source", "preparation", "content_sha256", "format", "complete"])
@pytest.mark.parametrize("value", [None, 7, np.arange(3), b"\xff\xfe", h5py.Empty("f4"), "[1]", "no JSON"])
def test_attributes_are_what_they_must_be(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "test.h5"
    write(path, np.ones((1, 2, 1, 3, 3), np.float32))
    with h5py.File(path, "r+") as file:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value
    said = answer(lambda: all_of(path), path)
    assert isinstance(said, str) or name == "complete" or isinstance(value, str)


def replace(path: Path, name: str, **how: object) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        if "link" in how:
            file[name] = how["link"]
        elif "group" in how:
            file.create_group(name)
        else:
            file.create_dataset(name, **how)


HUGE = (2**20, 2**10, 1, 64, 64)
HOSTILE = {
    "announced and never written": {"shape": HUGE, "dtype": "f4"},
    "chunks that are not there": {"shape": HUGE, "dtype": "u1", "chunks": (1, 2**10, 1, 64, 64), "compression": "gzip"},
    "in another file": {"link": h5py.ExternalLink("other.h5", "video")},
    "bytes of another file": {"shape": (1, 1, 1, 4, 4), "dtype": "u1", "external": [("/etc/passwd", 0, 16)]},
    "a link to nothing": {"link": h5py.SoftLink("/nowhere")},
    "a group": {"group": True},
    "texts": {"data": np.full((1, 1, 1, 1, 1), b"text")},
    "no values": {"data": h5py.Empty("f4")},
    "a single number": {"data": 1.0},
}


@pytest.mark.parametrize("name", ["video", "extra"])
@pytest.mark.parametrize("how", HOSTILE.values(), ids=HOSTILE)
def test_datasets_that_are_not_in_the_file_are_refused(tmp_path: Path, name: str, how: dict[str, object]) -> None:
    path = tmp_path / "test.h5"
    for each in (path, tmp_path / "other.h5"):
        write(each, np.ones((1, 2, 1, 3, 3), np.float32))
    replace(path, name, **how)
    found = answer(lambda: all_of(path), path)
    assert isinstance(found, str) or (name == "extra" and found[1].dtype.kind == "S")


def test_the_summary_is_of_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "test.h5", np.ones((2, 3, 1, 4, 5), np.float32))
    with PreparedFile(tmp_path / "test.h5") as file:
        assert file.summary == "2 videos of 3 frames (1, 4, 5)"
