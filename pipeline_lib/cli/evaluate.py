"""`evaluate`: score one run on the test part; leaves predictions.h5 and metrics.json in the run's folder."""

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import torch

from pipeline_lib.cli.finished_run import FinishedRun, differences, read_finished_run, seed_text, trained_model
from pipeline_lib.config.dataset import WaveEq100Settings
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import METRICS, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.streamed import StreamedWindows, test_windows
from pipeline_lib.evaluation.forecast import PRECISION, Forecasts, score_forecasts
from pipeline_lib.records.files import write_metrics
from pipeline_lib.records.predictions import Examples, Predictions, write_predictions
from pipeline_lib.records.provenance import provenance
from pipeline_lib.records.scores import scores
from pipeline_lib.runtime import device as devices


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `evaluate`."""
    parser.add_argument(
        "config",
        type=Path,
        nargs="?",
        metavar="CONFIG.yaml",
        help="experiment with the task and evaluation sections to use (default: the config.yaml of the run)",
    )
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="folder of a finished run")
    parser.add_argument("--test-file", type=Path, required=True, metavar="PATH", help="test part (HDF5)")
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:N (default: evaluation.device of the configuration)")
    parser.add_argument("--seed", type=int, help="seed that the run must have; nothing is drawn in an evaluation")


def run(args: argparse.Namespace) -> int:
    """Evaluate a run; 0 when both files stand.

    Raises ValueError where run, configuration and test file do not belong together, or a forecast is not finite.
    """
    paths = RunPaths(args.run_dir)
    finished = read_finished_run(paths, args.config, args.seed)
    experiment = finished.experiment
    device = devices.choose_device(args.device or experiment.evaluation.device)
    devices.configure(device, experiment.evaluation.n_threads, deterministic=False)
    began = time.monotonic()
    with VideoFile(args.test_file) as file:
        _check_test_file(file, experiment)
        model = trained_model(finished, file.frame_shape, device)
        settings, task = experiment.evaluation, experiment.task
        windows, window_sets = test_windows(file, task.n_cond + task.n_pred_test, settings.window_sets)
        forecasts = score_forecasts(
            model,
            windows,
            task.n_cond,
            task.n_pred_test,
            {metric: load(METRICS[metric].function) for metric in settings.metrics},
            window_sets,
            settings.batch_size,
            settings.n_examples,
            device,
        )
        facts = _facts(finished, file, device)
        predictions = _predictions(experiment, forecasts, windows, file, facts)
    record = {
        **facts,
        "protocols": {"forecast": {"window_sets": _window_sets(forecasts)}},
        "evaluation_seconds": round(time.monotonic() - began, 3),
        "provenance": provenance(),
        "training": _training_facts(finished.training),
    }
    write_predictions(paths.predictions, predictions)
    write_metrics(paths.metrics, record)
    _report(record, paths)
    return 0


def _check_test_file(file: VideoFile, experiment: Experiment) -> None:
    dataset = experiment.dataset
    found = (file.attributes["dataset"], file.attributes["part"])
    if found != (dataset.name, "test"):
        raise ValueError(
            f"{file.path}: the {found[1]} part of {found[0]}; {experiment.name} is evaluated on the test part of "
            f"{dataset.name}"
        )
    if changed := differences(file.preparation, dataset.preparation.model_dump(mode="json")):
        lines = "; ".join(changed).replace("trained with", "prepared with")
        raise ValueError(f"{file.path}: prepared with other settings ({lines}); prepare the dataset again")


def _facts(run: FinishedRun, file: VideoFile, device: torch.device) -> dict[str, Any]:
    """What was evaluated, on what and how: the head of metrics.json."""
    experiment, training = run.experiment, run.training
    return {
        "experiment": experiment.name,
        "title": experiment.title or experiment.variant,
        "paper": experiment.paper,
        "dataset": experiment.dataset.name,
        "model": experiment.variant,
        "is_baseline": experiment.is_baseline,
        "seed": run.seed,
        "digest": training["digest"],
        "settings_digest": settings_digest(experiment),
        "schedule_name": None if experiment.is_baseline else training["schedule_name"],
        "iterations": training["iterations"],
        "precision": training["precision"],
        "evaluation_precision": PRECISION,
        "n_cond": experiment.task.n_cond,
        "n_pred": experiment.task.n_pred,
        "n_pred_test": experiment.task.n_pred_test,
        "data_source": file.attributes["source"],
        "device": devices.describe(device),
        "test_data": {
            "content_sha256": file.content_sha256,
            "n_videos": file.n_videos,
            "n_frames": file.n_frames,
            "frame_shape": list(file.frame_shape),
            "code_version": file.attributes["code_version"],
        },
    }


def settings_digest(experiment: Experiment) -> str:
    """What the runs of an experiment have in common whatever their seeds: results with different ones do not mix."""
    identity = {**experiment.identity(None), "task": experiment.task.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def _training_facts(training: dict[str, Any]) -> dict[str, Any]:
    """What metrics.json repeats of training.json, so that tables need one file per run."""
    made_by = training["provenance"]
    return {
        "git_commit": made_by["git_commit"],
        "git_dirty": made_by["git_dirty"],
        "hardware": made_by["hardware"],
        "device": training["device"],
        "wall_seconds": training["wall_seconds"],
        "gpu_hours": training.get("gpu_hours", 0.0),
        "n_parameters": training["n_parameters"]["total"],
    }


def _window_sets(forecasts: Forecasts) -> dict[str, Any]:
    return {
        name: {
            "n_windows": (n_windows := len(next(iter(of_set.values())).per_window)),
            "n_available": n_windows,
            "metrics": {metric: of_metric.summary() for metric, of_metric in of_set.items()},
        }
        for name, of_set in forecasts.scores.items()
    }


def _predictions(
    experiment: Experiment, forecasts: Forecasts, windows: StreamedWindows, file: VideoFile, facts: dict[str, Any]
) -> Predictions:
    chosen = forecasts.example_ids
    names = ("experiment", "title", "dataset", "model", "seed", "digest", "n_cond", "n_pred_test")
    pixels = {}
    if isinstance(experiment.dataset, WaveEq100Settings):
        pixels = {name: file.array(name) for name in ("pixel_rows", "pixel_columns")}
    return Predictions(
        per_window={
            "forecast": {
                window_set: {metric: of_metric.per_window for metric, of_metric in of_set.items()}
                for window_set, of_set in forecasts.scores.items()
            }
        },
        examples=Examples(
            cond=forecasts.cond,
            truth=forecasts.truth,
            prediction=forecasts.prediction,
            window=chosen,
            video=windows.index.video[chosen],
            start=windows.index.start[chosen],
        ),
        facts={**{name: facts[name] for name in names}, **pixels},
    )


def _report(record: dict[str, Any], paths: RunPaths) -> None:
    print(f"{record['experiment']}, {seed_text(record['seed'])}, on {record['device']}: {paths.metrics}")
    for score in scores(record):
        print(
            f"  {score.protocol}: {score.metric} = {score.mean:.4g} over {score.n_frames} frames "
            f"({score.window_set} windows, {score.n_windows:,})"
        )
