"""A dataset of images through Snakemake, for real and small: raw files, swaps, animations, pictures in the store."""

import csv
import json

import pytest

from tests.end_to_end.whole_pipeline import finished_pipeline

CONFIGURATION = """\
results_dir: {folder}/results
data_dir: {folder}/data
experiments: [moving_mnist_sample/pde, moving_mnist_sample/copy_last, moving_mnist_sample/black]
seeds: [0]
overrides:
  moving_mnist_sample/pde:
    dataset: &few {{epoch_size: 64}}
    task: &short {{n_pred: 3, n_pred_test: 12}}
    model: {{encoder_hidden_size: 4, decoder_hidden_size: 4, integrator_hidden_size: 16, code_size_static: 8}}
    training:
      schedule_name: test
      epochs: 2
      batch_size: 8
      precision: float32
      n_threads: 1
      device: cpu
      validation: {{interval: 8, pictures_interval: 8, n_windows: 4}}
    evaluation: &on_cpu {{device: cpu, n_threads: 1, n_examples: 2, horizons: [3, 12], n_windows: 6}}
  moving_mnist_sample/copy_last: {{dataset: *few, task: *short, evaluation: *on_cpu}}
  moving_mnist_sample/black: {{dataset: *few, task: *short, evaluation: *on_cpu}}
"""
SAMPLE = "moving_mnist_sample"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository):
    pytest.importorskip("sklearn", reason="the sample is made from scikit-learn's digits")
    return finished_pipeline(tmp_path_factory.mktemp("images"), repository, CONFIGURATION)


def test_forecasts_and_swaps_are_scored_at_every_horizon(finished):
    metrics = json.loads((finished.runs(SAMPLE) / "pde" / "seed_0" / "metrics.json").read_text())
    for protocol in ("forecast", "swap"):
        of_set = metrics["protocols"][protocol]["window_sets"]["all"]
        assert of_set["n_windows"] == 6
        assert set(of_set["metrics"]) == {"mse_per_pixel", "psnr_frame_mean", "ssim_gauss11"}
        for scores in of_set["metrics"].values():
            assert set(scores["at"]) == {"3", "12"} and len(scores["horizon"]) == 12


def test_every_figure_and_the_table_are_there(finished):
    figures = finished.runs(SAMPLE) / "pde" / "seed_0" / "figures"
    drawn = {path.name for path in figures.iterdir() if path.stat().st_size > 3_000}
    assert drawn >= {"forecast.png", "swap.png", "swap.pdf", "forecast_animation.gif", "swap_animation.html"}
    overall = finished.folder / "results" / "figures" / SAMPLE
    assert {path.name for path in overall.iterdir()} >= {"horizon.png", "long_horizon.png", "long_horizon.pdf"}
    with open(finished.folder / "results" / "tables" / f"{SAMPLE}.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["protocol"] for row in rows} == {"forecast", "swap"}
    assert {row["schedule"] for row in rows if row["experiment"] == f"{SAMPLE}/pde"} == {"test"}


def test_the_store_shows_how_forecasts_became_what_they_are(finished):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{finished.folder}/results/mlflow.db")
    (experiment,) = client.search_experiments(filter_string=f"name = '{SAMPLE}'")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    run = runs["pde seed 0"]
    assert run.info.status == "FINISHED"
    pictures = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
    steps = {int(path.split("step")[1].split("%" if "%" in path else "+")[1]) for path in pictures if "step" in path}
    assert steps == {0, 8, 16}
