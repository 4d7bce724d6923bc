"""The parent run of an experiment: mean and spread over the seeds, and its children."""

import json
import statistics

import pytest

from pipeline_lib import cli
from pipeline_lib.tracking.complete import complete
from pipeline_lib.tracking.parent import track_parent
from pipeline_lib.tracking.run_folder import read_run_folder
from tests.tracking.stored import held

SCORES = {0: 3e-4, 1: 1e-4, 2: 8e-4}


@pytest.fixture
def summarise(new_run, store, options):
    """Tracks the runs with these seeds and their parent; the parent as it is stored."""

    def call(seeds, variant="pde"):
        runs = []
        for seed in seeds:
            run = new_run(variant, seed)
            if not run.paths.metrics.exists():
                run.finish(n_points=2, mse=SCORES.get(seed, 1e-2))
            runs.append(read_run_folder(run.folder))
            complete(runs[-1], store, options)
        content = track_parent(runs, store, options, runs[0].folder.parent)
        return store.run(content["run_id"]), content

    return call


def values(store, run, key):
    return [value for _, _, value in held(store, run.run_id)[key]]


def parents_and_children(store):
    runs = store.find(store.experiments()["wave_eq_100"], "")
    parents = [run for run in runs if run.tags["level"] == "experiment"]
    return parents, {run.name: run.tags.get("mlflow.parentRunId") for run in runs if run.tags["level"] == "run"}


def test_a_parent_has_mean_and_spread_of_its_children(store, summarise):
    parent, content = summarise([0, 1, 2])
    mean, spread = statistics.fmean(SCORES.values()), statistics.stdev(SCORES.values())
    assert values(store, parent, "test_mse_per_pixel") == [pytest.approx(mean)]
    assert values(store, parent, "test_mse_per_pixel_std_over_seeds") == [pytest.approx(spread)]
    assert values(store, parent, "test_mse_per_pixel_published") == [pytest.approx(mean * 1.01)]
    horizon = [mean * (0.2 + 1.6 * frame / 40) for frame in range(40)]
    assert values(store, parent, "test_mse_per_pixel_by_horizon") == pytest.approx(horizon)
    assert (parent.name, parent.status, parent.tags["seeds"]) == ("pde, 3 seeds", "FINISHED", "0,1,2")
    assert parent.params["model.code_size_static"] == "32"
    assert {name for name, _ in parent.datasets} == {"wave_eq_100 (train)", "wave_eq_100 (test)"}
    _, children = parents_and_children(store)
    assert children == dict.fromkeys(("pde seed 0", "pde seed 1", "pde seed 2"), parent.run_id)
    assert len(content["children"]) == 3


def test_a_parent_is_found_again(store, summarise):
    first, _ = summarise([0, 1])
    second, _ = summarise([0, 1])
    assert first.run_id == second.run_id
    assert len(parents_and_children(store)[0]) == 1


def test_another_seed_joins_the_same_parent(store, summarise):
    summarise([0, 1])
    parent, _ = summarise([0, 1, 2])
    parents, children = parents_and_children(store)
    assert [run.name for run in parents] == ["pde, 3 seeds"]
    assert set(children.values()) == {parent.run_id}
    assert values(store, parent, "test_mse_per_pixel") == [pytest.approx(statistics.fmean(SCORES.values()))]


def test_one_seed_has_no_spread_and_a_baseline_no_seed(store, summarise):
    one, _ = summarise([0])
    baseline, _ = summarise([None], "copy_last")
    assert (one.name, baseline.name) == ("pde, 1 seed", "copy_last")
    assert "test_mse_per_pixel_std_over_seeds" not in one.metric_keys | baseline.metric_keys


def test_runs_of_other_settings_have_no_mean(new_run, store, options):
    for seed in (0, 1):
        new_run(seed=seed).finish(n_points=1).evaluate(1e-4, settings_digest=f"settings {seed}")
    runs = [read_run_folder(new_run(seed=seed).folder) for seed in (0, 1)]
    with pytest.raises(ValueError, match="seed_1: has another settings_digest"):
        track_parent(runs, store, options, runs[0].folder.parent)


def test_children_must_be_in_the_store_and_evaluated(new_run, store, options):
    run = new_run().finish(n_points=1)
    with pytest.raises(ValueError, match="does not hold it; run `track --run` on it first"):
        track_parent([read_run_folder(run.folder)], store, options, run.folder.parent)
    run.paths.metrics.unlink()
    with pytest.raises(ValueError, match="has no metrics.json; evaluate the run first"):
        track_parent([read_run_folder(run.folder)], store, options, run.folder.parent)


def test_the_command_completes_the_runs_of_an_experiment_and_their_parent(new_run, results_dir, options, capsys):
    runs = [new_run("pde", seed).finish(n_points=2, mse=SCORES[seed]) for seed in (0, 1)]
    figures = [str(run.paths.figure("forecast", "png")) for run in runs]
    out = runs[0].folder.parent / "tracked.json"
    folders = [str(run.folder) for run in runs]
    arguments = ["track", "--runs", *folders, "--figures", *figures, "--out", str(out), "--tracking", options.uri]
    assert cli.main(arguments) == 0
    parent = json.loads(out.read_text())
    children = [json.loads(run.paths.tracked.read_text()) for run in runs]
    assert parent["children"] == [child["run_id"] for child in children]
    assert [child["run_name"] for child in children] == ["pde seed 0", "pde seed 1"]
    for child in children:
        kept = results_dir / "mlartifacts" / child["run_id"] / "artifacts" / "figures"
        assert [path.name for path in kept.iterdir()] == ["forecast.png"], "each run has its own figures"
    assert "pde, 2 seeds" in capsys.readouterr().out


def test_the_command_leaves_no_parent_where_a_run_is_not_evaluated(new_run, options, capsys):
    runs = [new_run("pde", seed).finish(n_points=2, mse=SCORES[seed]) for seed in (0, 1)]
    runs[1].paths.metrics.unlink()
    out = runs[0].folder.parent / "tracked.json"
    folders = [str(run.folder) for run in runs]
    assert cli.main(["track", "--runs", *folders, "--out", str(out), "--tracking", options.uri]) == 1
    assert "metrics.json" in capsys.readouterr().err and not out.exists()
