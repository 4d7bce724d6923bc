"""TaxiBJ's prepared files against half hours in dictionaries: frames, scale, split, order, and the week before."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.config.taxibj import TaxiBjSettings
from pipeline_lib.data import taxibj, taxibj_frames
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.streamed import test_windows as windows_to_test
from pipeline_lib.data.taxibj_windows import training_windows
from pipeline_lib.runtime.checksums import sha256_of
from tests.data import taxibj_raw_files as raw_files
from tests.reference import taxibj as reference

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return raw_files.write_raw(tmp_path_factory.mktemp("taxibj") / "raw")


def prepare(raw: Path, folder: Path, settings: TaxiBjSettings) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    paths = folder / "train.h5", folder / "test.h5"
    taxibj.prepare(settings, *paths, code_version="a commit", raw=raw)
    return paths


@pytest.fixture(
    scope="module",
    params=[(8, 150), (8, 230), (5, 40), (3, 300)],
    ids=lambda numbers: "{}_frames_{}_windows".format(*numbers),
)
def both(request: pytest.FixtureRequest, raw: Path, tmp_path_factory: pytest.TempPathFactory):
    """Settings, the two files, and what should be in them."""
    settings = raw_files.settings(*request.param)
    train, test = prepare(raw, tmp_path_factory.mktemp("prepared"), settings)
    return settings, train, test, reference.prepare(raw, *request.param)


def trained_on(train: Path, settings: TaxiBjSettings, window_set: str) -> np.ndarray:
    """All training windows of a set, as a training gets them."""
    chosen = settings.model_copy(update={"windows": window_set})
    opened = training_windows(train, chosen, settings.preparation.window_frames, CPU, 0)
    assert opened.frame_shape == (2, 32, 32) and opened.facts["part"] == "train"
    return opened.batch(0, np.arange(opened.n_windows)).numpy()


def test_training_windows_are_those_of_the_reference(both):
    settings, train, _, expected = both
    for window_set, windows in (("all", expected.train), ("published", expected.published_train)):
        np.testing.assert_array_equal(trained_on(train, settings, window_set), reference.stacked(expected, windows))
    assert len(expected.published_train) > len(expected.train) > 0


def test_test_windows_are_those_of_the_reference_in_both_orders(both):
    settings, _, test, expected = both
    n_cond = 2
    n_pred = settings.preparation.window_frames - n_cond
    with VideoFile(test) as file:
        windows, sets = windows_to_test(file, settings, n_cond, n_pred, ["published", "all"])
        found = np.concatenate(list(windows.batches(11)))
        context = windows.context(0, windows.n_windows)["week_before"]
    assert {name: ids.tolist() for name, ids in sets.items()} == {
        "all": list(range(len(expected.test))),
        "published": list(range(len(expected.test), 2 * len(expected.test))),
    }
    both_orders = [*expected.test, *expected.published_test]
    np.testing.assert_array_equal(found, reference.stacked(expected, both_orders))
    weeks_before = [[expected.week_before[time] for time in window[n_cond:]] for window in both_orders]
    np.testing.assert_allclose(context, weeks_before, rtol=0, atol=1e-6)


def test_no_training_frame_of_the_default_is_in_the_test_part(both):
    settings, train, test, expected = both
    test_times = {time for window in expected.test for time in window}
    with VideoFile(train) as of_train, VideoFile(test) as of_test:
        train_times = [reference.time_of(date) for date in of_train.array("date")]
        assert max(train_times) < min(test_times)
        windows_end = of_train.array("window_start").max() + settings.preparation.window_frames
        assert windows_end <= len(train_times)
        frames = of_train.read(0, 1)[0]
        np.testing.assert_array_equal(frames, np.float32([expected.frames[time] for time in train_times]))
        # Every kept frame before the test part is there, no other one.
        assert train_times == sorted(time for time in expected.frames if time < min(test_times))
        tested = of_test.read(0, 1)[0]
        border = of_train.array("border")
    seen = {frame.tobytes() for frame in frames}
    assert not seen & {frame.tobytes() for frame in tested}
    # What the published loader sees of it is kept apart, and only training on the published windows reads it.
    reached = sorted({time for window in expected.published_train for time in window} & test_times)
    np.testing.assert_array_equal(
        border, np.float32([expected.frames[time] for time in reached]).reshape(-1, 2, 32, 32)
    )
    mean_frame_sees = list(training_windows(train, settings, settings.preparation.window_frames, CPU, 0).videos(4))
    np.testing.assert_array_equal(mean_frame_sees, frames[None, None])


def test_what_the_files_say_of_themselves(both, raw):
    settings, train, test, expected = both
    with VideoFile(train) as of_train, VideoFile(test) as of_test:
        for file in (of_train, of_test):
            file.check_content()
            assert file.array("value_range").tolist() == [expected.low, expected.high]
            assert file.preparation == settings.preparation.model_dump()
            assert file.attributes["code_version"] == "a commit"
            sums = json.loads(file.attributes["raw_sha256"])
            assert sums == {name: sha256_of(raw / name) for name in raw_files.FIRST_DAYS}
        times = [reference.time_of(date) for date in of_test.array("date")]
        is_mean = [expected.is_mean[time] for time in times]
        assert of_test.array("week_before_is_mean").tolist() == is_mean
        source = of_test.attributes["source"]
    assert f"{sum(is_mean)} of its {len(times)} frames lack the frame a week before" in source
    assert f"{times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}" in source


def test_the_hand_made_files_have_what_can_go_wrong(raw):
    """Lost half hours at the beginning, in the middle and at the end of days, gaps in the test part, negative flows."""
    expected = reference.prepare(raw, 8, 230)
    assert len(expected.frames) == 48 * (3 + 2 + 2 + 10)
    days = sorted({time.date() for window in expected.test for time in window})
    assert days[-1] - days[0] > timedelta(days=len(days) - 1), "a day is missing in the midst of the test part"
    assert {True, False} == set(expected.is_mean.values())
    assert min(raw_files.flows(name, 2).min() for name in raw_files.FIRST_DAYS) < 0 == expected.low
    starts = [window[0] for window in expected.test]
    assert max(starts) == datetime(2016, 3, 7, 19, 30), "of the last run the last frame is in no window"


def test_windows_without_a_border_where_the_test_part_begins_a_run(raw, tmp_path):
    """The last four days are one run; a test part of just its windows shares no frame with others."""
    n_last_run = 4 * 48 - 8
    settings = raw_files.settings(8, n_last_run)
    train, _ = prepare(raw, tmp_path, settings)
    expected = reference.prepare(raw, 8, n_last_run)
    assert expected.train == [window[::-1] for window in expected.published_train]
    with VideoFile(train) as file:
        assert file.array("border").shape == (0, 2, 32, 32)
    np.testing.assert_array_equal(
        trained_on(train, settings, "published"), reference.stacked(expected, expected.published_train)
    )


def test_validation_sees_training_windows_alone_in_the_order_that_is_trained(both):
    settings, train, _, expected = both
    length = settings.preparation.window_frames
    for window_set, windows in (("all", expected.train), ("published", expected.published_train)):
        chosen = settings.model_copy(update={"windows": window_set})
        sample = training_windows(train, chosen, length, CPU, 0).sample(20, length).numpy()
        again = training_windows(train, chosen, length, CPU, 1).sample(20, length).numpy()
        np.testing.assert_array_equal(sample, again)
        known = {window.tobytes() for window in reference.stacked(expected, windows)}
        assert len(sample) == 20 and {window.tobytes() for window in sample} <= known


def test_windows_of_another_length_are_refused(both):
    settings, train, test, _ = both
    length = settings.preparation.window_frames
    with pytest.raises(
        ValueError, match=rf"train.h5: windows of 4 frames .* for those of {length}: set .*window_frames"
    ):
        training_windows(train, settings, 4, CPU, 0)
    with VideoFile(test) as file, pytest.raises(ValueError, match="test.h5: windows of 9 frames are asked for"):
        windows_to_test(file, settings, 4, 5, ["all"])


def test_the_contents_do_not_depend_on_how_many_frames_are_read_at_a_time(raw, tmp_path, monkeypatch):
    digests, reports = [], []
    for block in (48, 17, 10_000):
        monkeypatch.setattr(taxibj_frames, "BLOCK", block)
        monkeypatch.setattr(taxibj, "BLOCK", block)
        paths = tmp_path / f"{block}_train.h5", tmp_path / f"{block}_test.h5"
        taxibj.prepare(raw_files.settings(), *paths, lambda *done: reports.append(done), raw=raw)
        with VideoFile(paths[0]) as train, VideoFile(paths[1]) as test:
            digests.append((train.content_sha256, test.content_sha256, test.array("week_before").tobytes()))
            n_frames = train.n_frames + test.n_frames
    assert len(set(digests)) == 1
    done, total = reports[-1]
    assert done == total == 48 * 17 - 150 + n_frames


def test_a_failure_half_way_leaves_nothing(raw, tmp_path):
    def fail(done: int, total: int) -> None:
        if done > 48 * 17 - 150:  # all have been read once, and the test part is being written
            raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        taxibj.prepare(raw_files.settings(), tmp_path / "train.h5", tmp_path / "test.h5", fail, raw=raw)
    assert list(tmp_path.iterdir()) == []
