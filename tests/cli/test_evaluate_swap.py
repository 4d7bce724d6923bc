"""`evaluate` on Moving MNIST: forecasts and content swaps over several horizons, all or a few, in bounded memory."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.cli import main
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import METRICS, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.moving_mnist_swap import swap_items
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.predictions import read_predictions
from tests.data import moving_digits
from tests.reference.swap_evaluation import best_assignments

N_VIDEOS, N_COND, N_PRED = 7, 3, 6
NAMES = ("mse_per_pixel", "psnr_frame_mean", "ssim_gauss11")
MEMORY = """
import resource, sys
from pipeline_lib.cli import main
code = main(sys.argv[1:])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def experiment(n_test_frames: int, n_pred_test: int, **evaluation) -> Experiment:
    made = moving_digits.settings(n_test_frames=n_test_frames)
    narrow = {"encoder_hidden_size": 4, "decoder_hidden_size": 4, "integrator_hidden_size": 8}
    codes = {"code_size_static": 8, "code_size_dynamic": 4, "offset": N_COND}
    return Experiment.model_validate(
        {
            "name": "moving_mnist/pde",
            "dataset": made.model_dump(mode="json"),
            "task": {"n_cond": N_COND, "n_pred": 4, "n_pred_test": n_pred_test},
            "model": {"name": "pde", "encoder": "dcgan", "decoder": "dcgan", **narrow, **codes},
            "training": {"iterations": 20},
            "evaluation": {
                "protocols": ["forecast", "swap"],
                "metrics": list(NAMES),
                "window_sets": ["all"],
                "n_threads": 1,
                "device": "cpu",
                **evaluation,
            },
        }
    )


def prepare(folder: Path, n_videos: int, n_test_frames: int) -> Path:
    made = moving_digits.settings(n_test_frames=n_test_frames)
    return moving_digits.prepare(folder, 2 * n_videos, made) / "test.h5"


@pytest.fixture(scope="module")
def test_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("moving_mnist"), N_VIDEOS, N_COND + N_PRED)


@pytest.fixture
def evaluated(finished_run: Callable, test_file: Path) -> Callable:
    """Paths and model of a run that has been evaluated with these settings."""

    def evaluate(**evaluation):
        paths, model = finished_run(experiment(N_COND + N_PRED, N_PRED, **evaluation), frame_shape=(1, 64, 64))
        arguments = ["evaluate", "--run-dir", str(paths.folder), "--test-file", str(test_file)]
        assert main(arguments) == 0
        return paths, model.eval()

    return evaluate


class WholeItems:
    """All items of the swap test, in memory."""

    def __init__(self, test_file: Path) -> None:
        with VideoFile(test_file) as file:
            (batch,) = swap_items(file, N_COND, N_PRED).batches(1000)
        self.content, self.motion, self.truths = batch.content, batch.motion, batch.truths


def test_both_protocols_score_as_plain_loops_do(evaluated, test_file):
    paths, model = evaluated(horizons=[2, 5, N_PRED], batch_size=3)
    protocols = read_metrics(paths.metrics)["protocols"]
    per_window = read_predictions(paths.predictions).per_window
    assert list(protocols) == ["forecast", "swap"] and list(protocols["swap"]["window_sets"]) == ["all"]
    functions = {name: load(METRICS[name].function) for name in NAMES}
    higher = {"psnr_frame_mean", "ssim_gauss11"}
    expected = best_assignments(model, WholeItems(test_file), N_VIDEOS, functions, higher, (2, 5, N_PRED))
    with VideoFile(test_file) as file, torch.inference_mode():
        video = torch.from_numpy(file.read(0, N_VIDEOS))
        forecast = model.forecast(video[:, :N_COND], N_PRED)
    for name in NAMES:
        of_swap = protocols["swap"]["window_sets"]["all"]["metrics"][name]
        check(of_swap, {n: expected[name][n] for n in (2, 5, N_PRED)}, expected[name]["horizon"])
        np.testing.assert_allclose(per_window["swap"]["all"][name], expected[name][N_PRED], rtol=1e-4)
        values = functions[name](forecast, video[:, N_COND:]).double().numpy()
        of_forecast = protocols["forecast"]["window_sets"]["all"]["metrics"][name]
        check(of_forecast, {n: values[:, :n].mean(axis=1) for n in (2, 5, N_PRED)}, values.mean(axis=0))


