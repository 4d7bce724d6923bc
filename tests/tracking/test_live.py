"""Shipping beside a training: whatever the store does, the training goes on and ends as if there were none."""

import importlib.util
import json
import subprocess
import sys
import time
from contextlib import closing

import pytest

from pipeline_lib.config.loading import write_experiment
from pipeline_lib.tracking import live
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.tracking.store import open_store
from tests.tracking.server_process import free_port
from tests.tracking.silent_server import SilentServer
from tests.tracking.stored import held, journalled

# Journals like a training, says what happens in which order, and ends.
WRITER = """
import json, sys
from contextlib import closing
from pathlib import Path
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.tracking import live
from pipeline_lib.tracking.options import StoreOptions
from tests.tracking.run_folder import FakeRun

arguments = json.loads(sys.argv[1])
run = FakeRun(Path(arguments["results_dir"]), read_experiment(Path(arguments["config"])), arguments["seed"])
shipper = live.start(run.journal_path, run.folder, StoreOptions(arguments["uri"], interval=0.1, timeout=60.0))
with closing(run.begin()) as journal:
    run.train(journal, 3)
    print("journalling", flush=True)
    if arguments["wait"]:
        sys.stdin.readline()
    run.train(journal, arguments["n_points"])
    journal.state("finished")
print("finished", flush=True)
print("shipped" if shipper.stop(arguments["patience"]) else "not shipped", flush=True)
if arguments["wait"]:
    sys.stdin.readline()
"""


@pytest.fixture
def start_writer(results_dir, experiments, tmp_path):
    """Starts a writer's process."""
    config = tmp_path / "pde.yaml"
    write_experiment(experiments["pde"], config)
    started = []

    def start(uri, seed=0, n_points=5, wait=False, patience=0.5):
        arguments = {
            **{"results_dir": str(results_dir), "config": str(config), "uri": uri, "seed": seed},
            **{"n_points": n_points, "wait": wait, "patience": patience},
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", WRITER, json.dumps(arguments)], text=True, **pipes)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def silent_server():
    with closing(SilentServer()) as server:
        yield server


def test_a_training_ends_while_a_server_that_never_answers_is_still_waited_for(silent_server, start_writer, new_run):
    writer = start_writer(silent_server.uri, n_points=200, wait=True)
    assert writer.stdout.readline() == "journalling\n"
    assert silent_server.was_asked.wait(60), "nothing was shipped"
    writer.stdin.write("go on\n")
    writer.stdin.flush()
    assert writer.stdout.readline() == "finished\n"
    assert writer.stdout.readline() == "not shipped\n"
    # The first request of all is still open: neither journalling nor stopping waited for its answer.
    assert silent_server.is_waited_for()
    writer.stdin.write("end\n")
    writer.stdin.flush()
    assert writer.wait(30) == 0
    assert writer.stderr.read() == ""
    assert not silent_server.is_waited_for()
    assert len(journalled(new_run())["loss"]) == 203


def test_a_training_ends_where_no_server_is_and_the_log_says_so(start_writer, new_run):
    uri = f"http://someone:secret@127.0.0.1:{free_port()}"
    writer = start_writer(uri, patience=60)
    output, errors = writer.communicate(timeout=120)
    assert (writer.returncode, errors) == (0, "")
    assert output.splitlines() == ["journalling", "finished", "not shipped"]
    log = (new_run().state / "shipper.log").read_text()
    assert "StoreUnavailableError: tracking store http://127.0.0.1:" in log
    assert "secret" not in log


def test_eight_trainings_that_begin_at_once_on_a_new_store_lose_nothing(start_writer, new_run, options, results_dir):
    (results_dir / "mlflow.db").unlink()
    writers = [start_writer(options.uri, seed=seed, n_points=20, patience=200) for seed in range(8)]
    for writer in writers:
        output, errors = writer.communicate(timeout=300)
        assert (writer.returncode, errors) == (0, "")
        assert output.splitlines()[-1] == "shipped"
    store = open_store(options.uri, 5)
    assert len(store.experiments()) == 1
    runs = store.find(store.experiments()["wave_eq_100"], "")
    assert sorted(run.name for run in runs) == [f"pde seed {seed}" for seed in range(8)]
    for run in runs:
        assert held(store, run.run_id) == journalled(new_run(seed=int(run.tags["seed"])))
        assert run.status == "FINISHED"
    assert store.find("0", "") == [], "runs were filed under mlflow's own experiment"


def test_what_is_journalled_arrives_while_the_training_goes_on(new_run, options, store):
    run = new_run()
    run.state.mkdir(parents=True)
    quick = StoreOptions(options.uri, interval=0.05)
    shipper = live.start(run.journal_path, run.folder, quick)
    with closing(run.begin()) as journal:
        for n_points in (3, 6):
            run.train(journal, 3)
            deadline = time.monotonic() + 60
            while (run.state / "shipped.json").exists() is False or not _has(store, n_points):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        journal.state("finished")
    assert shipper.stop(60)
    assert store.find(store.experiments()["wave_eq_100"], "")[0].status == "FINISHED"
    assert not (run.state / "shipper.log").exists()


def _has(store, n_points):
    runs = store.find(store.experiments()["wave_eq_100"], "")
    return len(store.history(runs[0].run_id, "loss")) == n_points


def test_without_mlflow_there_is_one_line_and_the_journal(new_run, options, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else 1 / 0)
    run = new_run()
    assert live.start(run.journal_path, run.folder, options) is None
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_error_inside_mlflow_is_logged_once_and_harms_nobody(new_run, options):
    run = new_run()
    run.begin().close()
    broken = StoreOptions("nonsense://", interval=0.01)
    shipper = live.start(run.journal_path, run.folder, broken)
    time.sleep(0.5)
    assert not shipper.stop(60)
    lines = (run.state / "shipper.log").read_text().splitlines()
    assert len(lines) == 1 and "tracking store nonsense://" in lines[0]
