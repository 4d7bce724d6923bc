"""Folders of evaluated runs, with results made up so that every number in a table or figure can be told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.files import write_metrics
from pipeline_lib.records.journal import Journal
from pipeline_lib.records.predictions import Examples, Predictions, SwapExamples, SwapGrid, write_predictions
from pipeline_lib.reporting import style
from tests.reporting.decompositions import MISSING, flags, write_decompositions

N_COND, N_PRED_TEST = 5, 40
N_WINDOWS = {"all": 6360, "published": 1200}


def scores(mean: float) -> dict[str, Any]:
    """A metric whose error grows over the horizon, with the given mean."""
    growth = np.linspace(0.5, 1.5, N_PRED_TEST)
    return {"mean": mean, "std_over_windows": mean / 3, "horizon": (mean * growth / growth.mean()).tolist(), "at": {}}


def window_set(name: str, mean: float) -> dict[str, Any]:
    """Scores on one set of windows; `published` windows score 10 % worse than `all`."""
    n = N_WINDOWS[name]
    of_metric = scores(mean * (1.1 if name == "published" else 1))
    return {"n_windows": n, "n_available": n, "metrics": {"mse_per_pixel": of_metric}}


def record(model: str, seed: int | None, mean: float, **other: Any) -> dict[str, Any]:
    """A metrics.json."""
    is_baseline = seed is None
    return {
        "experiment": f"wave_eq_100/{model}",
        "title": {"pde": "PDE", "pde_no_s": "PDE without S", "copy_last": "Copy of the last frame"}.get(model, model),
        "paper": "none" if is_baseline else "pde",
        "dataset": "wave_eq_100",
        "model": model,
        "is_baseline": is_baseline,
        "seed": seed,
        "digest": f"{model}-{seed}",
        "settings_digest": f"settings-{model}",
        "schedule_name": None if is_baseline else "published",
        "iterations": 0 if is_baseline else 18750,
        "precision": "float32",
        "evaluation_precision": "float32",
        "n_cond": N_COND,
        "n_pred": 20,
        "n_pred_test": N_PRED_TEST,
        "data_source": "simulation",
        "device": "cpu (2 threads)",
        "test_data": {"content_sha256": "abc", "n_videos": 60, "n_frames": 150, "frame_shape": [1, 1, 100]},
        "protocols": {"forecast": {"window_sets": {name: window_set(name, mean) for name in N_WINDOWS}}},
        "evaluation_seconds": 3.2,
        "provenance": {"git_commit": "c0ffee", "git_dirty": False},
        "training": {
            "git_commit": "c0ffee",
            "git_dirty": False,
            "hardware": {"cpu": "A processor", "cpu_count": 2, "system": "Linux x86_64"},
            "device": "cpu (2 threads)",
            "wall_seconds": 3600.5,
            "gpu_hours": 0.0,
            "n_parameters": 1000,
        },
        **other,
    }


def predictions(frame_shape: tuple[int, int, int], seed: int | None = 0, noise_seed: int = 0) -> Predictions:
    """Four waves (4, 45, C, H, W) that move through the pixels, forecasts and swaps that are a little wrong."""
    channels, height, width = frame_shape
    time, column = np.arange(N_COND + N_PRED_TEST), np.arange(width)
    phase = time[:, None, None, None] / 5 - column / 7 + np.arange(height)[:, None] / 9
    video = (0.5 + 0.5 * np.sin(phase + np.arange(channels)[:, None, None])).astype(np.float32)
    videos = np.stack([np.roll(video, 3 * k, axis=-1) for k in range(4)])
    noise = 0.05 * np.random.default_rng(noise_seed).normal(size=videos[:, N_COND:].shape)
    forecast = (videos[:, N_COND:] + noise).astype(np.float32)
    return Predictions(
        per_window={"forecast": {name: {"mse_per_pixel": np.full(n, 0.1)} for name, n in N_WINDOWS.items()}},
        examples=Examples(
            cond=videos[:, :N_COND],
            truth=videos[:, N_COND:],
            prediction=forecast,
            window=np.arange(4),
            video=np.arange(4),
            start=np.arange(4) * 7,
        ),
        facts={
            "title": "PDE",
            "dataset": "wave_eq_100",
            "seed": seed,
            "pixel_rows": np.arange(width) % 8,
            "pixel_columns": np.arange(width) // 8,
        },
        swap=SwapExamples(
            content=videos[::-1, :N_COND],
            motion=videos[:, :N_COND],
            truth=videos[:, N_COND:],
            prediction=forecast,
            item=np.arange(4) * 11,
        ),
        swap_grid=SwapGrid(
            content=videos[:3, :N_COND],
            motion=videos[2:],
            prediction=np.stack([forecast[:2] * brightness for brightness in (1.0, 0.9, 0.8)]),
        ),
    )


def write_journal(path: Path, n_points: int = 30, factor: float = 1.0) -> None:
    """A training whose losses fall, with validations."""
    journal = Journal(path)
    params = {"model.objective.lambda_forecast": 45.0, "model.objective.lambda_autoencode": 1.0}
    journal.run({"experiment": "wave_eq_100/pde", "seed": 0, "params": params})
    for step in range(1, n_points + 1):
        loss = factor / step
        terms = {"loss": 46 * loss, "loss_forecast": loss, "loss_autoencode": loss / 3, "learning_rate": 4e-4}
        journal.metrics(50 * step, terms)
        if step % 5 == 0:
            journal.metrics(50 * step, {"train_sample_mse_per_pixel": 2 * loss})
    journal.state("finished")
    journal.close()


@pytest.fixture
def runs(tmp_path: Path) -> Callable[..., Path]:
    """Make the folder of an evaluated run."""

    def make(model: str, seed: int | None, mean: float, folder: str | None = None, **other: Any) -> Path:
        where = tmp_path / "runs" / (folder or f"{model}/{seed}")
        where.mkdir(parents=True)
        write_metrics(RunPaths(where).metrics, json.loads(json.dumps(record(model, seed, mean, **other))))
        return where

    return make


@pytest.fixture
def drawable(runs: Callable[..., Path]) -> Callable[..., Path]:
    """Make the folder of a run that has all that figures read."""

    def make(
        model: str = "pde",
        seed: int | None = 0,
        mean: float = 1e-3,
        frame_shape: tuple[int, int, int] = (1, 1, 64),
        noise_seed: int = 0,
        **other: Any,
    ) -> Path:
        folder = runs(model, seed, mean, **other)
        write_predictions(RunPaths(folder).predictions, predictions(frame_shape, seed, noise_seed))
        write_decompositions(RunPaths(folder).predictions, frame_shape, missing=flags(MISSING, 2))
        write_journal(RunPaths(folder).journal)
        return folder

    return make


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, as they are when they are saved, in their order."""
    drawn: list[Figure] = []
    original = style.Figure.draw_without_rendering
    monkeypatch.setattr(style.Figure, "draw_without_rendering", lambda self: drawn.append(self) or original(self))
    return drawn
