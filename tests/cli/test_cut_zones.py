"""`cut-zones` from a product to files that `prepare` reads; what it leaves when it fails."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib import cli
from pipeline_lib.data.hdf5 import VideoFile
from tests.data.sst_files import FIRST_DAY
from tests.data.test_cut_zones import sea, write_product

GRID = "corner: {row: 4, column: 3}\nrows: 2\ncolumns: 2\nfirst_zone: 17\n"
EXPERIMENT = """
name: sst/copy_last
dataset: {name: sst, preparation: {train_zones: [18, 20], test_zones: [17]}}
task: {n_cond: 2, n_pred: 3, n_pred_test: 3}
model: {name: copy_last}
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Cut four zones of 40 days, in two files, the later one given first."""
    temperatures = sea(40)
    early = write_product(tmp_path / "early.nc", temperatures[:25])
    late = write_product(tmp_path / "late.nc", temperatures[25:], FIRST_DAY.replace(year=2007, month=1, day=22))
    (tmp_path / "grid.yaml").write_text(GRID)
    return ["cut-zones", str(tmp_path / "grid.yaml"), str(late), str(early), "--out", str(tmp_path / "zones")]


def test_a_dataset_is_prepared_from_zones_that_were_cut(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command) == 0
    output = capsys.readouterr()
    assert "cut 4 zones in" in output.out and f"{tmp_path / 'zones' / 'data_20.nc'}: " in output.out
    assert "cut zones: 40 of 40 days" in output.err
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    outputs = ["--train", str(tmp_path / "train.h5"), "--test", str(tmp_path / "test.h5")]
    assert cli.main(["prepare", str(tmp_path / "experiment.yaml"), "--raw", str(tmp_path / "zones"), *outputs]) == 0
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert (train.n_videos, train.n_frames) == (2, 32) and (test.n_videos, test.n_frames) == (1, 8)
        assert test.attributes["source"].endswith("; cut from a regional product, not the zones of the paper")


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_left(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_product(tmp_path / "early.nc", sea(24))
    assert cli.main(command) == 1
    message = capsys.readouterr().err
    assert "pipeline_lib cut-zones: error: " in message and "begins on 2007-01-22: days are missing" in message
    (tmp_path / "grid.yaml").write_text("rows: 1\n")
    assert cli.main(command) == 1
    assert "grid.yaml: corner: missing; it must be given" in capsys.readouterr().err
    assert not (tmp_path / "zones").exists() or left_in(tmp_path / "zones") == []


def test_files_that_may_not_grow_are_named_and_nothing_is_left(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline_lib", *command],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "File too large (" in done.stderr and "data_" in done.stderr
    assert left_in(tmp_path / "zones") == []
