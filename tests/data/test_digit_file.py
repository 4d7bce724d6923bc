"""Prepared files of digits, and that neither kind of prepared file is taken for the other."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.data.digit_file import DigitFile, write_digit_file
from pipeline_lib.data.hdf5 import VideoDescription, VideoFile, write_videos
from pipeline_lib.data.prepared import PreparedFile

DESCRIPTION = VideoDescription(dataset="toy", part="train", source="random numbers", preparation={"n_digits": 2})
DIGITS = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
LABELS = np.arange(40, dtype=np.uint8) % 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_digit_file(tmp_path / "train.h5", DIGITS, LABELS, DESCRIPTION)
    return tmp_path / "train.h5"


def test_what_is_written_comes_back(path: Path) -> None:
    with DigitFile(path) as file:
        np.testing.assert_array_equal(file.read(), DIGITS)
        np.testing.assert_array_equal(file.array("labels"), LABELS)
        assert file.content_sha256 == hashlib.sha256(DIGITS.tobytes()).hexdigest()
        assert file.preparation == {"n_digits": 2} and file.attributes["source"] == "random numbers"
        file.check_content()
    assert list(path.parent.iterdir()) == [path]


def test_the_two_kinds_are_told_apart(path: Path, tmp_path: Path) -> None:
    video = np.zeros((2, 3, 1, 4, 4), np.float32)
    write_videos(tmp_path / "videos.h5", video.shape, [video], DESCRIPTION)
    with pytest.raises(ValueError, match=r"train\.h5 is a file of .*prepared digits, one of .*prepared videos is want"):
        VideoFile(path)
    with pytest.raises(ValueError, match=r"videos\.h5 is a file of .*prepared videos, one of .*prepared digits is wan"):
        DigitFile(tmp_path / "videos.h5")
    with PreparedFile(path) as digits, PreparedFile(tmp_path / "videos.h5") as videos:
        assert digits.summary == "40 digits (28, 28), of which videos are made as needed"
        assert videos.summary == "2 videos of 3 frames (1, 4, 4)"
        assert digits.content_sha256 != videos.content_sha256


def replace_digits(value: np.ndarray) -> Callable[[h5py.File], None]:
    def damage(file: h5py.File) -> None:
        del file["digits"]
        file["digits"] = value

    return damage


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda file: file.attrs.pop("complete"), "was not written to its end"),
        (lambda file: file.pop("digits"), "has no dataset 'digits'"),
        (replace_digits(DIGITS.astype(np.float32)), "holds 'digits' as float32 .* expected uint8"),
        (replace_digits(DIGITS[0]), r"holds 'digits' as uint8 \(28, 28\)"),
    ],
)
def test_damaged_files_are_refused_by_name(path: Path, damage: Callable[[h5py.File], None], complaint: str) -> None:
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(ValueError, match=rf"train\.h5 .*{complaint}"):
        DigitFile(path)


@pytest.mark.parametrize("kept", [0, 100, 0.5, -1])
def test_truncated_file_is_refused_by_name(path: Path, kept: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept % len(whole)])
    with pytest.raises(ValueError, match=r"train\.h5 is (damaged or truncated|not an HDF5 file)"):
        DigitFile(path)


def test_changed_content_is_found(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        digits = file["digits"][()]
        digits[39, 5, 5] ^= 1
        file["digits"][...] = digits
    with DigitFile(path) as file, pytest.raises(ValueError, match=r"train\.h5 holds other contents than were written"):
        file.check_content()
