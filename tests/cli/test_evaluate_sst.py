"""SST evaluated from the command line: scores against the plain loop on the raw temperatures, pictures in °C."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipeline_lib import cli
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_experiment
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.metrics.ssim import ssim_gauss11
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.predictions import read_predictions
from tests.data.sst_files import climatology, temperatures, write_zone
from tests.reference import sst as reference

N_DAYS, N_TRAIN = 33, 26
N_COND, N_PRED = 2, 3
METRICS = ("mse_celsius2", "ssim_celsius", "mse_published", "ssim_published")
TRAINING = {
    "iterations": 2,
    "batch_size": 2,
    "precision": "float32",
    "device": "cpu",
    "n_threads": 1,
    "validation": {"interval": 0, "pictures_interval": 0},
}
EVALUATION = {"metrics": METRICS, "horizons": [2], "n_examples": 2, "n_threads": 1, "device": "cpu"}
SMALL_PDE = {
    "name": "pde",
    "encoder": "sst",
    "decoder": "sst",
    "use_skips": True,
    "code_size_static": 4,
    "code_size_dynamic": 3,
    "integrator_hidden_size": 5,
    "output_activation": "identity",
    "offset": 0,
}


def experiment(model: dict) -> Experiment:
    return Experiment.model_validate(
        {
            "name": f"sst/{model['name']}",
            "dataset": {"name": "sst", "preparation": {"train_zones": [1, 2], "test_zones": [17, 18]}},
            "task": {"n_cond": N_COND, "n_pred": 2, "n_pred_test": N_PRED},
            "model": model,
            "training": TRAINING if model["name"] == "pde" else None,
            "evaluation": EVALUATION,
        }
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.h5 and test.h5, from the raw files in the same folder, by the command line."""
    folder = tmp_path_factory.mktemp("sst")
    for zone in (1, 2, 17, 18):
        write_zone(folder / f"data_{zone}.nc", temperatures(N_DAYS, seed=zone))
    write_experiment(experiment({"name": "copy_last"}), folder / "prepare.yaml")
    outputs = ["--train", str(folder / "train.h5"), "--test", str(folder / "test.h5")]
    assert cli.main(["prepare", str(folder / "prepare.yaml"), "--raw", str(folder), *outputs]) == 0
    return folder


def evaluated(prepared: Path, folder: Path, model: dict) -> RunPaths:
    """Train, or fit, and evaluate by the command line."""
    write_experiment(experiment(model), folder / "experiment.yaml")
    seed = ["--seed", "0"] if model["name"] == "pde" else []
    command = [sys.executable, "-m", "pipeline_lib", "train", str(folder / "experiment.yaml"), *seed]
    command += ["--train-file", str(prepared / "train.h5"), "--out", str(folder / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert cli.main(["evaluate", "--run-dir", str(folder / "run"), "--test-file", str(prepared / "test.h5")]) == 0
    return RunPaths(folder / "run")


def plain_scores(forecast_of) -> dict[str, dict[str, np.ndarray]]:
    """By window set and metric, (n_windows, N_PRED): from the raw temperatures, window by window."""
    found: dict[str, dict[str, list]] = {name: {metric: [] for metric in METRICS} for name in ("all", "published")}
    for zone in (17, 18):
        raw = temperatures(N_DAYS, seed=zone).astype(np.float32).astype(np.float64)
        normalised, statistics = reference.normalise(raw, *climatology(N_DAYS))
        ranges = [(values.min(), values.max()) for values in (raw, normalised)]
        for start in range(N_TRAIN, N_DAYS - N_COND - N_PRED + 1):
            days = slice(start + N_COND, start + N_COND + N_PRED)
            cond = normalised[start : start + N_COND, None].astype(np.float32)
            known = {name: values[days] for name, values in statistics.items()}
            scores = reference.scores(forecast_of(cond, known), normalised[days, None], known, *ranges, ssim)
            for name in ("all", "published") if start >= N_TRAIN + 2 else ("all",):
                for metric in METRICS:
                    found[name][metric].append(scores[metric])
    return {name: {metric: np.array(values) for metric, values in of_set.items()} for name, of_set in found.items()}


def ssim(x_HW: np.ndarray, y_HW: np.ndarray) -> float:
    """Of one pair of images; tests/metrics holds it to the definition, pixel by pixel."""
    return float(ssim_gauss11(*(torch.from_numpy(image[None, None, None]) for image in (x_HW, y_HW))))


def forecaster(model: nn.Module):
    """What a model predicts for one window, as an array."""

    def forecast(cond: np.ndarray, known: dict[str, np.ndarray]) -> np.ndarray:
        with torch.no_grad():
            window = torch.from_numpy(cond[None])
            if hasattr(model, "forecast_in_context"):
                context = {name: torch.from_numpy(values[None]) for name, values in known.items()}
                return model.forecast_in_context(window, N_PRED, context)[0].numpy()
            return model.forecast(window, N_PRED)[0].numpy()

    return forecast


@pytest.mark.parametrize("name", ["copy_last", "climatology"])
def test_scores_of_baselines_are_the_plain_loops_on_raw_temperatures(prepared: Path, tmp_path: Path, name: str) -> None:
    paths = evaluated(prepared, tmp_path, {"name": name})
    of_experiment = experiment({"name": name})
    model = load(MODELS[name].build)(of_experiment.model, of_experiment.task, (1, 64, 64))
    expected = plain_scores(forecaster(model))
    found = read_metrics(paths.metrics)["protocols"]["forecast"]["window_sets"]
    assert {name: of_set["n_windows"] for name, of_set in found.items()} == {"all": 6, "published": 2}
    for name, of_set in expected.items():
        for metric, values in of_set.items():
            of_metric = found[name]["metrics"][metric]
            np.testing.assert_allclose(of_metric["horizon"], values.mean(axis=0), rtol=1e-5, err_msg=metric)
            np.testing.assert_allclose(of_metric["mean"], values.mean(), rtol=1e-5)
            np.testing.assert_allclose(of_metric["at"]["2"]["mean"], values[:, :2].mean(), rtol=1e-5)
    assert_examples_are_in_celsius(paths)


def assert_examples_are_in_celsius(paths: RunPaths) -> None:
    examples = read_predictions(paths.predictions).examples
    assert examples.truth.shape == (2, N_PRED, 1, 64, 64)
    for k in range(2):
        raw = temperatures(N_DAYS, seed=17 + examples.video[k])
        first = N_TRAIN + examples.start[k]
        np.testing.assert_allclose(examples.cond[k, :, 0], raw[first : first + N_COND], rtol=0, atol=1e-5)
        predicted = slice(first + N_COND, first + N_COND + N_PRED)
        np.testing.assert_allclose(examples.truth[k, :, 0], raw[predicted], rtol=0, atol=1e-5)
        assert abs(examples.prediction[k, :, 0] - raw[predicted]).max() < 6


def test_a_network_is_trained_and_scored(prepared: Path, tmp_path: Path) -> None:
    record = read_metrics(evaluated(prepared, tmp_path, SMALL_PDE).metrics)
    scores = record["protocols"]["forecast"]["window_sets"]["published"]["metrics"]
    assert set(scores) == set(METRICS) and all(np.isfinite(scores[metric]["mean"]) for metric in METRICS)
    assert record["data_source"] == "Sea surface temperature of 29 zones of the Atlantic"
