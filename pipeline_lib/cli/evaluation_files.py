"""What `evaluate` writes: the content of metrics.json and of predictions.h5."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.cli.finished_run import FinishedRun
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.config.wave_eq import WaveEq100Settings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import WindowIndex
from pipeline_lib.evaluation.decomposition import Decompositions
from pipeline_lib.evaluation.forecast import Forecasts
from pipeline_lib.evaluation.running_scores import AnyScores, Scores
from pipeline_lib.evaluation.scoring import PRECISION
from pipeline_lib.evaluation.swap import Swaps
from pipeline_lib.records.predictions import Examples, Predictions, SwapGrid

SWAP_SET = "all"
"""What the one set of a content swap's items is called, beside the window sets of the forecasts."""


@dataclass(frozen=True)
class SwapEvaluation:
    """Content swaps, of `n_items` that there are, and a grid of them."""

    swaps: Swaps
    n_items: int
    grid: SwapGrid


@dataclass(frozen=True)
class Evaluation:
    """What was found. index: the windows that were scored. n_available: windows of each set, scored or not.

    decompositions, swap: None where no such protocol was evaluated.
    """

    index: WindowIndex
    forecasts: Forecasts
    n_available: Mapping[str, int]
    decompositions: Decompositions | None = None
    swap: SwapEvaluation | None = None

    def sets(self) -> dict[str, dict[str, tuple[int, Mapping[str, AnyScores]]]]:
        """By protocol and window set: how many windows there are, and the scores by metric."""
        of_windows: dict[str, Mapping[str, Mapping[str, AnyScores]]] = {"forecast": self.forecasts.scores}
        if self.forecasts.whole_scores:
            of_windows["whole_forecast"] = self.forecasts.whole_scores
        if self.decompositions is not None:
            of_windows |= self.decompositions.scores
        found = {
            protocol: {name: (self.n_available[name], of_set) for name, of_set in sets.items()}
            for protocol, sets in of_windows.items()
        }
        if self.swap is not None:
            found["swap"] = {SWAP_SET: (self.swap.n_items, self.swap.swaps.scores)}
        return found


def metrics_content(evaluation: Evaluation, facts: Mapping[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """The content of metrics.json (records/scores.py describes `protocols`)."""
    protocols = {
        protocol: {"window_sets": {name: _window_set(*found) for name, found in sets.items()}}
        for protocol, sets in evaluation.sets().items()
    }
    return {**facts, "protocols": protocols, "training": _training_facts(training)}


def _window_set(n_available: int, of_set: Mapping[str, AnyScores]) -> dict[str, Any]:
    any_scores = next(iter(of_set.values()))
    return {
        "n_windows": any_scores.n_windows,
        "n_available": n_available,
        **_counted(any_scores),
        "metrics": {metric: scores.summary() for metric, scores in of_set.items()},
    }


def _counted(scores: AnyScores) -> dict[str, Any]:
    """How many windows and frames count, where not all do."""
    if not isinstance(scores, Scores) or scores.n_counted is None:
        return {}
    n_windows = int((~np.isnan(scores.per_window)).sum())
    return {"counted": {"n_windows": n_windows, "n_frames": int(scores.n_counted.sum())}}


def predictions_content(
    evaluation: Evaluation, experiment: Experiment, file: VideoFile, facts: Mapping[str, Any]
) -> Predictions:
    """The content of predictions.h5."""
    forecasts, chosen = evaluation.forecasts, evaluation.forecasts.example_ids
    index, n_cond = evaluation.index[chosen], experiment.task.n_cond
    show = _shown_by(experiment)
    names = ("experiment", "title", "dataset", "model", "seed", "digest", "n_cond", "n_pred_test")
    pixels = {}
    if isinstance(experiment.dataset, WaveEq100Settings):
        pixels = {name: file.array(name) for name in ("pixel_rows", "pixel_columns")}
    return Predictions(
        per_window={
            protocol: {
                name: {metric: scores.per_window for metric, scores in of_set.items() if isinstance(scores, Scores)}
                for name, (_, of_set) in sets.items()
            }
            for protocol, sets in evaluation.sets().items()
        },
        examples=Examples(
            cond=show(file, index, forecasts.cond, 0),
            truth=show(file, index, forecasts.truth, n_cond),
            prediction=show(file, index, forecasts.prediction, n_cond),
            window=chosen,
            video=index.video,
            start=index.start,
            name=_names(experiment, file, index),
        ),
        facts={**{name: facts[name] for name in names}, **pixels},
        swap=evaluation.swap.swaps.examples if evaluation.swap else None,
        swap_grid=evaluation.swap.grid if evaluation.swap else None,
        decomposition=evaluation.decompositions.examples if evaluation.decompositions else None,
    )


def _shown_by(experiment: Experiment) -> Callable[..., NDArray[np.float32]]:
    """What gives frames in the unit in which figures show them; most datasets show them as they are."""
    show = DATASETS[experiment.dataset.name].show
    return load(show) if show else lambda file, index, frames, first: frames


def _names(experiment: Experiment, file: VideoFile, index: WindowIndex) -> NDArray[np.bytes_] | None:
    """What figures call these windows, where the dataset has names for them."""
    call = DATASETS[experiment.dataset.name].call
    if call is None:
        return None
    return np.array([name.encode() for name in load(call)(file, index, experiment.task.n_cond)], np.bytes_)


def facts_of(run: FinishedRun, file: VideoFile, device: str) -> dict[str, Any]:
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
        "visible_rows": experiment.dataset.visible_rows,
        "data_source": file.attributes["source"],
        "device": device,
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
