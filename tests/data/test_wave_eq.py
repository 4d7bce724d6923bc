"""WaveEq and WaveEq-100 against the plain loop; the draws, the disc, the files."""

import hashlib
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.config.wave_eq import WaveEq100Preparation, WaveEq100Settings, WaveEqPreparation, WaveEqSettings
from pipeline_lib.data import wave_eq
from pipeline_lib.data.hdf5 import VideoFile
from tests.reference import wave_eq as reference

SMALL = {"n_simulations": 6, "n_train_simulations": 4}


def simulated(source_amplitude: np.ndarray, wave_speed: np.ndarray) -> np.ndarray:
    """All frames of n simulations, (300, n, 64, 64), border included."""
    inner = np.concatenate([block.copy() for block in wave_eq.simulate(source_amplitude, wave_speed)])
    return np.pad(inner, ((0, 0), (0, 0), (2, 2), (2, 2)))


@pytest.fixture(scope="module")
def published_parameters() -> tuple[np.ndarray, np.ndarray]:
    return wave_eq.draw_parameters(300, seed=42)


@pytest.mark.parametrize("number", [0, 1, 299])
def test_equals_the_step_by_step_loop(number: int, published_parameters: tuple[np.ndarray, np.ndarray]) -> None:
    source_amplitude, wave_speed = (values[number : number + 1] for values in published_parameters)
    ours = simulated(source_amplitude, wave_speed)[:, 0]
    plain = reference.simulate(source_amplitude[0], wave_speed[0])
    exact = reference.simulate(source_amplitude[0], wave_speed[0], np.float64)
    largest = np.abs(plain).max()
    assert ours.shape == plain.shape == (300, 64, 64)
    assert np.abs(ours - plain).max() <= 1e-5 * largest
    # Most of that is the plain loop's own rounding.
    assert np.abs(ours - exact).max() <= 2e-6 * largest


def test_simulations_of_a_batch_do_not_touch_each_other(published_parameters: tuple[np.ndarray, np.ndarray]) -> None:
    source_amplitude, wave_speed = (values[:7] for values in published_parameters)
    videos = np.concatenate(list(wave_eq.simulate_videos(source_amplitude, wave_speed)))
    assert videos.shape == (7, 150, 1, 64, 64) and videos.dtype == np.float32
    for number in (0, 3, 4, 6):
        plain = reference.scaled(reference.simulate(source_amplitude[number], wave_speed[number]))
        np.testing.assert_allclose(videos[number, :, 0], plain, rtol=0, atol=1e-5)


def test_videos_are_scaled_by_the_extremes_of_all_frames(
    published_parameters: tuple[np.ndarray, np.ndarray],
) -> None:
    source_amplitude, wave_speed = (values[:12] for values in published_parameters)
    every_frame = simulated(source_amplitude, wave_speed)
    low, high = (extreme(axis=(0, 2, 3)) for extreme in (every_frame.min, every_frame.max))
    videos = wave_eq.scaled_videos(source_amplitude, wave_speed)
    for number, video in enumerate(videos):
        expected = (every_frame[::2, number] - low[number]) / (high[number] - low[number])
        np.testing.assert_allclose(video[:, 0], expected, rtol=0, atol=1e-6)
    # Some reach an extreme in a frame that is not kept, so that it matters which frames are looked at.
    assert 0 <= videos.min() and videos.max() <= 1 and videos.max(axis=(1, 2, 3, 4)).min() < 0.9999


def test_prepared_videos_do_not_depend_on_the_source_amplitude() -> None:
    """The equation is linear in f0, and each simulation is scaled by itself."""
    videos = np.concatenate(list(wave_eq.simulate_videos(np.array([1.0, 7.0, 30.0]), np.full(3, 350.0))))
    np.testing.assert_allclose(videos[1], videos[0], rtol=0, atol=5e-6)
    np.testing.assert_allclose(videos[2], videos[0], rtol=0, atol=5e-6)


def test_source_acts_on_69_pixels() -> None:
    disc = wave_eq.disc()
    assert disc.shape == (64, 64) and disc.sum() == 69
    # Strictly within 5: (37, 32) is exactly 5 away.
    assert disc[36, 32] and not disc[37, 32] and not disc[32, 27] and disc[35, 35] and not disc[36, 35]


def test_parameters_are_drawn_amplitude_first() -> None:
    source_amplitude, wave_speed = wave_eq.draw_parameters(300, seed=42)
    generator = np.random.RandomState(42)
    for number in range(300):
        assert source_amplitude[number] == generator.uniform(1, 30)
        assert wave_speed[number] == generator.uniform(300, 400)
    # 0.3745 and 0.9507 are the first two uniform numbers of that generator.
    assert source_amplitude[0] == pytest.approx(1 + 29 * 0.3745401188473625)
    assert wave_speed[0] == pytest.approx(300 + 100 * 0.9507143064099162)


