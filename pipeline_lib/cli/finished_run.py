"""A finished run as its folder holds it: configuration, summary of the training, weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import read_experiment, read_run
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.records.files import read_training


@dataclass(frozen=True)
class FinishedRun:
    """experiment: what to evaluate by; it agrees with what was trained. training: content of training.json."""

    paths: RunPaths
    experiment: Experiment
    seed: int | None
    training: dict[str, Any]


def read_finished_run(paths: RunPaths, config: Path | None = None, wanted_seed: int | None = None) -> FinishedRun:
    """Read a run's folder. `config` may change task and evaluation, nothing that the weights rest on.

    Raises ValueError, naming the file, where something is missing or does not belong together.
    """
    experiment, seed = _read_config(config, paths, wanted_seed)
    return FinishedRun(paths, experiment, seed, _read_training(paths, experiment, seed))


def trained_model(run: FinishedRun, frame_shape: tuple[int, int, int], device: torch.device) -> nn.Module:
    """The run's model with its final weights; ValueError, naming the file, if they are missing or do not fit."""
    experiment, paths = run.experiment, run.paths
    if not paths.model.is_file():
        raise ValueError(f"{paths.model}: there are no weights; train the run first")
    model: nn.Module = load(MODELS[experiment.model.name].build)(
        experiment.model, experiment.task, frame_shape, device.type
    )
    try:
        model.load_state_dict(load_file(paths.model))
    except SafetensorError as error:
        raise ValueError(f"{paths.model}: damaged, or not a weights file ({error}); train the run again") from error
    except RuntimeError as error:
        raise ValueError(
            f"{paths.model}: these weights do not fit {experiment.name} on frames of shape {frame_shape}: {error}"
        ) from error
    return model.to(device)


def _read_config(config: Path | None, paths: RunPaths, wanted_seed: int | None) -> tuple[Experiment, int | None]:
    """The experiment to evaluate by, and the run's seed."""
    if not paths.config.is_file():
        raise ValueError(f"{paths.folder}: not the folder of a run, it has no {paths.config.name}; train the run first")
    trained, seed = read_run(paths.config)
    if wanted_seed is not None and wanted_seed != seed:
        raise ValueError(f"{paths.folder}: the run has {seed_text(seed)}, --seed asks for {wanted_seed}")
    if config is None:
        return trained, seed
    experiment = read_experiment(config)
    if experiment.name != trained.name:
        raise ValueError(f"{paths.folder} is a run of {trained.name}, {config} describes {experiment.name}")
    if changed := differences(trained.identity(seed), experiment.identity(seed)):
        raise ValueError(
            f"{config} differs from what {paths.folder} was trained with: {'; '.join(changed)}. Train again, or "
            f"evaluate by {paths.config}"
        )
    return experiment, seed


def differences(trained: Any, given: Any, key: str = "") -> list[str]:
    """ "model.offset: trained with 5, now 0", for every setting that differs."""
    if isinstance(trained, dict) and isinstance(given, dict):
        names = list(dict.fromkeys([*trained, *given]))
        parts = [differences(trained.get(n), given.get(n), f"{key}.{n}" if key else n) for n in names]
        return [line for part in parts for line in part]
    return [] if trained == given else [f"{key}: trained with {trained!r}, now {given!r}"]


def _read_training(paths: RunPaths, experiment: Experiment, seed: int | None) -> dict[str, Any]:
    if not paths.training.is_file():
        raise ValueError(f"{paths.training}: does not exist; train the run to its end first")
    training = read_training(paths.training)
    if (training["experiment"], training["seed"]) != (experiment.name, seed):
        raise ValueError(
            f"{paths.training}: of {training['experiment']} with {seed_text(training['seed'])}, but "
            f"{paths.config.name} says {experiment.name} with {seed_text(seed)}; train the run again"
        )
    return training


def seed_text(seed: int | None) -> str:
    return "no seed" if seed is None else f"seed {seed}"
