"""Completing a run in the store from its folder, and finding out where the store does not hold what the run left."""

import json
import shutil
from contextlib import closing

import pytest

from pipeline_lib import cli
from pipeline_lib.runtime.locks import FileLock, LockHeldError
from pipeline_lib.tracking.complete import IncompleteError, complete, model_name
from pipeline_lib.tracking.run_folder import read_run_folder, read_state_folder
from pipeline_lib.tracking.ship import Shipper
from tests.tracking.run_folder import grey_png
from tests.tracking.stored import change, held, journalled


@pytest.fixture
def track(store, options):
    """Completes a run; what it was told on the way is in `track.said`."""

    def call(run, **keywords):
        call.said.clear()
        return complete(read_run_folder(run.folder), store, options, say=call.said.append, **keywords)

    call.said = []
    return call


def active_runs(store):
    return store.find(store.experiments()["wave_eq_100"], "")


def test_a_run_is_comparable_in_the_store(new_run, store, track):
    run = new_run().finish(n_points=12, mse=2e-4)
    content = track(run)
    stored = store.run(content["run_id"])
    assert (stored.name, stored.status, content["status"]) == ("pde seed 0", "FINISHED", "FINISHED")
    wanted = {
        **{"paper": "pde", "dataset": "wave_eq_100", "model": "pde", "variant": "pde", "seed": "0"},
        **{"data_source": "simulated", "schedule": "published", "iterations": "600", "digest": run.digest},
        **{"precision": "float32", "protocols": "forecast", "level": "run", "title": "PDE"},
    }
    assert {key: stored.tags.get(key) for key in wanted} == wanted
    assert "`test_mse_per_pixel`: mean over 40 predicted frames" in stored.tags["mlflow.note.content"]
    assert stored.params["training.optimiser.learning_rate"] == "0.0004"
    assert stored.params["n_parameters"] == "1234567"
    assert {name for name, _ in stored.datasets} == {"wave_eq_100 (train)", "wave_eq_100 (test)"}
    curves = held(store, stored.run_id)
    horizon = curves.pop("test_mse_per_pixel_by_horizon")
    assert [step for step, _, _ in horizon] == list(range(1, 41))
    assert horizon[-1][2] == pytest.approx(2e-4 * (0.2 + 1.6 * 39 / 40))
    assert [value for _, _, value in curves.pop("test_mse_per_pixel")] == [2e-4]
    assert [value for _, _, value in curves.pop("test_mse_per_pixel_published")] == [2e-4 * 1.01]
    assert curves == journalled(run)
    assert content["points"] == {key: len(points) for key, points in held(store, stored.run_id).items()}


def test_files_and_figures_are_artifacts_and_weights_are_not(new_run, track, results_dir, tmp_path):
    run = new_run().finish()
    run.paths.model.write_bytes(b"weights")
    elsewhere = tmp_path / "horizon.png"
    elsewhere.write_bytes(grey_png(4))
    content = track(run, files=[elsewhere, run.paths.figure("forecast", "png")])
    folder = results_dir / "mlartifacts" / content["run_id"] / "artifacts"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == ["config.yaml", "figures/forecast.png", "figures/horizon.png", "metrics.json", "training.json"]
    assert content["files"] == ["config.yaml", "training.json", "metrics.json", "forecast.png", "horizon.png"]


def test_the_best_model_on_a_test_part_can_be_searched(new_run, store, track):
    for seed, mse in ((0, 3e-4), (1, 1e-4), (2, 2e-4)):
        track(new_run(seed=seed).finish(n_points=2, mse=mse))
    experiment_id = store.experiments()["wave_eq_100"]
    found = store._client.search_logged_models(
        [experiment_id],
        datasets=[{"dataset_name": "wave_eq_100 (test)", "dataset_digest": ("fedcba9876543210" * 4)[:36]}],
        order_by=[{"field_name": "metrics.test_mse_per_pixel", "ascending": True}],
    )
    assert [model.name for model in found] == ["pde-seed-1", "pde-seed-2", "pde-seed-0"]
    assert found[0].tags["weights_sha256"] == json.loads(new_run(seed=1).paths.training.read_text())["weights_sha256"]


