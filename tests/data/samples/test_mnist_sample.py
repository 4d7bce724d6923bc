"""The sample in place of MNIST: the same files, the same bytes every time, digits that look like digits."""

from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.data.mnist import FILES, read_digits
from pipeline_lib.data.samples.mnist import enlarge, make

pytest.importorskip("sklearn", reason="the sample is made from scikit-learn's digits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mnist_sample")
    make(folder)
    return folder


def test_the_four_files_hold_all_digits_once(folder: Path) -> None:
    from sklearn.datasets import load_digits

    assert {path.name for path in folder.iterdir()} == {name for names in FILES.values() for name in names}
    (train, train_labels), (test, test_labels) = (read_digits(folder, part) for part in FILES)
    assert (len(train), len(test)) == (1439, 358)
    small, labels = load_digits(return_X_y=True)
    np.testing.assert_array_equal(np.concatenate([train_labels, test_labels]), labels)
    np.testing.assert_array_equal(np.concatenate([train, test]), enlarge(small.reshape(-1, 8, 8).astype(np.uint8)))
    assert set(train_labels) == set(test_labels) == set(range(10))


def test_the_same_bytes_come_again(folder: Path, tmp_path: Path) -> None:
    make(tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_digits_stand_as_those_of_mnist(folder: Path) -> None:
    """20x20 in a black border of 4, the full range of grey, about as much ink."""
    images, _ = read_digits(folder, "train")
    inked = images.any(axis=0)
    assert np.flatnonzero(inked.any(axis=1)).tolist() == list(range(4, 24))
    assert np.flatnonzero(inked.any(axis=0)).tolist() == list(range(4, 24))
    assert images.max() == 255
    assert 0.1 < images.mean() / 255 < 0.2


def test_enlarging_is_linear_interpolation() -> None:
    """Against the formula pixel by pixel, on the grid of pixel centres, black beyond the border."""
    small = np.random.default_rng(0).integers(0, 17, (1, 8, 8), dtype=np.uint8)
    padded = np.pad(small[0].astype(np.float64), 1)

    def at(row: float, column: float) -> float:
        i, j = int(np.floor(row)), int(np.floor(column))
        a, b = row - i, column - j
        rows = (1 - a) * padded[i + 1, j + 1 : j + 3] + a * padded[i + 2, j + 1 : j + 3]
        return float((1 - b) * rows[0] + b * rows[1])

    expected = [[at((i + 0.5) * 0.4 - 0.5, (j + 0.5) * 0.4 - 0.5) * 255 / 16 for j in range(20)] for i in range(20)]
    np.testing.assert_allclose(enlarge(small)[0, 4:24, 4:24], expected, atol=0.5 + 1e-9)
