"""idx files: what numpy has written, or a sentence that names the file."""

import gzip
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline_lib.data.idx import read_idx, write_idx
from pipeline_lib.data.mnist import FILES, read_digits, write_digits
from tests.properties.boundary import answer, damaged, files_in

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
LABELS = np.arange(5, dtype=np.uint8)


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)))
def test_what_is_written_is_read_again(tmp_path: Path, array: np.ndarray) -> None:
    write_idx(tmp_path / "a.gz", array)
    found = answer(lambda: read_idx(tmp_path / "a.gz", array.ndim), tmp_path / "a.gz")
    np.testing.assert_array_equal(found, array)
    header = np.array([0x800 + array.ndim, *array.shape], ">u4").tobytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == header + array.tobytes()
    assert files_in(tmp_path) == ["a.gz"]


@given(st.data())
def test_damaged_files_are_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.gz"
    write_idx(path, IMAGES)
    sound = path.read_bytes()
    path.write_bytes(data.draw(damaged(sound, 20)))
    found = answer(lambda: read_idx(path, 3), path)
    assert isinstance(found, str) or np.array_equal(found, IMAGES)  # gzip does not sum its own header


@given(
    st.lists(st.sampled_from([0, 1, 5, 28, 2**16, 2**31 - 1, 2**31, 2**32 - 1]), min_size=3, max_size=3), st.binary()
)
def test_headers_that_announce_anything_are_refused_before_memory_is_asked_for(
    tmp_path: Path, shape: list[int], values: bytes
) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(np.array([0x803, *shape], ">u4").tobytes() + values))
    found = answer(lambda: read_idx(path, 3), path)
    assert isinstance(found, str) or (found.shape == tuple(shape) and found.tobytes() == values)


@given(st.data(), st.sampled_from([0, 1]))
def test_digits_of_damaged_files_are_refused(tmp_path: Path, data: st.DataObject, which: int) -> None:
    write_digits(tmp_path, "train", IMAGES, LABELS)
    path = tmp_path / FILES["train"][which]
    inner = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data.draw(damaged(inner, 16)), mtime=0))
    found = answer(lambda: read_digits(tmp_path, "train"), path)
    if not isinstance(found, str):
        images, labels = found
        assert images.shape == IMAGES.shape and labels.shape == LABELS.shape and labels.max() < 10
