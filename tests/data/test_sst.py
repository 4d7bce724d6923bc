"""SST from zone files to prepared ones: the plain loop's numbers, the way back to °C, windows, faults."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.config.sst import SstPreparation, SstSettings
from pipeline_lib.data import sst
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.resident import training_windows
from pipeline_lib.data.sst_normalisation import denormalise, normalise, statistics_of
from pipeline_lib.data.streamed import test_windows as streamed_windows
from tests.data.sst_files import climatology, dates, temperatures, write_zone
from tests.reference import sst as reference

N_DAYS, N_TRAIN = 33, 26  # int(0.8 * 33)
TRAIN_ZONES, TEST_ZONES = (1, 2, 17), (17, 18)
ZONES = (1, 2, 17, 18)
STATISTICS = ("climatology_mean", "climatology_std", "spatial_mean", "spatial_std")


def settings(**other) -> SstSettings:
    made = SstPreparation(train_zones=TRAIN_ZONES, test_zones=TEST_ZONES, **other)
    return SstSettings(preparation=made, windows="published")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four zones, one of them packed."""
    folder = tmp_path_factory.mktemp("raw")
    for zone in ZONES:
        packed = {"packed": 0.01} if zone == 18 else {}
        write_zone(folder / f"data_{zone}.nc", temperatures(N_DAYS, seed=zone), **packed)
    return folder


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    sst.prepare(settings(), folder / "train.h5", folder / "test.h5", code_version="abc", raw=raw)
    return folder


def stored(zone: int) -> np.ndarray:
    """What the raw file of a zone holds [°C]."""
    values = temperatures(N_DAYS, seed=zone)
    return np.round((values - 20) / 0.01) * 0.01 + 20 if zone == 18 else values.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(
    ("part", "zones", "days"), [("train", TRAIN_ZONES, slice(0, N_TRAIN)), ("test", TEST_ZONES, slice(N_TRAIN, N_DAYS))]
)
def test_both_parts_hold_what_the_plain_loop_makes(prepared: Path, part: str, zones: tuple, days: slice) -> None:
    with VideoFile(prepared / f"{part}.h5") as file:
        assert (file.n_videos, file.n_frames, file.frame_shape) == (len(zones), days.stop - days.start, (1, 64, 64))
        assert file.attributes["dataset"] == "sst" and file.attributes["part"] == part
        assert file.attributes["code_version"] == "abc"
        assert sorted(zone for zone in ZONES if f'"data_{zone}.nc"' in file.attributes["raw_sha256"]) == list(ZONES)
        assert file.preparation == settings().preparation.model_dump(mode="json")
        np.testing.assert_array_equal(file.array("zone"), zones)
        assert file.array("date").astype(str).tolist() == [str(day) for day in dates(N_DAYS)[days]]
        for k, zone in enumerate(zones):
            normalised, statistics = reference.normalise(stored(zone), *climatology(N_DAYS))
            np.testing.assert_allclose(file.read(k, k + 1)[0, :, 0], normalised[days], rtol=0, atol=1e-6)
            for name in STATISTICS:
                np.testing.assert_allclose(file.array(name)[k], statistics[name][days], rtol=1e-10, err_msg=name)
            extremes = [
                file.array(f"{of}_{end}")[k] for of in ("temperature", "normalised") for end in ("minimum", "maximum")
            ]
            expected = [stored(zone).min(), stored(zone).max(), normalised.min(), normalised.max()]
            np.testing.assert_allclose(extremes, expected, rtol=1e-10)
        file.check_content()


def test_every_frame_has_mean_0_and_standard_deviation_1(prepared: Path) -> None:
    with VideoFile(prepared / "train.h5") as file:
        frames = file.read(0, file.n_videos).astype(np.float64)
    assert abs(frames.mean(axis=(2, 3, 4))).max() < 1e-6 and abs(frames.std(axis=(2, 3, 4)) - 1).max() < 1e-6


