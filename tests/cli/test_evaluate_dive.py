"""`evaluate` on Moving MNIST with missing data: DIVE and a baseline, protocol by protocol, in bounded memory."""

import json
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
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.predictions import read_predictions
from pipeline_lib.records.scores import scores
from tests.cli.test_evaluate_swap import MEMORY
from tests.data import missing_digits
from tests.reference import decomposition_evaluation as reference

N_COND, N_PRED, N_VIDEOS = 10, 10, 6
FRAMES = ["bce_frame_sum", "mse_frame_sum", "psnr_video", "ssim_video"]
LABELS = ["balanced_accuracy", "auroc", "precision_missing", "recall_missing", "component_gain"]
NARROW = {"image_latent": 8, "code_size_appearance": 4, "code_size_varying": 3, "hidden_size": 4, "ngf": 2}


def experiment(scenario: str, model: str = "dive", n_videos: int = N_VIDEOS, **evaluation) -> Experiment:
    dataset = missing_digits.settings(scenario, n_test_videos=n_videos)
    is_dive = model == "dive"
    protocols = ["forecast", "reconstruction", "imputation", "missingness"] if is_dive else ["forecast", "imputation"]
    return Experiment.model_validate(
        {
            "name": f"{dataset.name}/{model}",
            "dataset": dataset.model_dump(mode="json"),
            "task": {"n_cond": N_COND, "n_pred": N_PRED, "n_pred_test": N_PRED},
            "model": {"name": model, **(NARROW if is_dive else {})},
            "training": {"iterations": 20} if is_dive else None,
            "evaluation": {
                "protocols": protocols,
                "metrics": [*FRAMES, "nelbo"] if is_dive else FRAMES,
                "window_sets": ["all"],
                "n_threads": 1,
                "device": "cpu",
                **evaluation,
            },
        }
    )


@pytest.fixture
def evaluated(finished_run: Callable, tmp_path: Path) -> Callable:
    """Test file, paths and model of a run that has been evaluated."""

    def evaluate(described: Experiment) -> tuple:
        folder = missing_digits.prepare(tmp_path / described.name.replace("/", "-"), described.dataset)
        seed = 0 if described.training else None
        paths, model = finished_run(described, seed, frame_shape=(1, 64, 64))
        assert main(["evaluate", "--run-dir", str(paths.folder), "--test-file", str(folder / "test.h5")]) == 0
        return folder / "test.h5", paths, model.eval()

    return evaluate


