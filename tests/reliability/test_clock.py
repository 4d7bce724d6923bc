"""A clock that jumps backwards in mid-training changes no number, and what was journalled is tracked completely."""

import time

from pipeline_lib import cli
from pipeline_lib.records.journal import read_journal
from pipeline_lib.tracking.store import open_store
from tests.tracking.conftest import (  # noqa: F401 - fixtures
    empty_database,
    experiments,
    new_run,
    options,
    results_dir,
    store,
)
from tests.tracking.stored import held, journalled
from tests.training.toy import assert_same, toy_trainer, weights

HOUR_NS = 3600 * 10**9


def test_a_training_ends_in_the_same_weights(tiny_experiment, tmp_path, monkeypatch):
    whole = toy_trainer(tiny_experiment, tmp_path / "whole", iterations=20)
    whole.run()
    real, jumping = time.time_ns, toy_trainer(tiny_experiment, tmp_path / "jumping", iterations=20)
    monkeypatch.setattr(time, "time_ns", lambda: real() - (jumping.iteration >= 7) * HOUR_NS)
    monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9)
    jumping.run()
    assert_same(weights(jumping), weights(whole))
    times = [entry.time_ms for entry in read_journal(jumping.journal.path)]
    assert max(times) - times[-1] > 3_500_000, "the clock did not jump"
    assert jumping.seconds() >= 0


def test_its_journal_is_tracked_to_the_last_point(new_run, results_dir, options, monkeypatch):  # noqa: F811
    run = new_run()
    journal = run.begin()
    run.train(journal, 20)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - HOUR_NS)
    run.train(journal, 20)
    journal.state("finished")
    journal.close()
    assert cli.main(["track", "--all", str(results_dir)]) == 0
    found = open_store(options.uri, 5)
    (stored,) = found.find(found.experiments()["wave_eq_100"], "tags.level = 'run'")
    assert stored.status == "FINISHED" and held(found, stored.run_id) == journalled(run)
    assert len(journalled(run)["loss"]) == 40
