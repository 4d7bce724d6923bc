"""TaxiBJ from the raw files to scores, by the command line: both orders against plain loops, and the week before."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline_lib import cli
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_experiment
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.predictions import read_predictions
from tests.data import taxibj_raw_files as raw_files
from tests.reference import taxibj as reference

N_COND, N_PRED, N_TEST = 3, 5, 100
METRICS = ("mse_per_pixel", "mse_frame_sum_x100")
TRAINING = {
    "iterations": 2,
    "batch_size": 3,
    "precision": "float32",
    "device": "cpu",
    "n_threads": 1,
    "validation": {"interval": 1, "pictures_interval": 0, "n_windows": 3},
}
SMALL_PDE = {
    "name": "pde",
    "encoder": "vgg",
    "decoder": "vgg",
    "encoder_hidden_size": 2,
    "decoder_hidden_size": 2,
    "code_size_static": 4,
    "code_size_dynamic": 3,
    "integrator_hidden_size": 5,
    "output_activation": "identity",
    "offset": 3,
}


def experiment(model: dict, windows: str = "all", **evaluation: object) -> Experiment:
    return Experiment.model_validate(
        {
            "name": f"taxibj/{model['name']}",
            "dataset": {"name": "taxibj", "windows": windows, "preparation": {"n_test_windows": N_TEST}},
            "task": {"n_cond": N_COND, "n_pred": N_PRED, "n_pred_test": N_PRED},
            "model": model,
            "training": TRAINING if model["name"] == "pde" else None,
            "evaluation": {"metrics": METRICS, "n_examples": 3, "n_threads": 1, "device": "cpu"} | evaluation,
        }
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.h5 and test.h5, from the raw files in raw/, by the command line."""
    folder = tmp_path_factory.mktemp("taxibj")
    raw_files.write_raw(folder / "raw")
    write_experiment(experiment({"name": "copy_last"}), folder / "prepare.yaml")
    outputs = ["--train", str(folder / "train.h5"), "--test", str(folder / "test.h5")]
    assert cli.main(["prepare", str(folder / "prepare.yaml"), "--raw", str(folder / "raw"), *outputs]) == 0
    return folder


@pytest.fixture(scope="module")
def expected(prepared: Path) -> reference.TaxiBj:
    return reference.prepare(prepared / "raw", N_COND + N_PRED, N_TEST)