def test_there_and_back_is_exact_to_the_rounding_of_doubles() -> None:
    """Within 1e-12 °C, in both directions."""
    values = temperatures(40)
    statistics = statistics_of(values, *climatology(40))
    normalised = normalise(values, statistics)
    np.testing.assert_allclose(denormalise(normalised, statistics), values, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        normalise(denormalise(normalised, statistics), statistics), normalised, rtol=0, atol=1e-12
    )


def test_the_file_takes_one_back_to_the_raw_temperatures(prepared: Path, raw: Path) -> None:
    """What it costs to store normalised frames as float32."""
    with VideoFile(prepared / "test.h5") as file:
        index = DATASETS["sst"].windows
        windows = load(index)(file, settings(), file.n_frames, "all")
        frames = file.read_windows(windows)
        celsius = load(str(DATASETS["sst"].show))(file, windows, frames, 0)
        later = load(str(DATASETS["sst"].show))(file, windows, frames[:, 3:], 3)
    for k, zone in enumerate(TEST_ZONES):
        np.testing.assert_allclose(celsius[k, :, 0], stored(zone)[N_TRAIN:], rtol=0, atol=3e-6)
    np.testing.assert_array_equal(later, celsius[:, 3:])


def test_windows_are_all_or_begin_on_the_third_day(prepared: Path) -> None:
    """N - n_cond - n_pred - 1 of them in each zone, in training too."""
    length = 5
    with VideoFile(prepared / "test.h5") as file:
        windows, sets = streamed_windows(file, settings(), 2, 3, ["all", "published"])
        n = N_DAYS - N_TRAIN
        assert windows.n_windows == len(sets["all"]) == 2 * (n - length + 1)
        starts = windows.index.start[sets["published"]]
        assert len(starts) == 2 * (n - length - 1) and set(starts.tolist()) == {2}
        assert windows.index.video[sets["published"]].tolist() == [0, 1]
    for chosen, n_windows in (("all", N_TRAIN - length + 1), ("published", N_TRAIN - length - 1)):
        of_set = settings().model_copy(update={"windows": chosen})
        training = training_windows(prepared / "train.h5", of_set, length, torch.device("cpu"), 0)
        assert training.n_windows == len(TRAIN_ZONES) * n_windows
        foretold = settings(n_days=N_DAYS).model_copy(update={"windows": chosen})
        assert foretold.n_training_windows(length) == training.n_windows
        assert foretold.n_training_windows(N_TRAIN + 1) == 0
        first = training.batch(0, np.array([0]))[0]
        with VideoFile(prepared / "train.h5") as file:
            start = 0 if chosen == "all" else 2
            np.testing.assert_array_equal(first.numpy(), file.read(0, 1)[0, start : start + length])


def test_where_the_published_loader_sees_nothing_it_is_said(prepared: Path) -> None:
    with (
        VideoFile(prepared / "test.h5") as file,
        pytest.raises(ValueError, match="sees no window of 6 frames in 7 days"),
    ):
        streamed_windows(file, settings(), 3, 3, ["published"])


def test_context_is_that_of_the_predicted_days(prepared: Path) -> None:
    n_cond = 2
    with VideoFile(prepared / "test.h5") as file:
        windows, _ = streamed_windows(file, settings(), n_cond, 3, ["all"])
        known = windows.context(1, 5)
        for number in range(1, 5):
            video, start = windows.index.video[number], windows.index.start[number]
            for name in STATISTICS:
                expected = file.array(name)[video, start + n_cond : start + 5]
                np.testing.assert_array_equal(known[name][number - 1], expected)
            for name in ("temperature_minimum", "temperature_maximum", "normalised_minimum", "normalised_maximum"):
                assert known[name][number - 1] == file.array(name)[video]


def test_the_size_on_disk_is_foretold(prepared: Path) -> None:
    size = sum((prepared / part).stat().st_size for part in ("train.h5", "test.h5"))
    assert size == pytest.approx(settings(n_days=N_DAYS).prepared_bytes, rel=0.02)
    assert settings().prepared_bytes is None and settings().n_training_windows(5) is None


