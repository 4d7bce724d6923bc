"""`evaluate`: score one run on the test part; leaves predictions.h5 and metrics.json in the run's folder."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline_lib.cli.evaluation_files import Evaluation, facts_of, metrics_content, predictions_content
from pipeline_lib.cli.finished_run import differences, read_finished_run, seed_text, trained_model
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import DATASETS, METRICS, MetricEntry, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.protocols import SwapItems
from pipeline_lib.data.streamed import test_windows
from pipeline_lib.evaluation.forecast import score_forecasts
from pipeline_lib.evaluation.scoring import Metric
from pipeline_lib.evaluation.swap import Swaps, score_swaps
from pipeline_lib.evaluation.swap_grid import swap_grid
from pipeline_lib.records.files import write_metrics
from pipeline_lib.records.predictions import write_predictions
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

    Raises ValueError where run, configuration and test file do not belong together, or a prediction is not finite.
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
        facts = facts_of(finished, file, devices.describe(device))
        evaluation = _evaluated(model, experiment, file, device)
        predictions = predictions_content(evaluation, experiment, file, facts)
    record = metrics_content(evaluation, facts, finished.training)
    record |= {"evaluation_seconds": round(time.monotonic() - began, 3), "provenance": provenance()}
    write_predictions(paths.predictions, predictions)
    write_metrics(paths.metrics, record)
    _report(record, paths)
    return 0


def _evaluated(model: nn.Module, experiment: Experiment, file: VideoFile, device: torch.device) -> Evaluation:
    """Every protocol that the experiment asks for."""
    settings, task = experiment.evaluation, experiment.task
    metrics = {name: _metric(METRICS[name]) for name in settings.metrics}
    windows, all_ids = test_windows(file, experiment.dataset, task.n_cond, task.n_pred_test, settings.window_sets)
    ids = {name: of_set[: settings.n_windows] for name, of_set in all_ids.items()}
    scored = np.unique(np.concatenate(list(ids.values())))
    windows = windows.chosen(scored)
    ids = {name: np.searchsorted(scored, of_set) for name, of_set in ids.items()}
    forecasts = score_forecasts(
        model,
        windows,
        task.n_cond,
        task.n_pred_test,
        metrics,
        ids,
        settings.batch_size,
        settings.n_examples,
        device,
        settings.horizons,
    )
    n_available = {name: len(of_set) for name, of_set in all_ids.items()}
    if "swap" not in settings.protocols:
        return Evaluation(windows.index, forecasts, n_available)
    swap = DATASETS[experiment.dataset.name].swap
    assert swap is not None  # checked when the experiment was read
    items: SwapItems = load(swap)(file, task.n_cond, task.n_pred_test)
    swaps = _swapped(model, items, experiment, metrics, device)
    grid = swap_grid(model, items, task.n_cond, task.n_pred_test, device)
    return Evaluation(windows.index, forecasts, n_available, swaps, items.n_items, grid)


def _metric(entry: MetricEntry) -> Metric:
    return Metric(load(entry.function), entry.direction, entry.context is not None)


def _swapped(
    model: nn.Module, items: SwapItems, experiment: Experiment, metrics: Mapping[str, Metric], device: torch.device
) -> Swaps:
    settings, task = experiment.evaluation, experiment.task
    return score_swaps(
        model,
        items,
        min(items.n_items, settings.n_windows or items.n_items),
        task.n_cond,
        task.n_pred_test,
        metrics,
        settings.batch_size,
        settings.n_examples,
        device,
        settings.horizons,
    )


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


def _report(record: dict[str, Any], paths: RunPaths) -> None:
    print(f"{record['experiment']}, {seed_text(record['seed'])}, on {record['device']}: {paths.metrics}")
    for score in scores(record):
        print(
            f"  {score.protocol}: {score.metric} = {score.mean:.4g} over {score.n_frames} frames "
            f"({score.window_set} windows, {score.n_windows:,})"
        )
