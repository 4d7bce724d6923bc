"""Shipping a journal to a store: each point once, with the time at which it was journalled, whatever happens."""

import math
from contextlib import closing

import pytest

from pipeline_lib.records.journal import encode_line, read_journal
from pipeline_lib.runtime.locks import LockHeldError
from pipeline_lib.tracking.connection import StoreUnavailableError
from pipeline_lib.tracking.points import Point
from pipeline_lib.tracking.ship import Shipper
from tests.tracking.run_folder import grey_png
from tests.tracking.stored import change, held, journalled


def shipper_of(run, store, **keywords):
    return Shipper(run.journal_path, run.folder, store, **keywords)


def ship(run, store, **keywords):
    """Ship what there is; the run's id."""
    with shipper_of(run, store, **keywords) as shipper:
        shipper.ship()
        return shipper.run_id


def test_every_point_is_stored_once_with_the_time_of_the_journal(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 30)
        journal.metrics(9000, {"odd": math.nan, "odder": math.inf, "oddest": -math.inf})
        journal.metrics(9001, {"odd": math.nan})
    run_id = ship(run, store, batch_size=7)
    assert held(store, run_id) == journalled(run)
    run.state.joinpath("shipped.json").unlink()
    assert ship(run, store, batch_size=100) == run_id
    assert held(store, run_id) == journalled(run)


def test_a_journal_that_grows_is_shipped_from_where_it_was_left(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal, shipper_of(run, store) as shipper:
        for _ in range(3):
            run.train(journal, 4)
            assert shipper.ship() == run.journal_path.stat().st_size
            assert held(store, shipper.run_id) == journalled(run)
        sent = []
        shipper.store = _Recording(store, sent)
        run.train(journal, 1)
        shipper.ship()
    assert {point.step for point in sent} == {run.iterations}


class _Recording:
    """A store that notes the points it is given."""

    def __init__(self, store, points):
        self._store, self._points = store, points

    def __getattr__(self, name):
        return getattr(self._store, name)

    def log_points(self, run_id, points, *more):
        self._points += points
        self._store.log_points(run_id, points, *more)


def test_a_torn_last_line_waits_until_it_is_whole(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 2)
    line = encode_line("metrics", 1_700_000_000_000, {"step": 5000, "values": {"loss": 0.5}})
    whole = run.journal_path.stat().st_size
    with open(run.journal_path, "ab", buffering=0) as stream, shipper_of(run, store) as shipper:
        stream.write(line[:20])
        assert shipper.ship() == whole
        stream.write(line[20:])
        assert shipper.ship() == whole + len(line)
        assert held(store, shipper.run_id)["loss"][-1] == (5000, 1_700_000_000_000, 0.5)


def test_a_journal_whose_head_is_not_there_yet_is_no_error(new_run, store):
    run = new_run()
    run.state.mkdir(parents=True)
    with shipper_of(run, store) as shipper:
        assert shipper.ship() == 0
        run.journal_path.write_bytes(b'{"kind":"run"')
        assert shipper.ship() == 0
    assert store.experiments() == {}


def test_what_the_store_refuses_is_told_and_the_rest_is_shipped(new_run, store, results_dir):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 40)
        journal.metrics(9000, {"no such?name": 1.0, "fine": 2.0})
    # A row that the database itself refuses, as a server with a rule of its own would.
    refusal = "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    change(results_dir, f"CREATE TRIGGER t BEFORE INSERT ON metrics WHEN NEW.key='loss' AND NEW.step=1000 {refusal}")
    told = []
    run_id = ship(run, store, warn=told.append)
    assert len(told) == 2
    assert told[0].startswith("REFUSED loss at step 1000 ")
    assert told[1].startswith("REFUSED no such?name at step 9000 ")
    expected = journalled(run)
    del expected["no such?name"]
    expected["loss"] = [point for point in expected["loss"] if point[0] != 1000]
    assert held(store, run_id) == expected


def test_a_run_that_was_deleted_is_shipped_to_a_new_one(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal, shipper_of(run, store) as shipper:
        run.train(journal, 3)
        shipper.ship()
        first = shipper.run_id
        store.delete_run(store.run(first))
        run.train(journal, 3)
        shipper.ship()
        assert shipper.run_id != first
        assert held(store, shipper.run_id) == journalled(run)


def test_state_and_its_reason_follow_the_journal(new_run, store):
    run = new_run()

    def stored(journal):
        found = store.run(ship(run, store))
        return found.status, found.tags["state"], found.tags.get("state_reason")

    with closing(run.begin()) as journal:
        assert stored(journal) == ("RUNNING", "running", None)
        journal.state("stopped", "received SIGTERM")
        assert stored(journal) == ("KILLED", "stopped", "received SIGTERM")
    with closing(run.begin()) as journal:
        assert stored(journal) == ("RUNNING", "running", None)
        journal.state("failed", "the loss was not finite")
        assert stored(journal) == ("FAILED", "failed", "the loss was not finite")
        journal.state("finished")
        assert stored(journal) == ("FINISHED", "finished", None)


def test_the_run_can_be_told_from_others_in_the_list(new_run, store):
    run = new_run()
    run.begin().close()
    stored = store.run(ship(run, store))
    assert stored.name == "pde seed 0"
    assert store.experiments() == {"wave_eq_100": stored.experiment_id}
    assert stored.tags["experiment"] == "wave_eq_100/pde"
    assert stored.tags["digest"] == run.digest
    assert stored.tags["git_dirty"] in ("true", "false", "none")
    assert stored.params["model.code_size_static"] == "32"
    assert stored.params["training.iterations"] == "18750"
    assert stored.datasets == {("wave_eq_100 (train)", ("0123456789abcdef" * 4)[:36])}


def test_a_journal_begun_anew_is_another_run(new_run, store):
    run = new_run()
    run.begin().close()
    first = ship(run, store)
    run.journal_path.unlink()
    run.begin().close()
    assert ship(run, store) != first


def test_one_process_ships_at_a_time(new_run, store):
    run = new_run()
    run.begin().close()
    with shipper_of(run, store), pytest.raises(LockHeldError, match="is held by process"):
        shipper_of(run, store).__enter__()


@pytest.mark.parametrize("damage", ["", "{", '{"schema_version": 99}'])
def test_a_damaged_record_costs_a_replay_and_no_more(new_run, store, damage):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 3)
    run_id = ship(run, store)
    (run.state / "shipped.json").write_text(damage)
    assert ship(run, store) == run_id
    assert held(store, run_id) == journalled(run)


