"""Windows of chairs go around them, in training and in the test."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.config.chairs import ChairsSettings
from pipeline_lib.data.hdf5 import BYTES, VideoDescription, VideoFile, write_videos
from pipeline_lib.data.resident import training_windows
from pipeline_lib.data.streamed import test_windows as windows_of_test
from tests.reference import chairs as reference

SETTINGS = ChairsSettings()


@pytest.fixture(scope="module")
def videos() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 62, 3, 64, 64), dtype=np.uint8)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, videos: np.ndarray) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("chairs")
    paths = {part: folder / f"{part}.h5" for part in ("train", "test")}
    for part, path in paths.items():
        write_videos(path, videos.shape, [videos], VideoDescription("chairs", part, "made up", {}), dtype=BYTES)
    return paths


def window(videos: np.ndarray, k: int) -> np.ndarray:
    """Window k in the published order."""
    return reference.sequence(videos[k % 3], k // 3, 15).astype(np.float32) / np.float32(255)


def test_training_windows_begin_at_every_view_and_go_around(paths: dict[str, Path], videos: np.ndarray) -> None:
    windows = training_windows(paths["train"], SETTINGS, 15, torch.device("cpu"), 0)
    assert windows.n_windows == 3 * 62
    numbers = np.array([0, 1, 2, 3, 3 * 47 + 1, 3 * 48 + 2, 3 * 62 - 1])
    for made, k in zip(windows.batch(0, numbers), numbers, strict=True):
        np.testing.assert_array_equal(made, window(videos, k))
    assert windows.sample(8, 20).shape == (8, 20, 3, 64, 64)


def test_test_windows_are_the_same_ones(paths: dict[str, Path], videos: np.ndarray) -> None:
    with VideoFile(paths["test"]) as file:
        windows, sets = windows_of_test(file, SETTINGS, 5, 10, ["all"])
        assert windows.n_windows == 3 * 62 and sets["all"].tolist() == list(range(3 * 62))
        (batch,) = windows.batches(1000)
    for k in range(3 * 62):
        np.testing.assert_array_equal(batch[k], window(videos, k))
    items = [motion for motion, _, _ in reference.swap_items(videos, 5, 10)]
    np.testing.assert_array_equal(batch[:, :5], np.stack(items).astype(np.float32) / np.float32(255))


def test_a_window_may_be_the_whole_way_around_and_no_more(paths: dict[str, Path]) -> None:
    assert training_windows(paths["train"], SETTINGS, 62, torch.device("cpu"), 0).n_windows == 3 * 62
    with pytest.raises(ValueError, match=r"train\.h5: windows of 63 views would show some of a chair's 62 views twice"):
        training_windows(paths["train"], SETTINGS, 63, torch.device("cpu"), 0)


def test_there_are_no_windows_of_the_published_loader_s_own(paths: dict[str, Path]) -> None:
    with VideoFile(paths["test"]) as file, pytest.raises(ValueError, match=r"test\.h5: .* leave `published` out"):
        windows_of_test(file, SETTINGS, 5, 10, ["all", "published"])
