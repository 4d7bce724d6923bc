"""Videos with missing objects through Snakemake, for real and small: decompositions, labels, figures and curves."""

import csv
import json

import pytest

from pipeline_lib.records.journal import metric_points, read_journal
from pipeline_lib.records.predictions import read_predictions
from tests.end_to_end.whole_pipeline import finished_pipeline

SAMPLE = "mnist_out_of_scene_sample"
CONFIGURATION = """\
results_dir: {folder}/results
data_dir: {folder}/data
experiments:
  - mnist_out_of_scene_sample/dive
  - mnist_out_of_scene_sample/copy_last
  - mnist_out_of_scene_sample/copy_neighbour
seeds: [0]
overrides:
  mnist_out_of_scene_sample/dive:
    dataset: &few {{epoch_size: 32, preparation: {{n_test_videos: 6}}}}
    model: {{image_latent: 16, hidden_size: 8, code_size_appearance: 8, ngf: 2, gamma_switch_step: 6}}
    training:
      schedule_name: test
      epochs: 2
      batch_size: 4
      precision: float32
      n_threads: 1
      device: cpu
      logging_interval: 4
      validation: {{interval: 8, pictures_interval: 8, n_windows: 4}}
    evaluation: &on_cpu {{device: cpu, n_threads: 1, n_examples: 2}}
  mnist_out_of_scene_sample/copy_last: {{dataset: *few, evaluation: *on_cpu}}
  mnist_out_of_scene_sample/copy_neighbour: {{dataset: *few, evaluation: *on_cpu}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository):
    pytest.importorskip("sklearn", reason="the sample is made from scikit-learn's digits")
    return finished_pipeline(tmp_path_factory.mktemp("decomposition"), repository, CONFIGURATION)


def test_input_frames_and_forecasts_are_scored(finished):
    runs = finished.runs(SAMPLE)
    protocols = json.loads((runs / "dive" / "seed_0" / "metrics.json").read_text())["protocols"]
    assert set(protocols) == {"forecast", "reconstruction", "imputation", "missingness"}
    assert "nelbo" in protocols["reconstruction"]["window_sets"]["all"]["metrics"]
    labels = protocols["missingness"]["window_sets"]["all"]["metrics"]
    assert {"balanced_accuracy", "auroc", "component_gain"} <= set(labels)
    copied = json.loads((runs / "copy_neighbour" / "no_seed" / "metrics.json").read_text())["protocols"]
    assert set(copied) == {"forecast", "imputation"}
    with open(finished.folder / "results" / "tables" / f"{SAMPLE}.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["protocol"] for row in rows} == {"forecast", "reconstruction", "imputation", "missingness"}


def test_figures_show_objects_and_what_was_imputed(finished):
    run = finished.runs(SAMPLE) / "dive" / "seed_0"
    drawn = {path.name for path in (run / "figures").iterdir() if path.stat().st_size > 3_000}
    assert drawn >= {"decomposition.png", "imputation.pdf", "decomposition_animation.gif", "forecast.png"}
    found = read_predictions(run / "predictions.h5").decomposition
    assert found is not None and found.component.shape == (2, 20, 2, 1, 64, 64) and found.missing is not None
    assert (found.missing.sum(axis=1) == 2).all(), "each digit is missing for two input frames"


def test_terms_labels_and_schedules_are_journalled_and_in_the_store(finished):
    from mlflow import MlflowClient

    run = finished.runs(SAMPLE) / "dive" / "seed_0"
    points = metric_points(read_journal(run / "journal.jsonl"))
    terms = {"kl_missingness", "kl_pose_input", "kl_pose_predicted", "kl_pose_initial", "kl_appearance"}
    assert terms | {"nll_input", "nll_output", "loss"} <= set(points)
    assert [value for _, _, value in points["gamma_appearance"]] == [0.3, 0.15, 0.15, 0.15]
    assert {"train_sample_balanced_accuracy", "train_sample_auroc", "train_sample_component_gain"} <= set(points)
    client = MlflowClient(f"sqlite:///{finished.folder}/results/mlflow.db")
    (experiment,) = client.search_experiments(filter_string=f"name = '{SAMPLE}'")
    runs = {each.info.run_name: each for each in client.search_runs([experiment.experiment_id])}
    stored = runs["dive seed 0"]
    assert {"kl_appearance", "gamma_appearance", "train_sample_balanced_accuracy"} <= set(stored.data.metrics)
    assert [key for key in stored.data.metrics if key.startswith("test_missingness_balanced_accuracy")]
    assert any("decomposition" in file.path for file in client.list_artifacts(stored.info.run_id, "images"))