def test_thinning_does_not_depend_on_how_the_journal_is_cut_up(new_run, store):
    whole, parts = new_run(seed=0), new_run(seed=1)
    for run, cuts in ((whole, [60]), (parts, [7, 23, 30])):
        journal = run.begin()
        for n_points in cuts:
            run.train(journal, n_points)
            run_id = ship(run, store, thin_above=16)
        journal.state("finished")
        journal.close()
        run_id = ship(run, store, thin_above=16)
        steps = [step for step, _, _ in held(store, run_id)["loss"]]
        expected = [*range(16), *range(16, 32, 2), *range(32, 60, 4), 59]
        assert steps == [50 * (number + 1) for number in expected]


def test_thinning_does_not_depend_on_where_the_store_failed(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 60)
        journal.state("finished")
    with shipper_of(run, _FailingOnce(store), thin_above=16, batch_size=20) as shipper:
        with pytest.raises(StoreUnavailableError, match="switched off"):
            shipper.ship()
        shipper.ship()
        steps = [step for step, _, _ in held(store, shipper.run_id)["loss"]]
    assert steps == [50 * (number + 1) for number in [*range(16), *range(16, 32, 2), *range(32, 60, 4), 59]]


class _FailingOnce:
    """A store whose third request to store points fails."""

    def __init__(self, store):
        self._store, self._left = store, 3

    def __getattr__(self, name):
        return getattr(self._store, name)

    def log_points(self, *arguments):
        self._left -= 1
        if self._left == 0:
            raise StoreUnavailableError("switched off")
        self._store.log_points(*arguments)


def test_pictures_become_a_series_and_one_that_is_gone_is_told(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal:
        for step in (100, 200):
            (run.folder / f"{step}.png").write_bytes(grey_png(8))
            journal.artifact(f"{step}.png", "forecast", step)
        (run.folder / "film.gif").write_bytes(b"GIF89a")
        journal.artifact("film.gif", "films", 200)
        journal.artifact("gone.png", "forecast", 300)
        (run.folder / "torn.png").write_bytes(grey_png(8)[:20])
        journal.artifact("torn.png", "forecast", 400)
        run.train(journal, 1)
    told = []
    run_id = ship(run, store, warn=told.append)
    artifacts = run.folder.parents[3] / "mlartifacts" / run_id / "artifacts"
    pictures = [each for each in read_journal(run.journal_path) if each.content.get("key") == "forecast"]
    times = {each.content["step"]: each.time_ms for each in pictures}
    # What mlflow's web page takes apart for its slider, with the time of the journal.
    stems = [f"forecast+step+{step}+timestamp+{times[step]}+picture" for step in (100, 200)]
    names = sorted(f"{stem}{preview}.png" for stem in stems for preview in ("", "+compressed"))
    assert sorted(path.name for path in (artifacts / "images").iterdir()) == names
    (artifacts / "images" / names[0]).write_bytes(b"half of a pic")  # the shipping process was killed at it
    (run.state / "shipped.json").unlink()
    ship(run, store, warn=lambda _: None)
    assert sorted(path.name for path in (artifacts / "images").iterdir()) == names
    assert all((artifacts / "images" / name).read_bytes().startswith(b"\x89PNG") for name in names)
    assert (artifacts / "images" / f"{stems[0]}.png").read_bytes() == grey_png(8)
    assert store.run(run_id).tags["mlflow.loggedImages"] == "true"
    assert store.picture_names(run_id) == set(stems)
    assert (artifacts / "films" / "step_00000200" / "film.gif").read_bytes() == b"GIF89a"
    assert len(told) == 2 and "gone.png" in told[0] and "not there" in told[0] and "torn.png" in told[1]
    assert held(store, run_id) == journalled(run)


def test_a_corrupt_journal_is_named(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 3)
    content = run.journal_path.read_bytes()
    run.journal_path.write_bytes(content.replace(b'"step":100', b'"step":101'))
    with shipper_of(run, store) as shipper, pytest.raises(ValueError, match="journal.jsonl: the journal is corrupt"):
        shipper.ship()


def test_points_of_one_entry_may_exceed_a_batch(new_run, store):
    run = new_run()
    with closing(run.begin()) as journal:
        journal.metrics(1, {f"key_{number}": float(number) for number in range(25)})
    run_id = ship(run, store, batch_size=10)
    assert held(store, run_id) == journalled(run)
    assert store.history(run_id, "key_24")[0] == Point("key_24", 1, held(store, run_id)["key_24"][0][1], 24.0)
