"""Windows of the pedestrians: four of each video, another disturbance in every epoch, and what is known of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.config.pedestrians import PedestriansSettings
from pipeline_lib.data.complete_video import context, write_complete_videos
from pipeline_lib.data.drift import draw_disturbance
from pipeline_lib.data.hdf5 import BYTES, VideoDescription, VideoFile, write_videos
from pipeline_lib.data.pedestrian_windows import PedestrianWindows, training_windows
from pipeline_lib.data.protocols import TruthfulWindows
from pipeline_lib.data.streamed import test_windows as windows_of_test
from pipeline_lib.runtime.seeding import generator
from tests.reference import pedestrians as reference

SETTINGS = PedestriansSettings()
CPU = torch.device("cpu")
SIDE = 32


@pytest.fixture(scope="module")
def videos() -> np.ndarray:
    """(3, 15, 1, 32, 32): noise, so that no frame is another, nor its mirror image."""
    return np.random.default_rng(0).integers(1, 256, (3, 15, 1, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, videos: np.ndarray) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pedestrians")
    paths = {part: folder / f"{part}.h5" for part in ("train", "test")}
    missing = np.zeros((3, 15, 1), np.bool_)
    missing[[0, 2], [4, 9]] = True
    train, test = (VideoDescription("pedestrians", part, "made up", {}) for part in paths)
    write_videos(paths["train"], videos.shape, [videos], train, dtype=BYTES)
    write_complete_videos(paths["test"], 3, [{"video": videos, "complete": videos, "missing": missing}], test)
    return paths


@pytest.fixture
def windows(paths: dict[str, Path]) -> PedestrianWindows:
    return training_windows(paths["train"], SETTINGS, 15, CPU, 7)


def plain(videos: np.ndarray, k: int, drift: np.ndarray, blank: int) -> np.ndarray:
    """Window k (15, 1, 32, 32), from a video that is turned, drifts, and loses a frame."""
    frames = videos[k % 3, :, 0] / 255.0
    if k // 3 % 2:
        frames = frames[::-1]
    if k // 3 >= 2:
        frames = frames[:, :, ::-1]
    made = np.stack([reference.shift(frame, *(t * drift * SIDE / 2)) for t, frame in enumerate(frames)])
    if blank >= 0:
        made[blank] = 0
    return made[:, None]


def test_windows_are_reversed_mirrored_both_or_neither_then_drift_and_lose_a_frame(
    windows: PedestrianWindows, videos: np.ndarray
) -> None:
    assert isinstance(windows, TruthfulWindows) and windows.n_windows == 12
    drawn = draw_disturbance(generator(7, "videos", 2), 12, 10, 0.07)
    batch = windows.batch(2, np.array([0, 4, 8, 9]))
    assert batch.dtype == torch.float32 and batch.shape == (4, 15, 1, SIDE, SIDE)
    for made, k in zip(batch, (0, 4, 8, 9), strict=True):
        np.testing.assert_allclose(made, plain(videos, k, drawn.drift[k], drawn.blank[k]), atol=1e-5)


def test_a_window_is_the_same_in_every_batch_and_another_one_in_every_epoch(
    windows: PedestrianWindows, paths: dict[str, Path]
) -> None:
    whole = windows.batch(0, np.arange(12))
    other_epoch = windows.batch(1, np.arange(12))
    for k in (11, 3, 6):
        np.testing.assert_array_equal(windows.batch(0, np.array([k]))[0], whole[k])
        assert not torch.equal(whole[k], other_epoch[k])
    other_seed = training_windows(paths["train"], SETTINGS, 15, CPU, 8)
    assert not torch.equal(other_seed.batch(0, np.arange(12)), whole)
    resumed = training_windows(paths["train"], SETTINGS, 15, CPU, 7)
    np.testing.assert_array_equal(resumed.batch(1, np.arange(12)), other_epoch)


def test_of_all_windows_a_tenth_is_whole_and_no_frame_to_forecast_is_blanked(windows: PedestrianWindows) -> None:
    blanked = torch.cat([(windows.batch(epoch, np.arange(12)) == 0).all(dim=(2, 3, 4)) for epoch in range(40)])
    assert not blanked[:, 10:].any() and not blanked[:, 0].any()
    assert blanked.sum(dim=1).float().mean() == pytest.approx(0.9, abs=0.05)
    assert (blanked[:, 1:10].sum(dim=0) > 0).all()


def test_of_a_sample_the_truth_is_known(windows: PedestrianWindows, paths: dict[str, Path]) -> None:
    sample, truth = windows.sample(8, 15), windows.sample_truth(8, 15)
    assert set(truth) == {"complete", "missing"}
    assert truth["missing"].dtype == torch.bool and truth["missing"].shape == (8, 15, 1) and truth["missing"].any()
    missing = truth["missing"][..., 0]
    np.testing.assert_array_equal(sample[~missing], truth["complete"][~missing])
    assert (sample[missing] == 0).all() and (truth["complete"][missing] > 0).any()
    other_seed = training_windows(paths["train"], SETTINGS, 15, CPU, 8)
    np.testing.assert_array_equal(other_seed.sample(8, 15), sample)
    assert windows.sample(100, 12).shape == (12, 12, 1, SIDE, SIDE)


def test_shorter_windows_are_the_first_frames(paths: dict[str, Path]) -> None:
    whole = training_windows(paths["train"], SETTINGS, 15, CPU, 7).batch(0, np.arange(12))
    short = training_windows(paths["train"], SETTINGS, 12, CPU, 7).batch(0, np.arange(12))
    np.testing.assert_array_equal(short, whole[:, :12])
    with pytest.raises(ValueError, match="windows of 16 frames do not fit into videos of 15 frames"):
        training_windows(paths["train"], SETTINGS, 16, CPU, 7)


def test_baselines_see_what_training_sees_whatever_the_seed(paths: dict[str, Path]) -> None:
    first, second = (
        np.concatenate(list(training_windows(paths["train"], SETTINGS, 15, CPU, seed).videos(size)))
        for seed, size in ((3, 5), (4, 12))
    )
    assert first.dtype == np.float32 and first.shape == (12, 15, 1, SIDE, SIDE)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, training_windows(paths["train"], SETTINGS, 15, CPU, 0).batch(0, np.arange(12)))


def test_test_windows_are_the_stored_videos_and_their_context_is_cut_to_them(
    paths: dict[str, Path], videos: np.ndarray
) -> None:
    with VideoFile(paths["test"]) as file:
        windows, sets = windows_of_test(file, SETTINGS, 10, 4, ["all"])
        assert sets["all"].tolist() == [0, 1, 2]
        (batch,) = windows.batches(10)
        np.testing.assert_array_equal(batch, videos[:, :14].astype(np.float32) / np.float32(255))
        known = windows.context(1, 3)
        assert known["complete"].dtype == np.float32 and known["missing"].dtype == np.bool_
        np.testing.assert_array_equal(known["complete"], batch[1:])
        assert np.argwhere(known["missing"]).tolist() == [[1, 9, 0]]
        backwards = context(file, windows.index[np.array([2, 0])], 10)
        np.testing.assert_array_equal(backwards["complete"], batch[[2, 0]])
        with pytest.raises(ValueError, match=r"test\.h5: .* leave `published` out"):
            windows_of_test(file, SETTINGS, 10, 4, ["all", "published"])


def test_another_dataset_or_part_is_refused(paths: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="test part of pedestrians; the train part of pedestrians is wanted"):
        training_windows(paths["test"], SETTINGS, 15, CPU, 0)