def check(found: dict, expected: dict[int, np.ndarray], horizon: np.ndarray) -> None:
    np.testing.assert_allclose(found["horizon"], horizon, rtol=1e-4)
    for n_frames, values in expected.items():
        of_length = found["at"][str(n_frames)]
        np.testing.assert_allclose(of_length["mean"], values.mean(), rtol=1e-4)
        np.testing.assert_allclose(of_length["std_over_windows"], values.std(ddof=1), rtol=1e-3)
    assert {key: found[key] for key in ("mean", "std_over_windows")} == found["at"][str(N_PRED)]


def test_swap_examples_are_kept_beside_those_of_forecasts(evaluated, test_file):
    paths, model = evaluated(n_examples=3)
    swap, items = read_predictions(paths.predictions).swap, WholeItems(test_file)
    assert len(swap.item) == 3
    np.testing.assert_array_equal(swap.content, items.content[swap.item])
    np.testing.assert_array_equal(swap.motion, items.motion[swap.item])
    with torch.inference_mode():
        expected = model.swap(torch.from_numpy(swap.content), torch.from_numpy(swap.motion), N_PRED)
    np.testing.assert_allclose(swap.prediction, expected.numpy(), atol=1e-5)


def test_a_grid_of_swaps_is_kept_of_different_videos(evaluated, test_file):
    paths, model = evaluated()
    grid = read_predictions(paths.predictions).swap_grid
    assert grid.prediction.shape == (5, 2, N_PRED, 1, 64, 64)
    with VideoFile(test_file) as file:
        videos = file.read(0, N_VIDEOS)
    np.testing.assert_array_equal(grid.content, videos[:5, :N_COND])
    np.testing.assert_array_equal(grid.motion, videos[5:])
    with torch.inference_mode():
        expected = model.swap(*(torch.from_numpy(v[None, :N_COND]) for v in (grid.content[3], grid.motion[1])), N_PRED)
    np.testing.assert_allclose(grid.prediction[3, 1], expected[0].numpy(), atol=1e-5)


def test_fewer_windows_are_the_first_ones_and_are_told(evaluated, capsys):
    numbers = {n: read_predictions(evaluated(n_windows=n)[0].predictions).per_window for n in (None, 4)}
    for protocol in ("forecast", "swap"):
        for name in NAMES:
            whole, few = (numbers[n][protocol]["all"][name] for n in (None, 4))
            assert len(few) == 4
            np.testing.assert_allclose(few, whole[:4], rtol=1e-5)
    paths, _ = evaluated(n_windows=4)
    for protocol in read_metrics(paths.metrics)["protocols"].values():
        assert protocol["window_sets"]["all"]["n_windows"] == 4
        assert protocol["window_sets"]["all"]["n_available"] == N_VIDEOS
    assert read_predictions(paths.predictions).examples.window.max() < 4
    assert "swap: ssim_gauss11" in capsys.readouterr().out


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_videos(finished_run, tmp_path):
    """95 frames, 8 videos in a forward pass: 24 of them, and four times as many."""
    test_file = prepare(tmp_path / "data", 96, N_COND + 95)
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # what is let go is not kept in reserve
    peaks = {}
    for n in (24, 96):
        settings = experiment(N_COND + 95, 95, n_windows=n, horizons=[10, 95], batch_size=8, n_examples=2)
        paths, _ = finished_run(settings, frame_shape=(1, 64, 64))
        arguments = ["evaluate", "--run-dir", str(paths.folder), "--test-file", str(test_file)]
        command = [sys.executable, "-c", MEMORY, *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        code, peak = answer.stdout.splitlines()[-1].split()
        assert code == "0" and len(read_predictions(paths.predictions).per_window["swap"]["all"][NAMES[0]]) == n
        peaks[n] = int(peak) * (1 if sys.platform == "darwin" else 1024) / 2**20
    more_videos = (96 - 24) * 98 * 64 * 64 * 4 / 2**20
    assert peaks[96] - peaks[24] < 0.1 * more_videos, peaks
