"""`track --all`: after an outage, after a crash, and to rebuild a store that was deleted."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from pipeline_lib import cli
from pipeline_lib.config.loading import write_experiment
from pipeline_lib.runtime.locks import FileLock
from pipeline_lib.tracking.store import open_store
from tests.tracking.stored import held

WRITER = """
import sys, time
from pathlib import Path
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.runtime.locks import FileLock
from tests.tracking.run_folder import FakeRun

run = FakeRun(Path(sys.argv[1]), read_experiment(Path(sys.argv[2])), seed=5)
with FileLock(run.state / ".lock"):
    journal = run.begin()
    run.train(journal, 6)
    print("journalled", flush=True)
    time.sleep(600)
"""


def track_all(results_dir, *more):
    return cli.main(["track", "--all", str(results_dir), *more])


def contents(store):
    """Everything in a store that a person would look for, by the runs' names."""
    runs = store.find(store.experiments()["wave_eq_100"], "")
    names = {run.run_id: run.name for run in runs}
    found = {}
    for run in runs:
        assert run.name not in found, f"two runs are called {run.name}"
        tags = {**run.tags, "mlflow.parentRunId": names.get(run.tags.get("mlflow.parentRunId"))}
        found[run.name] = (run.status, tags, run.params, run.datasets, held(store, run.run_id))
    return found


def test_a_store_that_was_deleted_is_made_again(new_run, options, results_dir, capsys):
    for seed in (0, 1):
        new_run(seed=seed).finish(n_points=5)
    new_run("mean_frame", None).finish(mse=1e-2)
    stopped = new_run(seed=2)
    with closing(stopped.begin()) as journal:
        stopped.train(journal, 2)
        journal.state("stopped", "received SIGTERM")
    assert track_all(results_dir) == 0
    before = contents(open_store(options.uri, 5))
    assert {name: content[0] for name, content in before.items()} == {
        "pde seed 0": "FINISHED",
        "pde seed 1": "FINISHED",
        "pde seed 2": "KILLED",
        "pde, 2 seeds": "FINISHED",
        "mean_frame no seed": "FINISHED",
        "mean_frame": "FINISHED",
    }
    assert before["pde seed 1"][1]["mlflow.parentRunId"] == "pde, 2 seeds"
    (results_dir / "mlflow.db").unlink()
    shutil.rmtree(results_dir / "mlartifacts")
    assert track_all(results_dir) == 0
    assert contents(open_store(options.uri, 5)) == before
    assert "4 runs are in sqlite:" in capsys.readouterr().out


def test_a_run_whose_process_was_killed_counts_as_killed(new_run, store, results_dir, experiments, tmp_path):
    run = new_run(seed=5)
    config = tmp_path / "pde.yaml"
    write_experiment(experiments["pde"], config)
    command = [sys.executable, "-c", WRITER, str(results_dir), str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "journalled\n"
        assert track_all(results_dir) == 0
        assert contents(store)["pde seed 5"][0] == "RUNNING"
        os.kill(writer.pid, signal.SIGKILL)
    assert track_all(results_dir) == 0
    status, tags, _, _, curves = contents(store)["pde seed 5"]
    assert (status, tags["state"]) == ("KILLED", "killed")
    assert "the training process is gone" in tags["state_reason"]
    assert len(curves["loss"]) == 6
    assert not run.paths.tracked.exists()


def test_trainings_of_earlier_configurations_are_tracked_too(new_run, store, results_dir):
    earlier = new_run(digest="0000000000000000").finish(n_points=3)
    current = new_run(digest="1111111111111111").finish(n_points=2)
    assert earlier.folder == current.folder
    assert track_all(results_dir) == 0
    runs = store.find(store.experiments()["wave_eq_100"], "tags.level = 'run'")
    counts = {run.tags["digest"]: len(store.history(run.run_id, "loss")) for run in runs}
    assert counts == {"0000000000000000": 3, "1111111111111111": 2}


def test_one_run_that_fails_does_not_keep_the_others_out(new_run, store, results_dir, capsys):
    broken = new_run(seed=0).finish(n_points=2)
    broken.paths.metrics.write_text("{}")
    new_run(seed=1).finish(n_points=2)
    assert track_all(results_dir) == 1
    assert f"failed: {broken.paths.metrics}: schema version 2 expected" in capsys.readouterr().err
    assert contents(store)["pde seed 1"][0] == "FINISHED"


def test_a_run_that_is_being_shipped_is_skipped(new_run, results_dir, capsys):
    run = new_run().finish(n_points=2)
    with FileLock(run.state / ".shipping.lock"):
        assert track_all(results_dir) == 0
    assert "skipped wave_eq_100/pde seed 0: being shipped now" in capsys.readouterr().out


def test_a_moved_results_folder_is_explained(new_run, results_dir, empty_database, tmp_path, capsys):
    new_run().finish(n_points=1)
    assert track_all(results_dir) == 0
    moved = tmp_path / "moved"
    results_dir.rename(moved)
    assert track_all(moved) == 1
    assert "Was the folder moved? Then remove mlflow.db and mlartifacts" in capsys.readouterr().err
    shutil.copyfile(empty_database, moved / "mlflow.db")
    assert track_all(moved) == 0


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_what_is_no_results_folder_is_named(tmp_path, results_dir, folder, capsys):
    uri = f"sqlite:///{results_dir / 'mlflow.db'}"
    assert track_all(tmp_path / folder, "--tracking", uri) == 1
    assert "not a results folder, it has no runs/" in capsys.readouterr().err


def test_a_folder_without_runs_gets_no_store(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert cli.main(["track", "--all", str(tmp_path / "empty")]) == 1
    assert cli.main(["track", "--all", str(tmp_path / "nowhere")]) == 1
    assert "it has no runs/" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "empty"] and not any((tmp_path / "empty").iterdir())