def test_tracking_a_run_again_changes_nothing(new_run, store, track):
    run = new_run().finish()
    first = track(run)
    before = held(store, first["run_id"])
    assert track(run) == first
    assert track.said == []
    assert held(store, first["run_id"]) == before
    assert len(active_runs(store)) == 1
    assert len(store._models_of(store.run(first["run_id"]))) == 1


def test_a_point_that_got_lost_is_noticed_and_shipped_again(new_run, store, track, results_dir):
    run = new_run().finish(n_points=20)
    run_id = track(run)["run_id"]
    before = held(store, run_id)
    change(results_dir, "DELETE FROM metrics WHERE key='loss' AND step=500")
    assert track(run)["run_id"] == run_id
    assert len(track.said) == 1
    assert "loss: 20 points should be stored, 19 are (1 missing, the first at step 500)" in track.said[0]
    assert held(store, run_id) == before


def test_a_picture_that_got_lost_is_noticed_and_shipped_again(new_run, store, track, results_dir):
    run = new_run()
    with closing(run.begin()) as journal:
        for step in (0, 50):
            (run.state / f"{step}.png").write_bytes(grey_png(8))
            journal.artifact(f"state/{run.digest}/{step}.png", "forecast", step)
        run.train(journal, 1)
        journal.state("finished")
    run.publish()
    run_id = track(run)["run_id"]
    assert track.said == []
    pictures = results_dir / "mlartifacts" / run_id / "artifacts" / "images"
    names = sorted(path.name for path in pictures.iterdir())
    (pictures / names[0]).unlink()
    track(run)
    assert len(track.said) == 1 and f"picture state/{run.digest}/0.png: not stored" in track.said[0]
    assert sorted(path.name for path in pictures.iterdir()) == names
    (run.state / "0.png").unlink()
    (pictures / names[0]).unlink()
    track(run)
    assert track.said == [], "what is not on the disk any more is not asked for"


def test_a_point_that_the_store_cannot_hold_fails_with_key_and_counts(new_run, track, results_dir):
    run = new_run().finish(n_points=20)
    ignore = "BEGIN SELECT RAISE(IGNORE); END"
    change(results_dir, f"CREATE TRIGGER t BEFORE INSERT ON metrics WHEN NEW.key='loss' AND NEW.step=500 {ignore}")
    with pytest.raises(IncompleteError, match=r"seed_0: .*loss: 20 points should be stored, 19 are \(1 missing"):
        track(run)


def test_the_command_fails_and_leaves_no_file_where_points_are_missing(new_run, options, results_dir, capsys):
    run = new_run().finish(n_points=3)
    arguments = ["track", "--run", str(run.folder), "--out", str(run.paths.tracked), "--tracking", options.uri]
    ignore = "BEGIN SELECT RAISE(IGNORE); END"
    change(results_dir, f"CREATE TRIGGER t BEFORE INSERT ON metrics WHEN NEW.key='loss_forecast' {ignore}")
    assert cli.main(arguments) == 1
    assert "loss_forecast: 3 points should be stored, 0 are (3 missing" in capsys.readouterr().err
    assert not run.paths.tracked.exists()
    change(results_dir, "DROP TRIGGER t")
    assert cli.main([*arguments, "--figures", str(run.paths.figure("forecast", "png"))]) == 0
    tracked = json.loads(run.paths.tracked.read_text())
    assert tracked["points"]["loss_forecast"] == 3
    assert (tracked["experiment"], tracked["uri"]) == ("wave_eq_100", options.uri)
    assert "pde seed 0" in capsys.readouterr().out


def test_a_point_that_no_file_holds_has_the_run_replaced(new_run, store, track, results_dir):
    run = new_run().finish(n_points=5)
    first = track(run)
    store.set_tags(first["run_id"], {"verdict": "looked at by a person"})
    change(results_dir, "UPDATE metrics SET timestamp = timestamp + 1 WHERE key='loss' AND step=100")
    second = track(run)
    assert second["run_id"] != first["run_id"]
    assert "loss: 5 points should be stored, 5 are (1 that no file holds, the first at step 100)" in track.said[0]
    assert [found.run_id for found in active_runs(store)] == [second["run_id"]]
    assert store.run(second["run_id"]).tags["verdict"] == "looked at by a person"
    assert second["points"] == first["points"]
    names = [model.name for model in store._client.search_logged_models([second["experiment_id"]])]
    assert names == ["pde-seed-0"]


