"""`evaluate`: score one run on the test part; leaves predictions.h5 and metrics.json in the run's folder."""

import argparse
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline_lib.cli.evaluation_files import Evaluation, SwapEvaluation, facts_of, metrics_content, predictions_content
from pipeline_lib.cli.finished_run import FinishedRun, differences, read_finished_run, seed_text, trained_model
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import DATASETS, METRICS, MetricEntry, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.protocols import SwapItems
from pipeline_lib.data.streamed import StreamedWindows, test_windows
from pipeline_lib.evaluation.decomposition import Decompositions, Metrics, score_decompositions
from pipeline_lib.evaluation.forecast import Forecasts, score_forecasts
from pipeline_lib.evaluation.scoring import Metric
from pipeline_lib.evaluation.swap import score_swaps
from pipeline_lib.evaluation.swap_grid import swap_grid
from pipeline_lib.records.files import write_metrics
from pipeline_lib.records.predictions import write_predictions
from pipeline_lib.records.provenance import provenance
from pipeline_lib.records.scores import scores
from pipeline_lib.runtime import device as devices
from pipeline_lib.runtime.gpus import lease_gpus
from pipeline_lib.runtime.locks import FileLock
from pipeline_lib.runtime.memory import NotEnoughMemoryError, memory_explained


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

    Raises ValueError where run, configuration and test file do not belong together, a prediction is not finite, or
    memory does not suffice.
    """
    paths = RunPaths(args.run_dir)
    finished = read_finished_run(paths, args.config, args.seed)
    experiment = finished.experiment
    leases = _take_gpu(args.device or experiment.evaluation.device, experiment)
    try:
        _score_run(args, finished, paths)
    finally:
        for lease in leases:
            lease.release()
    return 0


def _take_gpu(name: str, experiment: Experiment) -> list[FileLock]:
    """Wait for a GPU of our own, as trainings do, and let this process see no other; a baseline takes what is there."""
    if experiment.is_baseline:
        return []
    variables, leases = lease_gpus(name)
    os.environ.update(variables)
    return leases


def _score_run(args: argparse.Namespace, finished: FinishedRun, paths: RunPaths) -> None:
    experiment, n_windows = finished.experiment, finished.experiment.evaluation.batch_size
    advice = f"try evaluation.batch_size {n_windows // 2}" if n_windows > 1 else "a device with more memory is needed"
    device = devices.choose_device(args.device or experiment.evaluation.device)
    devices.configure(device, experiment.evaluation.n_threads)
    began = time.monotonic()
    with VideoFile(args.test_file) as file:
        _check_test_file(file, experiment)
        model = trained_model(finished, file.frame_shape, device)
        facts = facts_of(finished, file, devices.describe(device))
        try:
            with memory_explained(device, "evaluating", f"evaluation.batch_size {n_windows}", advice):
                evaluation = evaluated(model, experiment, file, device)
        except NotEnoughMemoryError as error:
            raise ValueError(f"{experiment.name}: {error}") from error
        predictions = predictions_content(evaluation, experiment, file, facts)
    record = metrics_content(evaluation, facts, finished.training)
    record |= {"evaluation_seconds": round(time.monotonic() - began, 3), "provenance": provenance()}
    write_predictions(paths.predictions, predictions)
    write_metrics(paths.metrics, record)
    _report(record, paths)


def evaluated(model: nn.Module, experiment: Experiment, file: VideoFile, device: torch.device) -> Evaluation:
    """Every protocol that the experiment asks for, of a model that is on the device."""
    settings, task = experiment.evaluation, experiment.task
    windows, all_ids = test_windows(file, experiment.dataset, task.n_cond, task.n_pred_test, settings.window_sets)
    ids = {name: of_set[: settings.n_windows] for name, of_set in all_ids.items()}
    scored = np.unique(np.concatenate(list(ids.values())))
    windows = windows.chosen(scored)
    ids = {name: np.searchsorted(scored, of_set) for name, of_set in ids.items()}
    found = _of_windows(model, windows, ids, experiment, device)
    return Evaluation(
        windows.index,
        found.forecasts if isinstance(found, Decompositions) else found,
        {name: len(of_set) for name, of_set in all_ids.items()},
        found if isinstance(found, Decompositions) else None,
        _swapped(model, file, experiment, device) if "swap" in settings.protocols else None,
    )


def _of_windows(
    model: nn.Module,
    windows: StreamedWindows,
    ids: Mapping[str, NDArray[np.int64]],
    experiment: Experiment,
    device: torch.device,
) -> Forecasts | Decompositions:
    """What one pass over the windows gives: forecasts, and what becomes of the input frames where that is asked for."""
    settings, task = experiment.evaluation, experiment.task
    common = (settings.batch_size, settings.n_examples, device, settings.horizons, experiment.dataset.visible_rows)
    frames = _frame_metrics(experiment)
    if not settings.of_input:
        return score_forecasts(model, windows, task.n_cond, task.n_pred_test, frames, ids, *common)
    metrics = Metrics(frames, _functions(experiment, "video"), _functions(experiment, "labels"))
    return score_decompositions(model, windows, task.n_cond, task.n_pred_test, metrics, ids, settings.of_input, *common)


def _frame_metrics(experiment: Experiment) -> dict[str, Metric]:
    """What frames are scored by, whatever the protocol."""
    entries = {name: METRICS[name] for name in experiment.metrics if METRICS[name].kind == "frames"}
    return {name: _metric(entry) for name, entry in entries.items()}


def _metric(entry: MetricEntry) -> Metric:
    of_mean = {} if entry.of_mean is None else {"of_mean": load(entry.of_mean)}
    return Metric(load(entry.function), entry.direction, entry.context is not None, **of_mean)


def _functions(experiment: Experiment, kind: str) -> dict[str, Callable[..., Any]]:
    """Metrics of another kind, by name."""
    return {name: load(METRICS[name].function) for name in experiment.metrics if METRICS[name].kind == kind}


def _swapped(model: nn.Module, file: VideoFile, experiment: Experiment, device: torch.device) -> SwapEvaluation:
    settings, task = experiment.evaluation, experiment.task
    swap = DATASETS[experiment.dataset.name].swap
    assert swap is not None  # checked when the experiment was read
    items: SwapItems = load(swap)(file, task.n_cond, task.n_pred_test)
    swaps = score_swaps(
        model,
        items,
        min(items.n_items, settings.n_windows or items.n_items),
        task.n_cond,
        task.n_pred_test,
        _frame_metrics(experiment),
        settings.batch_size,
        settings.n_examples,
        device,
        settings.horizons,
    )
    return SwapEvaluation(swaps, items.n_items, swap_grid(model, items, task.n_cond, task.n_pred_test, device))


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
        value = "not defined" if math.isnan(score.mean) else f"{score.mean:.4g}"
        print(
            f"  {score.protocol}: {score.metric} = {value} over {score.n_frames} frames "
            f"({score.window_set} windows, {score.n_windows:,})"
        )
