"""`cut-pedestrians` from a release to files that `prepare` reads; what it leaves when it fails."""

from pathlib import Path

import pytest

from pipeline_lib import cli
from pipeline_lib.data.hdf5 import VideoFile
from tests.data.mots_releases import write_challenge

pytest.importorskip("pycocotools", reason="masks as text are decoded by pycocotools")

EXPERIMENT = """
name: pedestrians/copy_last
dataset: {name: pedestrians}
task: {n_cond: 10, n_pred: 5, n_pred_test: 5}
model: {name: copy_last}
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    for name in ("MOTS20-02", "MOTS20-09"):
        write_challenge(tmp_path / "release", name)
    return ["cut-pedestrians", "--release", str(tmp_path / "release"), "--out", str(tmp_path / "raw" / "sequences")]


def test_a_dataset_is_prepared_from_sequences_that_were_cut(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leftover = tmp_path / "raw" / ".sequences.0123.tmp" / "seq_half"
    leftover.mkdir(parents=True)  # by a process that was killed
    assert cli.main(command) == 0
    output = capsys.readouterr()
    assert "cut 2 videos in 2 sequences from 2 annotated videos in" in output.out
    assert "cut pedestrians: 30 of 30 frames" in output.err
    assert not leftover.exists()
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    outputs = ["--train", str(tmp_path / "train.h5"), "--test", str(tmp_path / "test.h5")]
    assert cli.main(["prepare", str(tmp_path / "experiment.yaml"), "--raw", str(tmp_path / "raw"), *outputs]) == 0
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert (train.n_videos, test.n_videos) == (1, 1)
        assert "cut from the release of MOTS by this project" in test.attributes["source"]


def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_left(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "release" / "train" / "MOTS20-09" / "gt" / "gt.txt"
    text.write_text(text.read_text().replace("48 2003 2 60 80 ", "48 2003 2 60 "))
    assert cli.main(command) == 1
    message = capsys.readouterr().err
    assert f"pipeline_lib cut-pedestrians: error: {text}, line " in message and "has 5 columns" in message
    assert [path.name for path in (tmp_path / "raw").iterdir() if path.suffix != ".lock"] == []


def test_folders_that_a_person_must_put_in_place_are_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    outputs = ["--train", str(tmp_path / "train.h5"), "--test", str(tmp_path / "test.h5")]
    assert cli.main(["prepare", str(tmp_path / "experiment.yaml"), "--raw", str(tmp_path / "raw"), *outputs]) == 1
    message = capsys.readouterr().err
    assert f"1 of 1 folders are missing\n  {tmp_path / 'raw' / 'sequences'}/\n" in message
    assert "cut-pedestrians" in message and "experiments pedestrians_sample/…" in message
