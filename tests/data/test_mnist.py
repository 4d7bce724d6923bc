"""MNIST's four files: images and labels that belong together."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.data.idx import write_idx
from pipeline_lib.data.mnist import FILES, read_digits, write_digits

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint64).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([7, 0, 9], np.uint8)


@pytest.mark.parametrize("part", ["train", "test"])
def test_what_is_written_is_read(tmp_path: Path, part: str) -> None:
    write_digits(tmp_path, part, IMAGES, LABELS)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES[part])
    images, labels = read_digits(tmp_path, part)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize(
    ("images", "labels", "complaint"),
    [
        (IMAGES, LABELS[:2], r"holds 3 images, but .*labels.* 2 labels"),
        (IMAGES, np.array([7, 10, 9], np.uint8), r"labels.* holds the label 10, expected are 0 to 9"),
        (IMAGES[:, :27], LABELS, r"images.* holds images \(3, 27, 28\), expected \(N, 28, 28\)"),
        (IMAGES[:0], LABELS[:0], r"images.* holds images \(0, 28, 28\)"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, complaint: str
) -> None:
    for name, array in zip(FILES["train"], (images, labels), strict=True):
        write_idx(tmp_path / name, array)
    with pytest.raises(ValueError, match=complaint):
        read_digits(tmp_path, "train")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz is not there"):
        read_digits(tmp_path, "test")


def test_the_real_files_hold_what_is_known_of_them() -> None:
    mirror = os.environ.get("PIPELINE_DATA_MIRROR")
    if not mirror or not (Path(mirror) / "mnist").is_dir():
        pytest.skip("needs PIPELINE_DATA_MIRROR to name a folder that holds mnist/")
    images, labels = read_digits(Path(mirror) / "mnist", "train")
    assert images.shape == (60_000, 28, 28)
    # Published facts: the first labels, the mean and the standard deviation of the training pixels.
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(images.mean() / 255, 4) == 0.1307 and round(images.std() / 255, 4) == 0.3081
    images, labels = read_digits(Path(mirror) / "mnist", "test")
    assert images.shape == (10_000, 28, 28)
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
