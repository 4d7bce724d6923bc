"""The test sets with missing data: what the files hold, what is known of their windows, and faults of the raw files."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.missing_mnist import OutOfSceneSampleSettings, VaryingAppearanceSampleSettings
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data import missing_mnist
from pipeline_lib.data.complete_video import context, write_complete_videos
from pipeline_lib.data.digit_file import DigitFile
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.missing_mnist_draws import Draws
from pipeline_lib.data.mnist import read_digits, write_digits
from pipeline_lib.data.prepared import VideoDescription
from pipeline_lib.data.samples import mnist as mnist_sample
from pipeline_lib.data.streamed import test_windows as stored_windows
from tests.data import missing_digits, moving_digits
from tests.reference import missing_mnist as reference

N_VIDEOS, N_TRAIN = 30, 23


@pytest.fixture(scope="module", params=["occlusion", "out of scene", "varying, both axes"])
def prepared(request, tmp_path_factory):
    """Settings, and the folder that was prepared by them."""
    settings = missing_digits.settings(request.param)
    return settings, missing_digits.prepare(tmp_path_factory.mktemp("mnist"), settings)


def test_the_test_set_is_that_of_the_plain_loop_for_the_draws_that_it_holds(prepared) -> None:
    settings, folder = prepared
    images, labels = read_digits(folder / "raw", "train")
    with h5py.File(folder / "test.h5") as file:
        stored = {name: file[name][()] for name in file}
    assert stored["video"].shape == (N_VIDEOS, 20, 1, 64, 64)
    assert stored["digit_index"].min() >= N_TRAIN, "no training digits"
    np.testing.assert_array_equal(stored["label"], labels[stored["digit_index"]])
    noise = stored.get("noise", np.empty((N_VIDEOS, 2, 0, 28, 28), np.float32))
    draws = Draws(stored["digit_index"], stored["start"], stored["angle"], stored["first_missing"], noise)
    most = 1 if settings.n_elastic_axes else 0
    for n, digits in enumerate(missing_digits.plainly(draws, images, settings.n_missing)):
        plain = reference.video(digits, 20, settings.visible_rows)
        for name, values in (("video", plain.observed), ("complete", plain.complete), ("component", plain.alone)):
            assert abs(stored[name][n].squeeze(-3).astype(int) - values).max() <= most, name
        np.testing.assert_array_equal(stored["missing"][n], plain.missing)
        places = [reference.trajectory(digit.start, digit.angle, 20) for digit in digits]
        np.testing.assert_array_equal(stored["position"][n].swapaxes(0, 1), places)
    np.testing.assert_array_equal(stored["centre"], stored["position"] + np.float32(13.5))


def test_the_files_say_what_they_are(prepared) -> None:
    settings, folder = prepared
    with VideoFile(folder / "test.h5") as test, DigitFile(folder / "train.h5") as train:
        for file, part in ((test, "test"), (train, "train")):
            file.check_dataset(settings.name, part)
            file.check_content()
            assert file.attributes["code_version"] == "abc"
            assert file.preparation == settings.preparation.model_dump()
            assert set(json.loads(file.attributes["raw_sha256"])) == set(settings.raw_files)
        np.testing.assert_array_equal(train.read(), missing_digits.digits(folder)[:N_TRAIN])
        assert len(train.array("labels")) == N_TRAIN
    with h5py.File(folder / "test.h5") as file:
        for name in ("video", "complete", "component"):
            stored = file[name]
            assert (stored.dtype, stored.compression, stored.chunks) == (np.uint8, "gzip", (1, *stored.shape[1:]))


def test_windows_begin_with_their_videos_and_know_what_is_missing(prepared) -> None:
    settings, folder = prepared
    entry = DATASETS[settings.name]
    assert (settings.context, load(entry.context)) == ("complete_video", context)
    with VideoFile(folder / "test.h5") as file:
        windows, _ = stored_windows(file, settings, 8, 4, ["all"])
        assert windows.n_windows == N_VIDEOS
        known = windows.context(3, 9)
        assert {name: (values.shape, values.dtype.name) for name, values in known.items()} == {
            "complete": ((6, 12, 1, 64, 64), "float32"),
            "missing": ((6, 12, 2), "bool"),
            "component": ((6, 12, 2, 1, 64, 64), "float32"),
            "centre": ((6, 12, 2, 2), "float32"),
        }
        for name, values in known.items():
            white = np.float32(255) if name in ("complete", "component") else 1
            np.testing.assert_array_equal(values * white, file.array(name, 3, 9)[:, :12])
        scattered = windows.chosen(np.array([29, 0, 29])).context(0, 3)
        np.testing.assert_array_equal(scattered["missing"], file.array("missing")[[29, 0, 29], :12])
        with pytest.raises(ValueError, match="published.*out of evaluation.window_sets"):
            stored_windows(file, settings, 10, 10, ["published"])


def test_preparing_again_gives_the_same_content_whatever_the_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents, reported = [], []
    raw = missing_digits.write_raw(tmp_path / "raw")
    for name, batch, seed in (("first", 32, 42), ("second", 7, 42), ("other", 7, 43)):
        monkeypatch.setattr(missing_mnist, "BATCH_VIDEOS", batch)
        settings = missing_digits.settings("varying", n_test_videos=20, seed=seed)
        paths = tmp_path / name / "train.h5", tmp_path / name / "test.h5"
        missing_mnist.prepare(settings, *paths, lambda *done: reported.append(done), raw=raw)
        with h5py.File(paths[1]) as file:
            contents.append({name: file[name][()] for name in file})
    assert reported == [(20, 20), *([(7, 20), (14, 20), (20, 20)] * 2)]
    for name, values in contents[0].items():
        np.testing.assert_array_equal(contents[1][name], values)
    assert not np.array_equal(contents[2]["position"], contents[0]["position"])


def test_the_sample_is_prepared_from_its_own_digits(tmp_path: Path) -> None:
    mnist_sample.make(tmp_path / "raw")
    settings = OutOfSceneSampleSettings.model_validate({"preparation": {"n_test_videos": 5}})
    missing_mnist.prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5", raw=tmp_path / "raw")
    with VideoFile(tmp_path / "test.h5") as test, DigitFile(tmp_path / "train.h5") as train:
        assert test.attributes["dataset"] == "mnist_out_of_scene_sample" and "scikit-learn" in test.attributes["source"]
        assert len(train.read()) == settings.N_DIGITS * 4 // 5 == 1151
        assert 1151 <= test.array("digit_index").min() and test.array("digit_index").max() < settings.N_DIGITS


def test_the_size_on_disk_is_foretold(tmp_path: Path) -> None:
    mnist_sample.make(tmp_path / "raw")
    for name in (
        f"mnist_{scenario}_sample" for scenario in ("partial_occlusion", "out_of_scene", "varying_appearance")
    ):
        settings = DATASETS[name].settings.model_validate({"preparation": {"n_test_videos": 64}})
        paths = tmp_path / name / "train.h5", tmp_path / name / "test.h5"
        missing_mnist.prepare(settings, *paths, raw=tmp_path / "raw")
        size = sum(path.stat().st_size for path in paths)
        assert size == pytest.approx(settings.prepared_bytes, rel=0.4), "how well it compresses is not known"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_cond": 7}, r"task.n_cond is 7, and digits of \w+ may be missing in frames up to number 7.*at least 8"),
        ({"n_pred_test": 11}, r"n_pred_test is 21, and test videos of \w+ have 20 frames: raise .*n_test_frames"),
    ],
)
def test_tasks_that_do_not_fit_are_refused(changes, message) -> None:
    task = {"n_cond": 10, "n_pred": 10, "n_pred_test": 10}
    name = "mnist_varying_appearance"
    content = {"name": f"{name}/copy_last", "model": {"name": "copy_last"}, "dataset": {"name": name}}
    assert Experiment.model_validate({**content, "task": task}).dataset.n_missing == 1
    with pytest.raises(ValueError, match=message):
        Experiment.model_validate({**content, "task": task | changes})


def test_where_nothing_is_missing_any_number_of_input_frames_will_do() -> None:
    name, task = "mnist_partial_occlusion", {"n_cond": 3, "n_pred": 10, "n_pred_test": 10}
    content = {"name": f"{name}/copy_last", "model": {"name": "copy_last"}, "task": task}
    assert Experiment.model_validate({**content, "dataset": {"name": name}}).dataset.n_missing == 0
    published = {"name": name, "preparation": {"leave_out_one_frame": True}}
    with pytest.raises(ValueError, match="at least 8"):
        Experiment.model_validate({**content, "dataset": published})


@pytest.mark.parametrize("missing", ["train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"])
def test_nothing_is_written_where_a_raw_file_is_missing(tmp_path: Path, missing: str) -> None:
    raw = missing_digits.write_raw(tmp_path / "raw")
    (raw / missing).unlink()
    with pytest.raises(ValueError, match=missing):
        missing_mnist.prepare(
            VaryingAppearanceSampleSettings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=tmp_path / "raw"
        )
    assert list(tmp_path.iterdir()) == [raw]


def test_too_few_digits_to_be_parted_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    paths = tmp_path / "train.h5", tmp_path / "test.h5"
    write_digits(raw, "train", *moving_digits.digits(1, seed=0))
    with pytest.raises(ValueError, match=r"train-images.* holds 1 digit, too few to be parted.*at least 2"):
        missing_mnist.prepare(missing_digits.settings("out of scene"), *paths, raw=raw)
    write_digits(raw, "train", *moving_digits.digits(2, seed=0))
    missing_mnist.prepare(missing_digits.settings("out of scene", n_test_videos=3), *paths, raw=raw)
    with VideoFile(paths[1]) as file:
        assert np.unique(file.array("digit_index")).tolist() == [1]


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_mnist, "BATCH_VIDEOS", 2)
    raw = missing_digits.write_raw(tmp_path / "raw")

    def fail(done: int, total: int) -> None:
        if done > 2:
            raise OSError("disk on fire")

    made = missing_digits.settings("out of scene")
    with pytest.raises(OSError, match="disk on fire"):
        missing_mnist.prepare(made, tmp_path / "train.h5", tmp_path / "test.h5", fail, raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


def test_batches_must_add_up_to_what_was_announced(tmp_path: Path) -> None:
    batch = {"video": np.zeros((2, 3, 1, 4, 4), np.uint8), "missing": np.zeros((2, 3, 1), np.bool_)}
    description = VideoDescription("toy", "test", "zeros", {})
    with pytest.raises(AssertionError, match="2 videos given, 3 announced"):
        write_complete_videos(tmp_path / "toy.h5", 3, [batch], description)
    with pytest.raises(AssertionError):
        write_complete_videos(tmp_path / "toy.h5", 3, [batch, batch], description)
    assert list(tmp_path.iterdir()) == []
