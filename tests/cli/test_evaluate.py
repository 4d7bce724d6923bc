"""`evaluate` on the folder of a run: what it writes, and what it refuses."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline_lib.cli import evaluate as evaluate_stage
from pipeline_lib.cli import main
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_experiment
from pipeline_lib.config.model import CopyLastSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.models.pde.model import PdeModel
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.predictions import read_predictions
from pipeline_lib.runtime.locks import lease_several
from tests.reference.forecast_evaluation import squared_errors

N_ALL, N_PUBLISHED = 131, 45  # windows of 20 frames in one simulation of 150; the published loader takes 64 for 150


@pytest.fixture(scope="module")
def test_videos(prepared):
    with VideoFile(prepared / "test.h5") as file:
        return file.read(0, file.n_videos)


def changed(experiment: Experiment, **sections) -> Experiment:
    values = experiment.model_dump(mode="json")
    for section, settings in sections.items():
        values[section] = {**values[section], **settings} if isinstance(settings, dict) else settings
    return Experiment.model_validate(values)


def evaluate(paths, test_file: Path, *arguments: str) -> int:
    return main(["evaluate", *arguments, "--run-dir", str(paths.folder), "--test-file", str(test_file)])


def window_sets(record: dict) -> dict:
    """Of the one protocol that was evaluated."""
    assert list(record["protocols"]) == ["forecast"]
    return record["protocols"]["forecast"]["window_sets"]


def refusal(capsys, paths, test_file: Path, *arguments: str) -> str:
    """What `evaluate` says when it refuses; it leaves no result then."""
    assert evaluate(paths, test_file, *arguments) == 1
    assert not paths.metrics.exists() and not paths.predictions.exists()
    return capsys.readouterr().err


def test_scores_are_those_of_a_plain_loop(tiny_experiment, finished_run, prepared, test_videos):
    paths, model = finished_run(tiny_experiment)
    assert evaluate(paths, prepared / "test.h5") == 0
    expected = squared_errors(model.forecast, test_videos, n_cond=5, n_pred=15)
    assert expected.mean() > 1e-3 and expected.shape == (N_ALL, 15)
    record, predictions = read_metrics(paths.metrics), read_predictions(paths.predictions)
    for name, n_windows in {"all": N_ALL, "published": N_PUBLISHED}.items():
        found = window_sets(record)[name]
        assert found["n_windows"] == n_windows
        scores, of_set = found["metrics"]["mse_per_pixel"], expected[:n_windows]
        np.testing.assert_allclose(scores["mean"], of_set.mean(), rtol=1e-6)
        np.testing.assert_allclose(scores["std_over_windows"], of_set.mean(axis=1).std(ddof=1), rtol=1e-6)
        np.testing.assert_allclose(scores["horizon"], of_set.mean(axis=0), rtol=1e-6)
        per_window = predictions.per_window["forecast"][name]["mse_per_pixel"]
        np.testing.assert_allclose(per_window, of_set.mean(axis=1), rtol=1e-6)
    assert list(window_sets(record)) == ["all", "published"]


def test_metrics_say_what_was_evaluated_and_how(tiny_experiment, finished_run, prepared):
    paths, model = finished_run(tiny_experiment, seed=3)
    assert evaluate(paths, prepared / "test.h5", "--device", "cpu", "--seed", "3") == 0
    record = read_metrics(paths.metrics)
    expected = {
        "experiment": "wave_eq_100/pde",
        "title": "PDE",
        "paper": "pde",
        "dataset": "wave_eq_100",
        "model": "pde",
        "seed": 3,
        "digest": "0123456789abcdef",
        "schedule_name": "test",
        "iterations": 20,
        "precision": "float32",
        "evaluation_precision": "float32",
        "n_cond": 5,
        "n_pred": 10,
        "n_pred_test": 15,
        "device": "cpu (1 threads)",
    }
    assert {key: record[key] for key in expected} == expected
    with VideoFile(prepared / "test.h5") as file:
        assert record["test_data"]["content_sha256"] == file.content_sha256
        assert record["data_source"] == file.attributes["source"]
    assert record["training"]["wall_seconds"] == 12.5 and record["training"]["gpu_hours"] == 0.0
    assert record["training"]["n_parameters"] == sum(p.numel() for p in model.parameters())
    assert record["training"]["hardware"]["cpu"] and record["provenance"]["packages"]["torch"]
    assert record["evaluation_seconds"] > 0


def test_predictions_hold_the_windows_that_they_name(tiny_experiment, finished_run, prepared, test_videos):
    paths, model = finished_run(tiny_experiment)
    evaluate(paths, prepared / "test.h5")
    predictions = read_predictions(paths.predictions)
    examples = predictions.examples
    assert len(examples.window) == 2
    for k in range(2):
        window = test_videos[examples.video[k], examples.start[k] : examples.start[k] + 20]
        assert examples.window[k] == examples.video[k] * N_ALL + examples.start[k]
        np.testing.assert_array_equal(np.concatenate([examples.cond[k], examples.truth[k]]), window)
        with torch.no_grad():
            forecast = model.forecast(torch.from_numpy(window[None, :5]), 15)[0].numpy()
        np.testing.assert_allclose(examples.prediction[k], forecast, atol=1e-5)
    with VideoFile(prepared / "test.h5") as file:
        np.testing.assert_array_equal(predictions.facts["pixel_rows"], file.array("pixel_rows"))
        np.testing.assert_array_equal(predictions.facts["pixel_columns"], file.array("pixel_columns"))
    assert predictions.facts["experiment"] == "wave_eq_100/pde" and predictions.facts["seed"] == 0


@pytest.mark.parametrize("name", ["copy_last", "mean_frame"])
def test_baselines_are_evaluated_like_models_but_have_no_seed_and_no_schedule(
    name, tiny_experiment, finished_run, prepared, test_videos
):
    settings = tiny_experiment.model_dump(mode="json", exclude={"model", "training"})
    baseline = Experiment.model_validate({**settings, "name": f"wave_eq_100/{name}", "model": {"name": name}})
    paths, model = finished_run(baseline, seed=None)
    assert evaluate(paths, prepared / "test.h5") == 0
    record = read_metrics(paths.metrics)
    assert record["seed"] is None and record["schedule_name"] is None and record["is_baseline"]
    expected = squared_errors(model.forecast, test_videos, n_cond=5, n_pred=15).mean()
    np.testing.assert_allclose(window_sets(record)["all"]["metrics"]["mse_per_pixel"]["mean"], expected, rtol=1e-6)


def test_seeds_share_a_settings_digest_and_other_settings_do_not(tiny_experiment, finished_run, prepared):
    digests = []
    wider = changed(tiny_experiment, name="wave_eq_100/pde_wide", model={"decoder_hidden_size": 17})
    for experiment, seed in ((tiny_experiment, 0), (tiny_experiment, 1), (wider, 0)):
        paths, _ = finished_run(experiment, seed)
        evaluate(paths, prepared / "test.h5")
        digests.append(read_metrics(paths.metrics)["settings_digest"])
    assert digests[0] == digests[1] != digests[2]


def test_a_configuration_may_change_the_evaluation_but_not_what_was_trained(
    tiny_experiment, finished_run, prepared, tmp_path, capsys
):
    paths, _ = finished_run(tiny_experiment)
    config = tmp_path / "configs" / "wave_eq_100" / "pde.yaml"
    write_experiment(changed(tiny_experiment, model={"offset": 0}), config)
    assert "model.offset: trained with 5, now 0" in refusal(capsys, paths, prepared / "test.h5", str(config))
    write_experiment(changed(tiny_experiment, task={"n_pred_test": 30}, evaluation={"window_sets": ["all"]}), config)
    assert evaluate(paths, prepared / "test.h5", str(config)) == 0
    record = read_metrics(paths.metrics)
    assert record["n_pred_test"] == 30 and list(window_sets(record)) == ["all"]
    assert window_sets(record)["all"]["n_windows"] == 150 - 35 + 1


def test_missing_and_damaged_weights(tiny_experiment, finished_run, prepared, capsys):
    paths, _ = finished_run(tiny_experiment)
    whole = paths.model.read_bytes()
    paths.model.write_bytes(whole[:-20])
    assert "model.safetensors: damaged" in refusal(capsys, paths, prepared / "test.h5")
    paths.model.unlink()
    assert "there are no weights" in refusal(capsys, paths, prepared / "test.h5")
    paths.training.unlink()
    assert "training.json: does not exist" in refusal(capsys, paths, prepared / "test.h5")
    paths.config.unlink()
    assert "not the folder of a run" in refusal(capsys, paths, prepared / "test.h5")


def test_weights_of_another_network(tiny_experiment, finished_run, prepared, capsys):
    paths, _ = finished_run(tiny_experiment)
    other, _ = finished_run(changed(tiny_experiment, name="wave_eq_100/other", model={"decoder_hidden_size": 9}))
    save_file(load_file(other.model), paths.model)
    assert "these weights do not fit wave_eq_100/pde" in refusal(capsys, paths, prepared / "test.h5")


def test_weights_with_a_nan(tiny_experiment, finished_run, prepared, capsys):
    paths, _ = finished_run(tiny_experiment)
    weights = load_file(paths.model)
    weights["integrator.blocks.0.layers.0.weight"][0, 0] = torch.nan
    save_file(weights, paths.model)
    assert "forecast of test window 0 is not finite" in refusal(capsys, paths, prepared / "test.h5")


def test_test_files_that_do_not_belong_to_the_run(tiny_experiment, finished_run, prepared, tmp_path, capsys):
    paths, _ = finished_run(tiny_experiment)
    assert "the train part of wave_eq_100" in refusal(capsys, paths, prepared / "train.h5")
    assert "does not exist" in refusal(capsys, paths, tmp_path / "none.h5")
    copy = tmp_path / "test.h5"
    copy.write_bytes((prepared / "test.h5").read_bytes())
    with h5py.File(copy, "r+") as file:
        preparation = json.loads(file.attrs["preparation"])
        file.attrs["preparation"] = json.dumps({**preparation, "pixel_seed": 7})
    assert "pixel_seed: prepared with 7, now 42" in refusal(capsys, paths, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["dataset"] = "wave_eq"
    assert "the test part of wave_eq;" in refusal(capsys, paths, copy)


def test_a_horizon_longer_than_the_videos(tiny_experiment, finished_run, prepared, capsys):
    paths, _ = finished_run(changed(tiny_experiment, task={"n_pred_test": 146}))
    error = refusal(capsys, paths, prepared / "test.h5")
    assert "windows of 151 frames do not fit into videos of 150 frames" in error


def test_a_published_set_where_the_published_loader_has_none(tiny_experiment, finished_run, prepared, tmp_path, capsys):
    paths, _ = finished_run(tiny_experiment)
    copy = tmp_path / "test.h5"
    copy.write_bytes((prepared / "test.h5").read_bytes())
    with h5py.File(copy, "r+") as file:
        del file.attrs["published_frame_width"]
    assert "leave `published` out of evaluation.window_sets" in refusal(capsys, paths, copy)


def test_the_run_of_another_seed_or_experiment(tiny_experiment, finished_run, prepared, tmp_path, capsys):
    paths, _ = finished_run(tiny_experiment)
    assert "the run has seed 0, --seed asks for 4" in refusal(capsys, paths, prepared / "test.h5", "--seed", "4")
    config = tmp_path / "other.yaml"
    write_experiment(changed(tiny_experiment, name="wave_eq_100/other"), config)
    error = refusal(capsys, paths, prepared / "test.h5", str(config))
    assert "is a run of wave_eq_100/pde" in error and "describes wave_eq_100/other" in error


def test_memory_that_does_not_suffice_is_a_sentence_that_says_what_to_try(
    tiny_experiment, finished_run, prepared, monkeypatch, capsys
):
    paths, _ = finished_run(tiny_experiment)

    def lacking(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(PdeModel, "forecast", lacking)
    said = refusal(capsys, paths, prepared / "test.h5")
    assert "out of memory while evaluating: the CPU had " in said
    batch_size = tiny_experiment.evaluation.batch_size
    assert f"evaluation.batch_size {batch_size}; try evaluation.batch_size {batch_size // 2} (CUDA out" in said


def test_a_trained_model_is_evaluated_on_a_gpu_of_its_own_and_a_baseline_waits_for_none(
    tiny_experiment, finished_run, prepared, monkeypatch, tmp_path
):
    asked, lock = [], lease_several(tmp_path, ["gpu_5"], 1)[0][1]

    def lease(device):
        asked.append(device)
        return {"CUDA_VISIBLE_DEVICES": "5"}, [lock]

    monkeypatch.setattr(evaluate_stage, "lease_gpus", lease)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    paths, _ = finished_run(tiny_experiment)
    assert evaluate(paths, prepared / "test.h5", "--device", "cpu") == 0
    assert asked == ["cpu"] and os.environ["CUDA_VISIBLE_DEVICES"] == "5"
    lease_several(tmp_path, ["gpu_5"], 1)[0][1].release()  # given back
    baseline = tiny_experiment.model_copy(update={"model": CopyLastSettings(), "training": None})
    assert evaluate_stage._take_gpu("auto", baseline) == [] and asked == ["cpu"]