@pytest.mark.parametrize("scenario", ["occlusion, as published", "out of scene"])
def test_every_protocol_is_scored_against_the_complete_videos(evaluated, scenario):
    described = experiment(scenario, horizons=[3])
    test_file, paths, model = evaluated(described)
    record, predictions = read_metrics(paths.metrics), read_predictions(paths.predictions)
    rows = described.dataset.visible_rows
    seen = slice(*rows) if rows else slice(None)
    whole = ["whole_forecast", "whole_reconstruction"] if rows else []
    assert sorted(record["protocols"]) == sorted(["forecast", "reconstruction", "imputation", "missingness", *whole])
    with VideoFile(test_file) as file, torch.inference_mode():
        video = file.read(0, N_VIDEOS)
        complete, missing = file.array("complete") / np.float32(255), file.array("missing")[:, :N_COND].any(axis=2)
        found = model.decompose(torch.from_numpy(video[:, :N_COND]), N_PRED)
    parts = {
        "reconstruction": (found.reconstruction_BTCHW[..., seen, :], complete[:, :N_COND, :, seen]),
        "forecast": (found.forecast_BTCHW[..., seen, :], video[:, N_COND:, :, seen]),
        "imputation": (found.imputation_BTCHW, complete[:, :N_COND]),
        "whole_reconstruction": (found.reconstruction_BTCHW, complete[:, :N_COND]),
        "whole_forecast": (found.forecast_BTCHW, complete[:, N_COND:]),
    }
    for protocol in set(record["protocols"]) - {"missingness"}:
        prediction, truth = (np.asarray(part) for part in parts[protocol])
        errors = ((prediction.astype(np.float64) - truth) ** 2).mean(axis=(2, 3, 4))
        counted = missing if protocol == "imputation" else np.ones_like(missing)
        per_window = np.array([errors[k, counted[k]].mean() if counted[k].any() else np.nan for k in range(N_VIDEOS)])
        size = truth[0, 0].size
        assert size == (2048 if rows and protocol in ("forecast", "reconstruction") else 4096)
        stored = predictions.per_window[protocol]["all"]
        np.testing.assert_allclose(stored["mse_frame_sum"], size * per_window, rtol=1e-4)
        np.testing.assert_allclose(stored["psnr_video"], -10 * np.log10(per_window), rtol=1e-4)
        of_set = record["protocols"][protocol]["window_sets"]["all"]
        assert (of_set["n_windows"], of_set["n_available"]) == (N_VIDEOS, N_VIDEOS)
        assert list(of_set["metrics"])[:4] == FRAMES
        assert of_set["metrics"]["mse_frame_sum"]["mean"] == pytest.approx(size * np.nanmean(per_window), rel=1e-4)
        assert list(of_set["metrics"]["psnr_video"]["at"]) == (["3"] if "forecast" in protocol else [])
        if protocol == "imputation":
            n_windows = int(missing.any(axis=1).sum())
            assert of_set["counted"] == {"n_windows": n_windows, "n_frames": int(missing.sum())}
    assert list(record["protocols"]["missingness"]["window_sets"]["all"]["metrics"]) == LABELS
    assert "missingness" not in predictions.per_window, "its numbers are of all windows together"
    json.loads(paths.metrics.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert len([s for s in scores(record) if s.protocol == "missingness"]) == 5
    assert predictions.decomposition.component.shape[1:] == (20, 2, 1, 64, 64)


def test_a_baseline_stands_beside_the_imputations_of_the_model(evaluated):
    test_file, paths, _ = evaluated(experiment("out of scene", "copy_neighbour"))
    record = read_metrics(paths.metrics)
    assert list(record["protocols"]) == ["forecast", "imputation"]
    assert read_predictions(paths.predictions).decomposition is None
    with VideoFile(test_file) as file:
        video, complete = file.read(0, N_VIDEOS), file.array("complete") / np.float32(255)
        missing = file.array("missing")[:, :N_COND].any(axis=2)
    errors = []
    for k in range(N_VIDEOS):
        whole = np.flatnonzero(~missing[k])
        frames = np.flatnonzero(missing[k])
        nearest = [min(whole, key=lambda s: (abs(s - t), s)) for t in frames]
        errors.append(reference.scores(video[k, nearest], complete[k, frames], list(range(len(frames)))))
    of_set = record["protocols"]["imputation"]["window_sets"]["all"]["metrics"]
    for name in FRAMES:
        assert of_set[name]["mean"] == pytest.approx(np.mean([each[name] for each in errors]), rel=1e-4), name


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_videos(finished_run, tmp_path):
    """8 videos in a forward pass: 16 of them, and four times as many."""
    peaks, environment = {}, {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    test_file = missing_digits.prepare(tmp_path / "data", experiment("out of scene", n_videos=64).dataset) / "test.h5"
    for n in (16, 64):
        described = experiment("out of scene", n_videos=64, n_windows=n, batch_size=8, n_examples=2)
        paths, _ = finished_run(described, frame_shape=(1, 64, 64))
        arguments = ["evaluate", "--run-dir", str(paths.folder), "--test-file", str(test_file)]
        command = [sys.executable, "-c", MEMORY, *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        code, peak = answer.stdout.splitlines()[-1].split()
        assert code == "0"
        assert len(read_predictions(paths.predictions).per_window["imputation"]["all"]["psnr_video"]) == n
        peaks[n] = int(peak) * (1 if sys.platform == "darwin" else 1024) / 2**20
    more_videos = (64 - 16) * 20 * 64 * 64 * 4 * 4 / 2**20  # observed, complete, and two objects
    assert peaks[64] - peaks[16] < 0.2 * more_videos, peaks
