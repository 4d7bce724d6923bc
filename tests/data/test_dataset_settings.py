"""What the settings of a dataset say before anything is prepared is what the prepared files then hold."""

import pytest
import torch

from pipeline_lib.config.chairs import ChairsSampleSettings, ChairsSettings
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.moving_mnist import MovingMnistSampleSettings
from pipeline_lib.config.registry import DATASETS
from pipeline_lib.config.taxibj import TaxiBjSampleSettings
from pipeline_lib.config.wave_eq import WaveEq100Settings, WaveEqSettings
from pipeline_lib.data import chairs, generated, moving_mnist, taxibj, wave_eq
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.mnist import read_digits
from pipeline_lib.data.resident import training_windows
from pipeline_lib.data.samples import chairs as chairs_sample
from pipeline_lib.data.samples import mnist as mnist_sample
from pipeline_lib.data.samples import taxibj as taxibj_sample

FEW = {"n_simulations": 4, "n_train_simulations": 3}


@pytest.fixture(scope="module", params=[WaveEqSettings, WaveEq100Settings])
def prepared(request, tmp_path_factory):
    """Settings of a small dataset, and the folder that it was prepared in."""
    settings = request.param.model_validate({"preparation": FEW})
    folder = tmp_path_factory.mktemp(settings.name)
    wave_eq.prepare(settings, folder / "train.h5", folder / "test.h5")
    return settings, folder


@pytest.mark.parametrize("windows", ["all", "published"])
@pytest.mark.parametrize("length", [15, 25, 64])
def test_windows_and_frames_are_foretold(prepared, windows, length):
    settings, folder = prepared
    settings = settings.model_copy(update={"windows": windows})
    opened = training_windows(folder / "train.h5", settings, length, torch.device("cpu"), 0)
    assert settings.n_training_windows(length) == opened.n_windows
    assert settings.frame_shape == opened.frame_shape


@pytest.mark.parametrize(("windows", "length"), [("all", 151), ("all", 300), ("published", 65)])
def test_where_no_window_fits_none_is_foretold(prepared, windows, length):
    settings, folder = prepared
    settings = settings.model_copy(update={"windows": windows})
    assert settings.n_training_windows(length) == 0
    with pytest.raises(ValueError):
        training_windows(folder / "train.h5", settings, length, torch.device("cpu"), 0)


def test_the_size_on_disk_is_foretold(prepared):
    settings, folder = prepared
    assert size_of(folder) == pytest.approx(settings.prepared_bytes, rel=0.1)
    with VideoFile(folder / "train.h5") as file:
        assert file.n_frames == settings.N_FRAMES


def size_of(folder):
    return sum((folder / part).stat().st_size for part in ("train.h5", "test.h5"))


@pytest.mark.parametrize("n_digits", [2, 3])
def test_moving_mnist_is_foretold(tmp_path, n_digits):
    mnist_sample.make(tmp_path / "raw")
    preparation = {"n_digits": n_digits, "n_test_frames": 100}
    settings = MovingMnistSampleSettings.model_validate({"epoch_size": 30, "preparation": preparation})
    moving_mnist.prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5", raw=tmp_path / "raw")
    assert size_of(tmp_path) == pytest.approx(settings.prepared_bytes, rel=0.4), "how well it compresses is not known"
    opened = generated.training_windows(tmp_path / "train.h5", settings, 15, torch.device("cpu"), 0)
    assert (settings.frame_shape, settings.n_training_windows(15)) == (opened.frame_shape, opened.n_windows)
    with VideoFile(tmp_path / "test.h5") as file:
        assert settings.N_DIGITS[1] // n_digits == file.n_videos
    assert settings.N_DIGITS == tuple(len(read_digits(tmp_path / "raw", part)[0]) for part in ("train", "test"))


def test_chairs_are_foretold(tmp_path):
    settings = ChairsSampleSettings.model_validate({"preparation": {"n_chairs": 3}})
    chairs_sample.make(tmp_path / "raw", n_chairs=3)
    chairs.prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5", raw=tmp_path / "raw", n_workers=1)
    assert size_of(tmp_path) == pytest.approx(settings.prepared_bytes, rel=0.4), "how well it compresses is not known"
    for length in (15, 62):
        opened = training_windows(tmp_path / "train.h5", settings, length, torch.device("cpu"), 0)
        assert (settings.frame_shape, settings.n_training_windows(length)) == (opened.frame_shape, opened.n_windows)
    assert settings.n_training_windows(63) == 0
    assert ChairsSettings().n_training_windows(15) == 1184 * 62


def test_every_dataset_tells_what_a_plan_asks():
    for name, entry in DATASETS.items():
        settings = entry.settings()
        assert settings.frame_shape and (settings.prepared_bytes or name in ("sst", "pedestrians"))
        # Of how many days or sequences there are, and on how many days every half hour, only the files tell.
        assert settings.n_training_windows(15) or name in ("taxibj", "taxibj_sample", "sst", "pedestrians")


def taxibj_task(**changes):
    """Settings of TaxiBJ for windows of 6 frames, as an experiment with this task has them."""
    task = {"n_cond": 4, "n_pred": 4, "n_pred_test": 4} | changes
    content = {"name": "taxibj/copy_last", "model": {"name": "copy_last"}, "task": task}
    return Experiment.model_validate(
        {**content, "dataset": {"name": "taxibj", "preparation": {"window_frames": 6}}}
    ).dataset


def test_taxibj_is_prepared_for_windows_of_one_length():
    assert taxibj_task(n_cond=2).preparation.window_frames == 6
    for changes, name, n in (({}, "n_pred", 8), ({"n_cond": 2, "n_pred_test": 9}, "n_pred_test", 11)):
        with pytest.raises(ValueError, match=rf"window_frames is 6, and task.n_cond \+ task.{name} is {n}.*equal"):
            taxibj_task(**changes)


def test_size_and_frames_of_taxibj_are_foretold_and_its_windows_are_not(tmp_path):
    taxibj_sample.make(tmp_path / "raw")
    settings = TaxiBjSampleSettings()
    paths = tmp_path / "train.h5", tmp_path / "test.h5"
    taxibj.prepare(settings, *paths, raw=tmp_path / "raw")
    with VideoFile(paths[0]) as train, VideoFile(paths[1]) as test:
        assert settings.frame_shape == train.frame_shape == test.frame_shape
    assert sum(path.stat().st_size for path in paths) == pytest.approx(settings.prepared_bytes, rel=0.1)
    assert settings.n_training_windows(8) is None
