"""Pruning removes states that nothing uses, says so, and touches nothing else."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline_lib.cli import main
from pipeline_lib.config.digests import run_digest
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.data.hdf5 import VideoDescription, write_videos
from pipeline_lib.runtime.locks import FileLock

PDE = "wave_eq_100/pde"


@pytest.fixture
def project(tmp_path: Path, tiny_experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> ResultPaths:
    """A project with one experiment, its training file, and states old and new."""
    monkeypatch.chdir(tmp_path)
    paths = ResultPaths(Path("results"), Path("data"))
    experiment = Path("config/experiments") / f"{PDE}.yaml"
    experiment.parent.mkdir(parents=True)
    experiment.write_text(yaml.safe_dump(tiny_experiment.model_dump(mode="json")))
    Path("config/config.yaml").write_text(yaml.safe_dump({"experiments": [PDE], "seeds": [0]}))
    videos = np.random.default_rng(0).random((2, 20, 1, 1, 10), dtype=np.float32)
    description = VideoDescription("wave_eq_100", "train", "noise", {})
    content = write_videos(paths.train_file("wave_eq_100"), videos.shape, [videos], description)
    for seed in (0, 1):
        for digest in (run_digest(tiny_experiment, seed, content), "0123456789abcdef", "fedcba9876543210"):
            finished = paths.run(PDE, seed).state(digest) / "finished" / "model.safetensors"
            finished.parent.mkdir(parents=True)
            finished.write_bytes(b"x" * 1000)
        paths.run(PDE, seed).model.write_bytes(b"weights")
    return paths


def states(paths: ResultPaths) -> dict[int, int]:
    """Seed -> how many state folders it has."""
    return {seed: len(list(paths.run(PDE, seed).state_root.iterdir())) for seed in (0, 1)}


def test_states_of_other_digests_go_and_the_current_one_stays(project, tiny_experiment, capsys):
    assert main(["prune", "--dry-run"]) == 0
    assert "2 state folders, 0.0 MB would be removed" in capsys.readouterr().out
    assert states(project) == {0: 3, 1: 3}
    assert main(["prune"]) == 0
    assert states(project) == {0: 1, 1: 3}
    (left,) = project.run(PDE, 0).state_root.iterdir()
    assert (left / "finished" / "model.safetensors").read_bytes() == b"x" * 1000
    assert project.run(PDE, 0).model.read_bytes() == b"weights"
    shown = capsys.readouterr().out
    assert "removed results/runs/wave_eq_100/pde/seed_0/state/0123456789abcdef" in shown
    assert (
        "kept results/runs/wave_eq_100/pde/seed_1/state/0123456789abcdef: of a run that the configuration does not name"
        in shown
    )
    assert main(["prune"]) == 0
    assert "0 state folders" in capsys.readouterr().out


def test_runs_that_the_configuration_does_not_name_go_when_asked(project):
    assert main(["prune", "--unlisted"]) == 0
    assert states(project) == {0: 1, 1: 0}


def test_a_changed_setting_makes_the_earlier_state_obsolete(project):
    Path("overlay.yaml").write_text(yaml.safe_dump({"overrides": {PDE: {"training": {"batch_size": 5}}}}))
    assert main(["prune", "--dry-run", "overlay.yaml"]) == 0
    assert main(["prune", "overlay.yaml"]) == 0
    assert states(project) == {0: 0, 1: 3}


def test_a_state_in_which_a_training_is_at_work_stays(project, capsys):
    busy = project.run(PDE, 0).state("0123456789abcdef")
    with FileLock(busy / ".lock"):
        assert main(["prune"]) == 0
    assert states(project) == {0: 2, 1: 3}
    assert (busy / "finished" / "model.safetensors").is_file()
    assert f"kept {busy}: {busy / '.lock'} is held by process" in capsys.readouterr().out


@pytest.mark.parametrize("damaged", [False, True])
def test_without_the_data_nothing_can_be_judged(project, capsys, damaged):
    train_file = project.train_file("wave_eq_100")
    train_file.write_bytes(train_file.read_bytes()[:1000]) if damaged else train_file.unlink()
    assert main(["prune"]) == 0
    assert states(project) == {0: 3, 1: 3}
    assert "train.h5 is not there, or damaged: nothing to compare with" in capsys.readouterr().out


def test_nothing_is_removed_while_a_pipeline_is_at_work(project, capsys):
    with FileLock(project.lock):
        assert main(["prune"]) == 1
    assert "is held by process" in capsys.readouterr().err
    assert states(project) == {0: 3, 1: 3}
