"""The whole pipeline through Snakemake, for real and small: simulation to store, then killed and continued."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline_lib.records.journal import metric_points, read_journal
from tests.end_to_end.whole_pipeline import Pipeline

CONFIGURATION = """\
results_dir: {folder}/results
data_dir: {folder}/data
experiments: [wave_eq_100/pde, wave_eq_100/copy_last]
seeds: {seeds}
overrides:
  wave_eq_100/pde:
    dataset: &few {{preparation: {{n_simulations: 4, n_train_simulations: 3, n_pixels: 12}}}}
    model: {{encoder_hidden_size: 16, decoder_hidden_size: 16, integrator_hidden_size: 16}}
    training:
      schedule_name: test
      iterations: {iterations}
      logging_interval: 5
      checkpoint_interval: 0.2
      n_threads: 1
      device: cpu
      validation: {{interval: 20, n_windows: 4}}
    evaluation: &on_cpu {{device: cpu, n_threads: 1, n_examples: 2, window_sets: [all]}}
  wave_eq_100/copy_last: {{dataset: *few, evaluation: *on_cpu}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository):
    pipeline = Pipeline(tmp_path_factory.mktemp("pipeline"), repository, CONFIGURATION)
    pipeline.configure(seeds=[0], iterations=40)
    answer = pipeline.run()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return pipeline


def test_every_result_is_there_and_agrees(finished):
    run = finished.runs("wave_eq_100") / "pde" / "seed_0"
    metrics = json.loads((run / "metrics.json").read_text())
    training = json.loads((run / "training.json").read_text())
    found = metrics["protocols"]["forecast"]["window_sets"]["all"]
    score = found["metrics"]["mse_per_pixel"]
    assert metrics["digest"] == training["digest"] and training["iterations"] == 40
    assert found["n_windows"] == 106 and len(score["horizon"]) == 40
    for figure in ("figures/forecast.png", "figures/forecast.pdf", "figures/loss_curves.png"):
        assert (run / figure).stat().st_size > 5_000
    assert (finished.folder / "results/figures/wave_eq_100/horizon.png").stat().st_size > 5_000
    with open(finished.folder / "results/tables/wave_eq_100.csv", newline="") as stream:
        rows = {row["experiment"]: row for row in csv.DictReader(stream)}
    assert float(rows["wave_eq_100/pde"]["mean"]) == score["mean"]
    assert "Copy of the last frame" in (finished.folder / "results/tables/wave_eq_100.md").read_text()


def test_the_store_holds_every_journalled_point_once(finished):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{finished.folder}/results/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'wave_eq_100'")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    run = runs["pde seed 0"]
    assert run.info.status == "FINISHED"
    journal = finished.runs("wave_eq_100") / "pde" / "seed_0" / "journal.jsonl"
    for key, points in metric_points(read_journal(journal)).items():
        stored = client.get_metric_history(run.info.run_id, key)
        assert sorted((point.step, point.timestamp, point.value) for point in stored) == sorted(points), key


def test_a_second_start_has_nothing_to_do(finished):
    answer = finished.run()
    assert answer.returncode == 0 and "Nothing to be done" in answer.stdout + answer.stderr


def test_the_report_is_self_contained(finished):
    answer = finished.run("--report", str(finished.folder / "report.html"))
    assert answer.returncode == 0, answer.stderr
    page = (finished.folder / "report.html").read_text()
    assert "Forecasts of" in page and "horizon" in page
    assert 'src="http' not in page and "<link" not in page


def test_killed_and_started_again_ends_in_the_same_weights(finished):
    """SIGKILL to Snakemake and everything below it in mid-training, then the same command again."""
    finished.configure(seeds=[0, 7], iterations=40)
    folder = finished.runs("wave_eq_100") / "pde" / "seed_7"
    killed_at = None
    process = subprocess.Popen(finished.command(), start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while killed_at is None and time.monotonic() < deadline:
        for facts in folder.glob("state/*/generation_*/state.json"):
            killed_at = json.loads(json.loads(facts.read_text())["body"])["facts"]["iteration"]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert killed_at is not None, "the training saved nothing in two minutes"
    assert not (folder / "metrics.json").exists()
    assert finished.run("--unlock").returncode == 0
    again = finished.run()
    assert again.returncode == 0, again.stdout + again.stderr

    direct = finished.folder / "direct"
    config = finished.folder / "results/configs/wave_eq_100/pde.yaml"
    train_file = finished.folder / "data/prepared/wave_eq_100/train.h5"
    arguments = ["train", str(config), "--seed", "7", "--train-file", str(train_file), "--out", str(direct)]
    subprocess.run([sys.executable, "-m", "pipeline_lib", *arguments], check=True, capture_output=True)
    assert (folder / "model.safetensors").read_bytes() == (direct / "model.safetensors").read_bytes()
    assert json.loads((finished.runs("wave_eq_100") / "pde" / "tracked.json").read_text())