def test_progress_counts_zones_and_a_second_preparation_is_the_same(raw: Path, prepared: Path, tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    sst.prepare(
        settings(), tmp_path / "train.h5", tmp_path / "test.h5", progress=lambda *done: reported.append(done), raw=raw
    )
    assert reported == [(done, 5) for done in range(1, 6)]
    for part in ("train.h5", "test.h5"):
        with VideoFile(tmp_path / part) as again, VideoFile(prepared / part) as first:
            assert again.content_sha256 == first.content_sha256


def test_fewer_days_are_the_first_ones(raw: Path, tmp_path: Path) -> None:
    sst.prepare(settings(n_days=10), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert (train.n_frames, test.n_frames) == (8, 2)
        assert test.array("date").astype(str).tolist() == [str(day) for day in dates(10)[8:]]
        assert test.array("temperature_maximum")[0] == stored(17)[:10].max()


# Faults: the error names the file, and nothing is left


def failing(raw: Path, tmp_path: Path, spoil: Callable[[Path], object], **other) -> str:
    folder, out = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    for path in raw.iterdir():
        (folder / path.name).symlink_to(path)
    spoilt = folder / "data_18.nc"  # the last one that is read
    spoilt.unlink()
    spoil(spoilt)
    with pytest.raises(ValueError) as caught:
        sst.prepare(settings(**other), out / "train.h5", out / "test.h5", raw=folder)
    assert not out.exists() or list(out.iterdir()) == []
    assert str(spoilt) in str(caught.value)
    return str(caught.value)


def test_a_zone_that_is_missing_is_named(raw: Path, tmp_path: Path) -> None:
    assert "data_18.nc is not there" in failing(raw, tmp_path, lambda path: None)


def test_zones_of_different_lengths_are_an_error(raw: Path, tmp_path: Path) -> None:
    message = failing(raw, tmp_path, lambda path: write_zone(path, temperatures(N_DAYS - 1)))
    assert (
        f"data_18.nc holds 32 days, {tmp_path / 'raw' / 'data_1.nc'} 33: all zones must have the same days" in message
    )


def test_fewer_days_than_are_wanted_are_an_error(raw: Path, tmp_path: Path) -> None:
    message = failing(raw, tmp_path, lambda path: write_zone(path, temperatures(20)), n_days=25)
    assert "holds 20 days, fewer than the 25 of dataset.preparation.n_days" in message


def test_a_day_without_values_is_named(raw: Path, tmp_path: Path) -> None:
    values = temperatures(N_DAYS)
    values[31, 5, 5] = np.nan
    assert "thetao of day 31 (2007-01-28) holds NaN" in failing(raw, tmp_path, lambda path: write_zone(path, values))


def test_a_day_that_is_the_same_everywhere_is_named(raw: Path, tmp_path: Path) -> None:
    values = temperatures(N_DAYS)
    values[4] = 0.0
    message = failing(raw, tmp_path, lambda path: write_zone(path, values))
    assert "thetao of day 4 (2007-01-01) is the same everywhere" in message


def test_a_truncated_file_is_named(raw: Path, tmp_path: Path) -> None:
    whole = (raw / "data_17.nc").read_bytes()
    message = failing(raw, tmp_path, lambda path: path.write_bytes(whole[: len(whole) // 2]))
    assert "is a damaged or truncated netCDF file" in message


def test_one_day_in_kelvins_is_an_error_that_names_it_though_no_unit_is_given(tmp_path: Path) -> None:
    values = temperatures(40)
    values[33] += 273.15
    path = write_zone(tmp_path / "data_3.nc", values)
    with pytest.raises(ValueError, match=r"data_3\.nc: thetao of day 33 \(2007-01-30\) goes from 2.*kelvins"):
        sst.read_facts(path, dates(1)[0], None)
