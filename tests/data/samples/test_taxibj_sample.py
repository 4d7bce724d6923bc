"""The synthetic city: the raw format, the same bytes every time, days and weeks that look like days and weeks."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.config.taxibj import TaxiBjSampleSettings
from pipeline_lib.data import taxibj
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.samples.taxibj import PERIODS, make
from pipeline_lib.data.taxibj_raw import FILES, open_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taxibj_sample")
    make(folder)
    return folder


@pytest.fixture(scope="module")
def flows(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of the last file: half hours, and total inflow of each."""
    with open_files(folder) as files:
        return files[-1].half_hours, files[-1].read(0, len(files[-1].half_hours))[:, 0].sum(axis=(1, 2))


def test_the_four_files_have_the_raw_format(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    for name, period in zip(FILES, PERIODS, strict=True):
        with h5py.File(folder / name) as file:
            assert set(file) == {"data", "date"}
            assert file["data"].dtype == np.float64 and file["data"].shape[1:] == (2, 32, 32)
            assert file["date"].dtype == np.dtype("S10") and file["date"].shape == file["data"].shape[:1]
            assert file["date"][0] == f"{period.first:%Y%m%d}01".encode()
            values = file["data"][:100]
            assert (values >= 0).all() and (values == values.round()).all() and values.max() > 300


def test_there_are_enough_days_and_some_lack_half_hours(folder: Path) -> None:
    n_complete = n_incomplete = 0
    with open_files(folder) as files:
        for file in files:
            _, counts = np.unique(file.half_hours // 48, return_counts=True)
            n_complete += int((counts == 48).sum())
            n_incomplete += int((counts < 48).sum())
    assert (n_complete, n_incomplete) == (93, 5)


def test_the_same_bytes_come_again_and_others_from_another_seed(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "again")
    make(tmp_path / "other", seed=1)
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()


def test_the_test_part_leaves_thousands_of_training_windows_and_lacks_a_few_weeks_before(
    folder: Path, tmp_path: Path
) -> None:
    settings = TaxiBjSampleSettings()
    taxibj.prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5", raw=folder)
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert len(test.array("window_start")) == 1344
        assert (len(train.array("window_start")), len(train.array("published_window_start"))) == (3033, 3040)
        is_mean = test.array("week_before_is_mean")
        assert (is_mean.sum(), len(is_mean)) == (96, 1359)
        assert "synthetic city" in test.attributes["source"] and "96 of its 1,359 frames" in test.attributes["source"]
        assert test.attributes["dataset"] == "taxibj_sample"


def test_nights_are_quiet_and_weeks_repeat(flows: tuple[np.ndarray, np.ndarray]) -> None:
    half_hours, total = flows
    by_slot = [total[half_hours % 48 == slot].mean() for slot in range(48)]
    assert by_slot.index(min(by_slot)) in range(4, 12), "between two and six in the morning"
    assert max(by_slot) > 3 * min(by_slot)
    weekend = (half_hours // 48 - 1) % 7 >= 5
    morning = half_hours % 48 == 17
    assert total[morning & ~weekend].mean() > 1.1 * total[morning & weekend].mean()

    def error_to(n_before: int) -> float:
        """Mean squared difference to so many half hours before, where both are there."""
        places = np.searchsorted(half_hours, half_hours - n_before)
        there = half_hours[np.minimum(places, len(half_hours) - 1)] == half_hours - n_before
        return float(((total[there] - total[places[there]]) ** 2).mean())

    assert error_to(1) < error_to(336) < error_to(24), "half an hour, a week, half a day"
