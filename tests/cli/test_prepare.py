"""`prepare` from a resolved experiment to the two files."""

import argparse
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib import cli
from pipeline_lib.cli import prepare
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_experiment
from pipeline_lib.data.hdf5 import VideoFile


def arguments(*words: str | Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    prepare.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.fixture
def config(tiny_experiment: Experiment, tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    write_experiment(tiny_experiment, path)
    return path


def test_both_parts_are_made_and_say_what_made_them(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = tmp_path / "prepared" / "train.h5", tmp_path / "prepared" / "test.h5"
    assert prepare.run(arguments(config, "--train", train, "--test", test)) == 0
    with VideoFile(train) as videos:
        assert (videos.n_videos, videos.n_frames, videos.frame_shape) == (3, 150, (1, 1, 10))
        assert videos.preparation["n_simulations"] == 4
        assert videos.attributes["code_version"]
        digest = videos.content_sha256
    with VideoFile(test) as videos:
        assert videos.n_videos == 1
    output = capsys.readouterr()
    assert f"{train}: 3 videos of 150 frames (1, 1, 10)" in output.out and digest[:12] in output.out
    assert "prepare wave_eq_100: 4 of 4 videos" in output.err


def test_what_stands_there_is_made_anew(config: Path, tmp_path: Path) -> None:
    train, test = tmp_path / "train.h5", tmp_path / "test.h5"
    train.write_text("left over")
    prepare.run(arguments(config, "--train", train, "--test", test))
    with VideoFile(train) as videos:
        assert videos.n_videos == 3


def test_a_test_part_too_short_for_the_forecasts_is_told_before_anything_is_trained(
    tiny_experiment: Experiment, tmp_path: Path
) -> None:
    task = tiny_experiment.task.model_copy(update={"n_pred_test": 150})
    config, test = tmp_path / "experiment.yaml", tmp_path / "test.h5"
    write_experiment(tiny_experiment.model_copy(update={"task": task}), config)
    with pytest.raises(ValueError, match=rf"{test}: windows of 15[0-9] frames do not fit into videos of 150 frames"):
        prepare.run(arguments(config, "--train", tmp_path / "train.h5", "--test", test))


def test_one_file_for_both_parts_is_refused(config: Path, tmp_path: Path) -> None:
    train, test = tmp_path / "train.h5", tmp_path / "folder" / ".." / "train.h5"
    with pytest.raises(ValueError, match="the two parts need a file each"):
        prepare.run(arguments(config, "--train", train, "--test", test))


def test_a_bad_configuration_is_named_before_any_work(tmp_path: Path) -> None:
    config = tmp_path / "experiment.yaml"
    config.write_text("name: wave_eq_100/pde\ndataset: {name: wave_equation}\n")
    with pytest.raises(ValueError, match=r"experiment\.yaml.*wave_equation"):
        prepare.run(arguments(config, "--train", tmp_path / "train.h5", "--test", tmp_path / "test.h5"))
    assert not (tmp_path / "train.h5").exists()


# Raw files


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of mnist_sample."""
    pytest.importorskip("sklearn", reason="the sample is made from scikit-learn's digits")
    folder = tmp_path_factory.mktemp("raw") / "mnist_sample"
    assert cli.main(["download", "mnist_sample", "--out", str(folder)]) == 0
    return folder


def moving_mnist(folder: Path, dataset: str) -> Path:
    """An experiment on a Moving MNIST of few frames."""
    path = folder / f"{dataset}.yaml"
    path.write_text(
        f"name: {dataset}/copy_last\ndataset: {{name: {dataset}, preparation: {{n_test_frames: 15}}}}\n"
        "task: {n_cond: 5, n_pred: 10, n_pred_test: 10}\nmodel: {name: copy_last}\n"
    )
    return path


def test_a_dataset_is_prepared_from_its_raw_files(sample: Path, tmp_path: Path) -> None:
    config = moving_mnist(tmp_path, "moving_mnist_sample")
    train, test = tmp_path / "train.h5", tmp_path / "test.h5"
    assert prepare.run(arguments(config, "--raw", sample, "--train", train, "--test", test)) == 0
    with VideoFile(test) as videos:
        assert (videos.n_videos, videos.n_frames, videos.frame_shape) == (179, 15, (1, 64, 64))


def test_raw_files_that_are_not_given_missing_damaged_or_others_are_named(sample: Path, tmp_path: Path) -> None:
    def error(dataset: str, *words: str | Path) -> str:
        config = moving_mnist(tmp_path, dataset)
        outputs = ("--train", tmp_path / "out" / "train.h5", "--test", tmp_path / "out" / "test.h5")
        with pytest.raises(ValueError) as caught:
            prepare.run(arguments(config, *words, *outputs))
        assert not list(tmp_path.glob("out/*.h5"))
        return str(caught.value)

    assert "--raw must name their folder; `python -m pipeline_lib download mnist --out DIR` brings them" in error(
        "moving_mnist"
    )
    assert f"{tmp_path} lacks train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images" in error(
        "moving_mnist", "--raw", tmp_path
    )
    message = error("moving_mnist", "--raw", sample)
    assert (
        f"{sample / 't10k-labels-idx1-ubyte.gz'} has " in message and "expected are 4542 bytes with sha256" in message
    )
    damaged = shutil.copytree(sample, tmp_path / "damaged")
    images = damaged / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-1000])
    assert f"{images} is truncated" in error("moving_mnist_sample", "--raw", damaged)
    (damaged / "train-labels-idx1-ubyte.gz").replace(images)
    shutil.copy(sample / "train-labels-idx1-ubyte.gz", damaged)
    assert f"{images} begins with the magic number 0x00000801, expected is 0x00000803" in error(
        "moving_mnist_sample", "--raw", damaged
    )


# Killed, and without space


def command(config: Path, folder: Path) -> list[str]:
    words = ["prepare", config, "--train", folder / "train.h5", "--test", folder / "test.h5"]
    return [sys.executable, "-m", "pipeline_lib", *map(str, words)]


def test_killed_in_the_middle_it_leaves_no_final_name_and_the_next_one_cleans_up(
    tiny_experiment: Experiment, tmp_path: Path
) -> None:
    preparation = {"n_simulations": 3000, "n_train_simulations": 2000, "n_pixels": 10}
    dataset = {"name": "wave_eq_100", "preparation": preparation}
    long = Experiment.model_validate({**tiny_experiment.model_dump(), "dataset": dataset})
    write_experiment(long, tmp_path / "long.yaml")
    write_experiment(tiny_experiment, tmp_path / "tiny.yaml")
    folder = tmp_path / "prepared"
    with subprocess.Popen(command(tmp_path / "long.yaml", folder), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "of 3000 videos" in process.stderr.readline()
        process.kill()
    assert process.returncode == -signal.SIGKILL
    (left,) = folder.glob("*.tmp")
    assert left.name.startswith(".train.h5.") and list(folder.glob("*.h5")) == []
    done = subprocess.run(command(tmp_path / "tiny.yaml", folder), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {"train.h5", "test.h5", ".train.h5.lock"}
    with VideoFile(folder / "train.h5") as videos:
        videos.check_content()


def without_space(config: Path, folder: Path, **how: Any) -> str:
    """Prepare where there is no space for it; what is said."""
    done = subprocess.run(command(config, folder), capture_output=True, text=True, timeout=60, **how)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir()] == [".train.h5.lock"]
    return done.stderr


def test_a_file_that_may_not_grow_is_named_with_its_disk(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prepared"
    message = without_space(config, folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000)))
    assert "error: File too large (" in message
    assert f"MB are free on the disk of {folder}): {folder / 'train.h5'}" in message


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], capture_output=True, text=True)
        if shutil.which("mount")
        else None
    )
    if mounted is None or mounted.returncode != 0:
        pytest.skip("needs the right to mount a small disk" + (f" ({mounted.stderr.strip()})" if mounted else ""))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named(config: Path, small_disk: Path) -> None:
    message = without_space(config, small_disk)
    assert "error: No space left on device (0.0 MB are free on the disk of " in message
    assert f"): {small_disk / 'train.h5'}" in message
