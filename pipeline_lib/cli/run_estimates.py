"""What the runs of a pipeline still need, before anything starts: iterations and disk, from settings and states."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import nn

from pipeline_lib.cli.training_request import TrainingRequest, training_request
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.config.pipeline import Pipeline, Run
from pipeline_lib.config.registry import DATASETS, MODELS, load
from pipeline_lib.models.protocols import n_parameters
from pipeline_lib.training.checkpoint import CheckpointStore
from pipeline_lib.training.schedule import Budget

FrameShape = tuple[int, int, int]

FLOAT32 = 4


@dataclass(frozen=True)
class RunEstimate:
    """What one run needs. What only the data tell is None until they are prepared.

    iterations: length of the training, 0 for baselines. done: iterations that need not be computed any more.
    state: "finished", "resumable", "to do", or "refused" (`reason` says why). bytes: disk that it will fill.
    """

    run: Run
    frame_shape: FrameShape | None
    iterations: int | None
    done: int
    state: str
    bytes: int | None
    reason: str = ""

    @property
    def name(self) -> str:
        return self.run.experiment.name + ("" if self.run.seed is None else f" seed {self.run.seed}")

    @property
    def remaining(self) -> int | None:
        """Iterations still to be computed."""
        if self.state in ("finished", "refused"):
            return 0
        return None if self.iterations is None else self.iterations - self.done


@dataclass(frozen=True)
class DatasetEstimate:
    """Whether a dataset is prepared, and the disk that it will fill; None where only the data tell."""

    name: str
    is_prepared: bool
    bytes: int | None


def estimate_dataset(pipeline: Pipeline, name: str) -> DatasetEstimate:
    """What a dataset needs; files that are there are taken for prepared."""
    paths = pipeline.paths
    if paths.train_file(name).is_file() and paths.test_file(name).is_file():
        return DatasetEstimate(name, True, 0)
    return DatasetEstimate(name, False, pipeline.of_dataset(name)[0].dataset.prepared_bytes)


def estimate_run(pipeline: Pipeline, run: Run) -> RunEstimate:
    """What a run needs. Without prepared data its state is unknown, and it is taken for not begun."""
    experiment = run.experiment
    request = _request(pipeline.paths, run)
    frame_shape, n_windows = _frames_and_windows(experiment, pipeline.paths.train_file(experiment.dataset.name))
    iterations = _iterations(experiment, n_windows)
    state, done, reason = _state(request, iterations)
    if n_windows == 0:
        length = experiment.task.n_cond + experiment.task.n_pred
        state, reason = "refused", f"no window of {length} frames fits into its training videos; lower n_cond or n_pred"
    elif iterations is None:
        reason = "only its data tell how long an epoch is"
    return RunEstimate(
        run, frame_shape, iterations, done, state, _bytes(experiment, frame_shape, request, state), reason
    )


def _request(paths: ResultPaths, run: Run) -> TrainingRequest | None:
    """The run as `train` is asked for it; None where its training file is not there, or damaged."""
    train_file = paths.train_file(run.experiment.dataset.name)
    try:
        out = paths.run(run.experiment.name, run.seed).folder
        return training_request(run.experiment, run.seed, train_file, out)
    except ValueError:
        return None


def _frames_and_windows(experiment: Experiment, train_file: Path) -> tuple[FrameShape | None, int | None]:
    """Shape of a frame and training windows in an epoch: from the settings, else from the prepared file."""
    dataset, length = experiment.dataset, experiment.task.n_cond + experiment.task.n_pred
    frame_shape, n_windows = dataset.frame_shape, dataset.n_training_windows(length)
    if (frame_shape is None or n_windows is None) and train_file.is_file():
        opened = load(DATASETS[dataset.name].training)(train_file, dataset, length, torch.device("cpu"), 0)
        return opened.frame_shape, opened.n_windows
    return frame_shape, n_windows


def _iterations(experiment: Experiment, n_windows: int | None) -> int | None:
    """Length of the training, 0 for baselines; None where only the data tell."""
    if experiment.training is None:
        return 0
    return Budget.of(experiment.training, n_windows).iterations if n_windows else experiment.training.iterations


def _state(request: TrainingRequest | None, iterations: int | None) -> tuple[str, int, str]:
    """Finished, resumable, to do or refused; iterations that are done; why it is refused."""
    if request is not None and request.is_finished:
        return "finished", iterations or 0, ""
    reached = None if request is None else CheckpointStore(request.state).newest_iteration()
    if reached is None:
        return "to do", 0, ""
    if iterations is None or reached <= iterations:
        return "resumable", reached, ""
    reason = (
        f"its state is at iteration {reached:,}, beyond the {iterations:,} asked for, and the weights at that length "
        "were not kept; ask for more iterations, or train another seed"
    )
    return "refused", reached, reason


def _bytes(
    experiment: Experiment, frame_shape: FrameShape | None, request: TrainingRequest | None, state: str
) -> int | None:
    """Disk that the run will fill beyond what it has."""
    if state in ("finished", "refused"):
        return 0
    if frame_shape is None:
        return None
    there = 0 if request is None else sum(p.stat().st_size for p in request.state.rglob("*") if p.is_file())
    return max(0, run_bytes(experiment, frame_shape) - there)


@cache
def run_bytes(experiment: Experiment, frame_shape: FrameShape) -> int:
    """Disk that a run fills, without figures and logs: weights twice (one kept with the state), the state, examples."""
    with torch.device("meta"):  # shapes alone: nothing is drawn and no memory filled
        model: nn.Module = load(MODELS[experiment.model.name].build)(experiment.model, experiment.task, frame_shape)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    # Two generations of weights and Adam's two moments of each parameter; baselines have no state.
    state = 0 if experiment.is_baseline else 2 * (weights + 2 * FLOAT32 * n_parameters(model))
    task, evaluation = experiment.task, experiment.evaluation
    frames = evaluation.n_examples * (task.n_cond + 2 * task.n_pred_test) * len(evaluation.protocols)
    return 2 * weights + state + FLOAT32 * frames * math.prod(frame_shape)
