"""`prepare` of a dataset that is read on several processes: from the command line, and killed there."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.data.hdf5 import VideoFile
from tests.data import chair_archives

CHAIRS = {f"chair_{n}": 100 * n for n in range(6)}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("raw") / "chairs"
    chair_archives.write_archive(raw, chair_archives.members(CHAIRS))
    return raw


def command(raw: Path, folder: Path) -> list[str]:
    config = folder / "copy_last.yaml"
    config.write_text(
        f"name: chairs/copy_last\ndataset: {{name: chairs, preparation: {{n_chairs: {len(CHAIRS)}}}}}\n"
        "task: {n_cond: 5, n_pred: 10, n_pred_test: 10}\nmodel: {name: copy_last}\n"
    )
    words = ["prepare", config, "--raw", raw, "--train", folder / "train.h5", "--test", folder / "test.h5"]
    return [sys.executable, "-m", "pipeline_lib", *map(str, words)]


def test_killed_in_the_middle_it_leaves_no_final_name_and_nobody_who_keeps_the_next_one_waiting(
    raw: Path, tmp_path: Path, repository: Path
) -> None:
    with subprocess.Popen(command(raw, tmp_path), stderr=subprocess.PIPE, text=True, cwd=repository) as process:
        assert process.stderr is not None
        assert f"of {len(CHAIRS)} videos" in process.stderr.readline()
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.glob("*.h5")) == []
    done = subprocess.run(command(raw, tmp_path), capture_output=True, text=True, timeout=60, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert f"prepare chairs: {len(CHAIRS)} of {len(CHAIRS)} videos" in done.stderr
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"train.h5", "test.h5", ".train.h5.lock", "copy_last.yaml"}
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert (train.n_videos, test.n_videos) == (5, 1)
        train.check_content(), test.check_content()


def test_what_is_wrong_with_the_raw_data_is_told_without_a_traceback(
    raw: Path, tmp_path: Path, repository: Path
) -> None:
    damaged = tmp_path / "raw"
    damaged.mkdir()
    whole = (raw / "rendered_chairs.tar").read_bytes()
    (damaged / "rendered_chairs.tar").write_bytes(whole[: len(whole) // 2])
    done = subprocess.run(command(damaged, tmp_path), capture_output=True, text=True, timeout=60, cwd=repository)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert (
        f"error: {damaged / 'rendered_chairs.tar'} is truncated: it ends after {len(whole) // 2} bytes" in done.stderr
    )
    assert list(tmp_path.glob("*.h5")) == []