def test_new_scores_replace_the_old_ones(new_run, store, track):
    run = new_run().finish(n_points=2, mse=2e-4)
    track(run)
    run.evaluate(1e-4)
    curves = held(store, track(run)["run_id"])
    assert [value for _, _, value in curves["test_mse_per_pixel"]] == [1e-4]
    assert len(curves["test_mse_per_pixel_by_horizon"]) == 40
    assert len(active_runs(store)) == 1


def test_a_training_that_was_extended_stays_one_run(new_run, store, track, experiments):
    run = new_run().finish(n_points=4)
    track(run)
    training = run.experiment.training.model_copy(update={"iterations": 20_000})
    run.experiment = run.experiment.model_copy(update={"training": training})
    with closing(run.begin()) as journal:
        run.train(journal, 4)
        journal.state("finished")
    run.publish()
    run.evaluate(1e-5)
    stored = store.run(track(run)["run_id"])
    assert [found.run_id for found in active_runs(store)] == [stored.run_id]
    assert stored.params["training.iterations"] == "20000"
    assert stored.tags["iterations"] == "400"
    assert len(held(store, stored.run_id)["loss"]) == 8


def test_a_shorter_training_restored_from_the_same_state_is_no_contradiction(new_run, store, track):
    run = new_run().finish(n_points=4)
    shorter = run.paths.journal.read_bytes()
    with closing(run.begin()) as journal:
        run.train(journal, 4)
        journal.state("finished")
    run.publish()
    run_id = track(run)["run_id"]
    run.paths.journal.write_bytes(shorter)
    assert len(held(store, track(run)["run_id"])["loss"]) == 8
    assert len(active_runs(store)) == 1
    assert run_id


def test_a_folder_copied_without_its_state_is_the_same_run(new_run, store, track, tmp_path):
    run = new_run().finish(n_points=4)
    run_id = track(run)["run_id"]
    shutil.rmtree(run.paths.state_root)
    assert track(run)["run_id"] == run_id


def test_a_long_curve_is_thinned_and_the_counts_know(new_run, track):
    run = new_run().finish(n_points=40)
    content = track(run, thin_above=10)
    assert content["points"]["loss"] == 10 + 5 + 5 + 1
    assert "loss: of 40 points" in content["thinned"]


def test_a_baseline_without_curves_is_tracked(new_run, store, track):
    run = new_run("copy_last", None).finish(mse=3e-2)
    stored = store.run(track(run)["run_id"])
    assert (stored.name, stored.tags["seed"], stored.status) == ("copy_last no seed", "none", "FINISHED")
    assert set(held(store, stored.run_id)) == {
        "test_mse_per_pixel",
        "test_mse_per_pixel_by_horizon",
        "test_mse_per_pixel_published",
    }


def test_a_run_without_end_state_counts_as_killed_once_nobody_trains_it(new_run, store, options):
    run = new_run()
    with closing(run.begin()) as journal:
        run.train(journal, 3)
    training = FileLock(run.state / ".lock")
    with training:
        alive = complete(read_state_folder(run.state), store, options)
    assert alive["status"] == "RUNNING"
    dead = complete(read_state_folder(run.state), store, options)
    assert (dead["run_id"], dead["status"]) == (alive["run_id"], "KILLED")
    assert "was killed" in store.run(dead["run_id"]).tags["state_reason"]


def test_a_run_that_is_being_shipped_is_left_alone(new_run, store, track):
    run = new_run().finish(n_points=2)
    with Shipper(run.journal_path, run.folder, store), pytest.raises(LockHeldError, match="is held by process"):
        track(run)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("journal.jsonl", None, "it has no journal.jsonl; train it first"),
        ("journal.jsonl", "no journal\n", "not the `run` entry of a journal"),
        ("metrics.json", "{}", "metrics.json: schema version 2 expected"),
        ("training.json", "", "training.json: not JSON"),
    ],
)
def test_a_damaged_folder_is_named(new_run, name, content, message):
    run = new_run().finish(n_points=1)
    path = run.folder / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_run_folder(run.folder)


def test_models_get_names_that_a_store_takes():
    assert model_name("pde seed 0") == "pde-seed-0"
    assert model_name("it's 100% a/b: c.d") == "it-s-100-a-b-c-d"
