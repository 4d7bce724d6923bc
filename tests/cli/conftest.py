"""Run folders as a training leaves them, on a small data set, without a training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_run
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.config.wave_eq import WaveEq100Settings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.wave_eq import prepare
from pipeline_lib.records.files import write_training
from pipeline_lib.records.provenance import provenance


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with train.h5 and test.h5: 4 simulations, the last of them for the test, frames of 10 pixels."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = WaveEq100Settings.model_validate(
        {"preparation": {"n_simulations": 4, "n_train_simulations": 3, "n_pixels": 10}}
    )
    prepare(settings, folder / "train.h5", folder / "test.h5")
    return folder


@pytest.fixture
def finished_run(tmp_path: Path, prepared: Path) -> Callable[..., tuple[RunPaths, nn.Module]]:
    """Make the folder of a finished run, with weights larger than those of an initialisation, or of a baseline."""

    def make(
        experiment: Experiment, seed: int | None = 0, frame_shape: tuple[int, int, int] | None = None
    ) -> tuple[RunPaths, nn.Module]:
        paths = RunPaths(tmp_path / "runs" / experiment.name / f"seed_{seed}")
        torch.manual_seed(0)
        with VideoFile(prepared / "train.h5") as file:
            model: nn.Module = load(MODELS[experiment.model.name].build)(
                experiment.model, experiment.task, frame_shape or file.frame_shape
            )
            if hasattr(model, "fit"):
                model.fit(file.iterate(1))
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.2)
        write_run(experiment, seed, paths.config)
        save_file(model.state_dict(), paths.model)
        training = experiment.training
        write_training(
            paths.training,
            {
                "experiment": experiment.name,
                "seed": seed,
                "digest": "0123456789abcdef",
                "schedule_name": training.schedule_name if training else "none",
                "iterations": 20 if training else 0,
                "precision": "float32",
                "device": "cpu (1 threads)",
                "wall_seconds": 12.5,
                "n_parameters": {"total": sum(p.numel() for p in model.parameters())},
                "provenance": provenance(),
            },
        )
        return paths, model

    return make
