"""Where files are: docs/architecture.md says it, the code does it."""

from pathlib import Path

import pytest

from pipeline_lib.config.paths import ResultPaths, parse_seed_folder, seed_folder

PATHS = ResultPaths(Path("results"), Path("/disk/data"))


def test_files_are_where_the_architecture_says():
    run = PATHS.run("wave_eq_100/pde", 3)
    shown = {
        PATHS.train_file("wave_eq"): "/disk/data/prepared/wave_eq/train.h5",
        PATHS.test_file("wave_eq"): "/disk/data/prepared/wave_eq/test.h5",
        PATHS.config("wave_eq_100/pde"): "results/configs/wave_eq_100/pde.yaml",
        run.config: "results/runs/wave_eq_100/pde/seed_3/config.yaml",
        run.model: "results/runs/wave_eq_100/pde/seed_3/model.safetensors",
        run.training: "results/runs/wave_eq_100/pde/seed_3/training.json",
        run.journal: "results/runs/wave_eq_100/pde/seed_3/journal.jsonl",
        run.metrics: "results/runs/wave_eq_100/pde/seed_3/metrics.json",
        run.predictions: "results/runs/wave_eq_100/pde/seed_3/predictions.h5",
        run.tracked: "results/runs/wave_eq_100/pde/seed_3/tracked.json",
        run.state("0123"): "results/runs/wave_eq_100/pde/seed_3/state/0123",
        run.figure("forecast", "png"): "results/runs/wave_eq_100/pde/seed_3/figures/forecast.png",
        PATHS.parent_tracked("wave_eq_100/pde"): "results/runs/wave_eq_100/pde/tracked.json",
        PATHS.figure("wave_eq_100", "horizon", "pdf"): "results/figures/wave_eq_100/horizon.pdf",
        PATHS.table("wave_eq_100", "csv"): "results/tables/wave_eq_100.csv",
        PATHS.report: "results/report.html",
        PATHS.log("train", "wave_eq_100/pde/seed_3"): "results/logs/train/wave_eq_100/pde/seed_3.log",
    }
    assert {str(path): text for path, text in shown.items()} == {text: text for text in shown.values()}


@pytest.mark.parametrize("seed", [None, 0, 17, 2**32 - 1])
def test_the_folder_of_a_run_tells_its_seed(seed):
    assert parse_seed_folder(seed_folder(seed)) == seed
    assert PATHS.run("a/b", seed) == PATHS.run_in("a/b", seed_folder(seed))


@pytest.mark.parametrize("name", ["seed_", "seed_x", "17", "seed_-1", "state"])
def test_any_other_folder_is_an_error(name):
    with pytest.raises(ValueError, match="expected seed_<n> or no_seed"):
        parse_seed_folder(name)
