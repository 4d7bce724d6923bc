"""`prepare` from a resolved experiment to the two files."""

import argparse
from pathlib import Path

import pytest

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