def test_published_pixels() -> None:
    rows, columns = wave_eq.draw_pixels(100, seed=42)
    assert rows.shape == columns.shape == (100,)
    assert rows[:6].tolist() == [38, 51, 28, 14, 42, 7]
    assert columns[:6].tolist() == [62, 17, 25, 43, 33, 9]
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 99  # one pixel comes twice


def test_time_grid_has_rounded_steps() -> None:
    times = wave_eq.time_grid()
    assert times.dtype == np.float32 and times.shape == (300,)
    assert times[137] == np.float32(0.137)
    assert len(np.unique(np.diff(times))) > 1


def test_small_preparation_holds_the_first_simulations(tmp_path: Path) -> None:
    settings = WaveEqSettings(preparation=WaveEqPreparation(**SMALL))
    wave_eq.prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5", code_version="abc")
    source_amplitude, wave_speed = wave_eq.draw_parameters(300, seed=42)
    plain = [reference.scaled(reference.simulate(source_amplitude[i], wave_speed[i])) for i in (0, 5)]
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert (train.n_videos, test.n_videos) == (4, 2)
        assert train.n_frames == test.n_frames == 150 and train.frame_shape == test.frame_shape == (1, 64, 64)
        np.testing.assert_array_equal(train.array("source_amplitude"), source_amplitude[:4])
        np.testing.assert_array_equal(test.array("wave_speed"), wave_speed[4:6])
        np.testing.assert_allclose(train.read(0, 1)[0, :, 0], plain[0], rtol=0, atol=1e-5)
        np.testing.assert_allclose(test.read(1, 2)[0, :, 0], plain[1], rtol=0, atol=1e-5)
        assert train.attributes["dataset"] == "wave_eq"
        assert (train.attributes["part"], test.attributes["part"]) == ("train", "test")
        assert train.attributes["code_version"] == "abc" and train.attributes["published_frame_width"] == 64
        assert train.preparation == {"n_simulations": 6, "n_train_simulations": 4, "seed": 42}
        train.check_content()


def test_wave_eq_100_holds_the_drawn_pixels_of_wave_eq(tmp_path: Path) -> None:
    full, sampled = WaveEqPreparation(**SMALL), WaveEq100Preparation(**SMALL)
    wave_eq.prepare(WaveEqSettings(preparation=full), tmp_path / "train.h5", tmp_path / "test.h5")
    wave_eq.prepare(WaveEq100Settings(preparation=sampled), tmp_path / "train_100.h5", tmp_path / "test_100.h5")
    rows, columns = wave_eq.draw_pixels(100, seed=42)
    for part, n_videos in (("train", 4), ("test", 2)):
        with VideoFile(tmp_path / f"{part}.h5") as whole, VideoFile(tmp_path / f"{part}_100.h5") as pixels:
            assert pixels.frame_shape == (1, 1, 100) and pixels.n_videos == n_videos
            np.testing.assert_array_equal(pixels.array("pixel_rows"), rows)
            np.testing.assert_array_equal(pixels.array("pixel_columns"), columns)
            videos, vectors = whole.read(0, n_videos), pixels.read(0, n_videos)
            for k in (0, 1, 57, 99):
                np.testing.assert_array_equal(vectors[:, :, 0, 0, k], videos[:, :, 0, rows[k], columns[k]])


def test_preparing_twice_gives_the_same_content_and_reports_progress(tmp_path: Path) -> None:
    settings = WaveEq100Settings(preparation=WaveEq100Preparation(**SMALL, n_pixels=10))
    reported: list[tuple[int, int]] = []
    digests = []
    for name in ("first", "second"):
        path = tmp_path / name / "train.h5"
        wave_eq.prepare(settings, path, tmp_path / name / "test.h5", progress=lambda *done: reported.append(done))
        with VideoFile(path) as videos:
            digests.append(videos.content_sha256)
        with h5py.File(path) as file:
            assert hashlib.sha256(file["video"][()].tobytes()).hexdigest() == digests[-1]
    assert digests[0] == digests[1]
    assert reported == [(4, 6), (6, 6)] * 2


def test_memory_does_not_grow_with_the_number_of_simulations(tmp_path: Path) -> None:
    peaks = []
    for n_simulations in (16, 64):
        preparation = WaveEqPreparation(n_simulations=n_simulations, n_train_simulations=n_simulations - 4)
        settings = WaveEqSettings(name="wave_eq", preparation=preparation)
        tracemalloc.start()
        wave_eq.prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]  # all at once would take four times as much
