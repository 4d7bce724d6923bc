"""Against a real MLflow server on loopback: killed and started again, and never there."""

import json
import math
import time
import urllib.request
from contextlib import closing

import pytest

from pipeline_lib import cli
from pipeline_lib.cli import ui
from pipeline_lib.tracking import live
from pipeline_lib.tracking.complete import complete
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.tracking.run_folder import read_run_folder
from pipeline_lib.tracking.ship import Shipper
from pipeline_lib.tracking.store import open_store
from tests.tracking.server_process import free_port
from tests.tracking.stored import held, journalled


def test_every_point_is_stored_once_though_the_server_was_killed_and_started_again(server, new_run):
    run = new_run(seed=11)
    run.state.mkdir(parents=True)
    shipper = live.start(
        run.journal_path, run.folder, StoreOptions(server.uri, batch_size=50, interval=0.05, timeout=2)
    )
    with closing(run.begin()) as journal:
        run.train(journal, 40)
        wait_for(lambda: (run.state / "shipped.json").exists())
        for number in range(20):  # points keep coming while the server dies
            run.train(journal, 5)
            time.sleep(0.02)
            if number == 10:
                server.kill()
        wait_for(lambda: (run.state / "shipper.log").exists())
        shipped = json.loads((run.state / "shipped.json").read_text())["stores"][server.uri]["offset"]
        assert 0 < shipped < run.journal_path.stat().st_size
        run.train(journal, 30)
        server.start()
        run.train(journal, 30)
        journal.state("finished")
    assert shipper.stop(120)
    stored = only_run(server, "pde seed 11")
    assert held(open_store(server.database_uri, 5), stored.run_id) == journalled(run)
    assert len(journalled(run)["loss"]) == 200
    assert stored.status == "FINISHED"
    assert "StoreUnavailableError" in (run.state / "shipper.log").read_text()


def test_a_run_is_completed_through_a_server_as_in_a_file(server, new_run):
    run = new_run(seed=12)
    with closing(run.begin()) as journal:
        run.train(journal, 30)
        journal.metrics(9000, {"odd": math.nan, "odder": math.inf, "oddest": -math.inf})
        journal.state("finished")
    run.publish()
    run.evaluate(1e-4)
    options = StoreOptions(server.uri)
    store = open_store(server.uri, 10)
    said = []
    first = complete(read_run_folder(run.folder), store, options, say=said.append)
    assert complete(read_run_folder(run.folder), store, options, say=said.append) == first
    assert said == []
    stored = only_run(server, "pde seed 12")
    curves = held(open_store(server.database_uri, 5), stored.run_id)
    assert {key: curves[key] for key in journalled(run)} == journalled(run)
    address = f"{server.uri}/get-artifact?run_uuid={stored.run_id}&path=figures/forecast.png"
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.read() == run.paths.figure("forecast", "png").read_bytes()
    found = store._client.search_logged_models([stored.experiment_id], f"source_run_id = '{stored.run_id}'")
    assert [(model.name, model.metrics[0].key) for model in found] == [("pde-seed-12", "test_mse_per_pixel")]


def test_refused_points_do_not_hold_up_the_rest_at_a_server(server, new_run):
    run = new_run(seed=13)
    with closing(run.begin()) as journal:
        run.train(journal, 3)
        journal.metrics(9000, {"no such?name": 1.0, "fine": 2.0})
    told = []
    with Shipper(run.journal_path, run.folder, open_store(server.uri, 10), warn=told.append) as shipper:
        shipper.ship()
        curves = held(open_store(server.database_uri, 5), shipper.run_id)
    assert len(told) == 1 and told[0].startswith("REFUSED no such?name at step 9000")
    assert "fine" in curves and len(curves["loss"]) == 3


def test_a_deleted_run_is_shipped_anew_through_a_server(server, new_run):
    run = new_run(seed=14)
    store = open_store(server.uri, 10)
    with closing(run.begin()) as journal, Shipper(run.journal_path, run.folder, store) as shipper:
        run.train(journal, 3)
        shipper.ship()
        store.delete_run(store.run(shipper.run_id))
        run.train(journal, 3)
        shipper.ship()
        assert held(store, shipper.run_id) == journalled(run)


def test_initialising_makes_the_experiments(server):
    arguments = ["track", "--initialise", "--tracking", server.uri, "--experiment-prefix", "mine/"]
    assert cli.main([*arguments, "--experiment", "wave_eq", "taxibj"]) == 0
    assert {"mine/wave_eq", "mine/taxibj"} <= set(open_store(server.uri, 10).experiments())


def test_initialising_warns_of_a_server_that_is_not_there_and_goes_on(capsys):
    uri = f"http://me:secret@127.0.0.1:{free_port()}"
    assert cli.main(["track", "--initialise", "--tracking", uri, "--timeout", "1"]) == 0
    errors = capsys.readouterr().err
    assert errors.startswith("warning: tracking store http://127.0.0.1:")
    assert "`track` ships them later" in errors and "secret" not in errors


def test_completing_fails_with_a_sentence_where_no_server_is(new_run, capsys):
    run = new_run().finish(n_points=1)
    uri = f"http://127.0.0.1:{free_port()}"
    arguments = [
        "track",
        "--run",
        str(run.folder),
        "--out",
        str(run.paths.tracked),
        "--tracking",
        uri,
        "--timeout",
        "1",
    ]
    assert cli.main(arguments) == 1
    assert f"error: tracking store {uri}: " in capsys.readouterr().err


def test_the_page_is_announced_with_the_experiments_that_are_there(server):
    first = server.output.read_text().splitlines()[0]
    assert first == f"In a few seconds the runs of {server.folder} are at {server.uri}; Ctrl-C ends this."
    with urllib.request.urlopen(server.uri, timeout=20) as answer:
        assert b"mlflow" in answer.read().lower()


def test_a_folder_without_a_store_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["ui"]) == 1
    assert "there is no store at" in capsys.readouterr().err
    for name in ("demo", "other"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "mlflow.db").touch()
    assert cli.main(["ui"]) == 1
    assert "--results-dir results/demo or results/other" in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused_if_asked_for_and_else_avoided(server, monkeypatch):
    with pytest.raises(ValueError, match=f"port {server.port} is taken"):
        ui._port(server.port)
    monkeypatch.setattr(ui, "DEFAULT_PORT", server.port)
    assert ui._port(None) not in (0, server.port)


def only_run(server, name):
    store = open_store(server.database_uri, 5)
    found = [run for run in store.find(store.experiments()["wave_eq_100"], "") if run.name == name]
    assert len(found) == 1
    return found[0]


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
