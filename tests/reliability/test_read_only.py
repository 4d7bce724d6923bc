"""Results that may not be written: one sentence that names the place, before anything is computed."""

import subprocess

import pytest

from tests.cli.test_train import train
from tests.end_to_end.whole_pipeline import Pipeline
from tests.reliability.test_kills import CONFIGURATION


@pytest.fixture
def read_only_disk(small_disk):
    """A disk that nobody may write to, root neither."""
    done = subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"needs the right to make a disk read-only ({done.stderr.strip()})")
    return small_disk


def test_a_training_is_refused(configure, train_file, read_only_disk):
    refused = train(configure(), train_file, read_only_disk / "run")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"pipeline_lib train: error: Read-only file system: {read_only_disk}/run")
    assert len(refused.stderr.splitlines()) == 1, refused.stderr


@pytest.mark.slow
def test_a_pipeline_is_refused(read_only_disk, tmp_path, repository):
    pipeline = Pipeline(tmp_path, repository, CONFIGURATION.replace("{folder}/results", f"{read_only_disk}/results"))
    pipeline.configure(iterations=4)
    done = pipeline.run("--", f"{read_only_disk}/results/runs/wave_eq_100/pde/seed_0/training.json")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "Read-only file system" in said and f"{read_only_disk}/results" in said
    assert "Traceback" not in said and "rule train" not in said, said