def evaluated(prepared: Path, folder: Path, described: Experiment) -> RunPaths:
    """Train, or fit, and evaluate by the command line."""
    write_experiment(described, folder / "experiment.yaml")
    seed = ["--seed", "0"] if described.training else []
    command = [sys.executable, "-m", "pipeline_lib", "train", str(folder / "experiment.yaml"), *seed]
    command += ["--train-file", str(prepared / "train.h5"), "--out", str(folder / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert cli.main(["evaluate", "--run-dir", str(folder / "run"), "--test-file", str(prepared / "test.h5")]) == 0
    return RunPaths(folder / "run")


def plain_errors(expected: reference.TaxiBj, windows: list[reference.Window], forecast_of) -> np.ndarray:
    """(n_windows, N_PRED): squared error, mean over a frame, window by window."""
    errors = []
    for window in windows:
        frames = np.float32([expected.frames[time] for time in window])
        forecast = forecast_of(frames[:N_COND], window[N_COND:])
        errors.append(((forecast.astype(np.float64) - frames[N_COND:]) ** 2).mean(axis=(1, 2, 3)))
    return np.array(errors)


def assert_scores(paths: RunPaths, wanted: dict[str, np.ndarray]) -> None:
    """Of every window set, as the plain loop finds them."""
    sets = read_metrics(paths.metrics)["protocols"]["forecast"]["window_sets"]
    assert list(sets) == list(wanted)
    per_window = read_predictions(paths.predictions).per_window["forecast"]
    for name, errors in wanted.items():
        assert sets[name]["n_windows"] == sets[name]["n_available"] == N_TEST
        for metric, factor in (("mse_per_pixel", 1), ("mse_frame_sum_x100", 204_800)):
            np.testing.assert_allclose(sets[name]["metrics"][metric]["mean"], factor * errors.mean(), rtol=1e-5)
            np.testing.assert_allclose(
                sets[name]["metrics"][metric]["horizon"], factor * errors.mean(axis=0), rtol=1e-5
            )
            np.testing.assert_allclose(per_window[name][metric], factor * errors.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("name", ["copy_last", "week_before"])
def test_baselines_are_scored_in_both_orders(prepared, expected, tmp_path, name):
    def forecast(cond: np.ndarray, times: list[datetime]) -> np.ndarray:
        if name == "copy_last":
            return np.repeat(cond[-1:], N_PRED, axis=0)
        return np.float32([expected.week_before[time] for time in times])

    assert any(expected.is_mean.values()), "of some frames the week before was not recorded"
    paths = evaluated(prepared, tmp_path, experiment({"name": name}))
    orders = {"all": expected.test, "published": expected.published_test}
    assert_scores(paths, {order: plain_errors(expected, windows, forecast) for order, windows in orders.items()})


@pytest.mark.parametrize(("window_set", "direction"), [("all", "on"), ("published", "backwards")])
def test_a_model_is_trained_and_scored_in_the_order_of_its_windows(prepared, expected, tmp_path, window_set, direction):
    described = experiment(SMALL_PDE, window_set, window_sets=[window_set])
    paths = evaluated(prepared, tmp_path, described)
    model = load(MODELS["pde"].build)(described.model, described.task, (2, 32, 32))
    model.load_state_dict(load_file(paths.model))
    model.eval()

    def forecast(cond: np.ndarray, times: list[datetime]) -> np.ndarray:
        with torch.no_grad():
            return model.forecast(torch.from_numpy(cond[None]), N_PRED)[0].numpy()

    windows = expected.test if window_set == "all" else expected.published_test
    assert_scores(paths, {window_set: plain_errors(expected, windows, forecast)})
    examples = read_predictions(paths.predictions).examples
    for k, number in enumerate(examples.window):
        first = windows[number][N_COND]
        assert examples.name[k].decode() == f"{first:%Y-%m-%d}, from {first:%H:%M} {direction}"
        flows = [expected.frames[time] * (expected.high - expected.low) + expected.low for time in windows[number]]
        np.testing.assert_allclose(np.concatenate([examples.cond[k], examples.truth[k]]), flows, atol=1e-3)


def test_the_mean_frame_is_of_frames_before_the_test_part_whatever_the_order(prepared, expected, tmp_path):
    test_times = {time for window in expected.test for time in window}
    before = [frame for time, frame in expected.frames.items() if time < min(test_times)]
    for windows in ("all", "published"):
        folder = tmp_path / windows
        folder.mkdir()
        paths = evaluated(prepared, folder, experiment({"name": "mean_frame"}, windows))
        state = load_file(paths.model)
        np.testing.assert_allclose(state["mean_frame"], np.mean(before, axis=0), rtol=1e-6)
        assert int(state["n_frames"]) == len(before)


def test_a_few_windows_of_each_order_can_be_scored(prepared, expected, tmp_path):
    paths = evaluated(prepared, tmp_path, experiment({"name": "copy_last"}, n_windows=7))
    sets = read_metrics(paths.metrics)["protocols"]["forecast"]["window_sets"]
    for name, windows in (("all", expected.test), ("published", expected.published_test)):
        errors = plain_errors(expected, windows[:7], lambda cond, times: np.repeat(cond[-1:], N_PRED, axis=0))
        assert (sets[name]["n_windows"], sets[name]["n_available"]) == (7, N_TEST)
        np.testing.assert_allclose(sets[name]["metrics"]["mse_per_pixel"]["mean"], errors.mean(), rtol=1e-5)
