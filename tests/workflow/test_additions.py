"""A dataset, a model, a metric and a figure added from outside, as CONTRIBUTING.md says, and run through Snakemake."""

import json

import pytest

from tests.workflow.conftest import Workflow

MODEL_SETTINGS = '''

class GreySettings(ModelSettings):
    """Baseline: every predicted pixel is 1/2."""

    is_trained: ClassVar[bool] = False
    name: Literal["grey"] = "grey"
'''

MODEL = '''
"""Grey forecasts."""

import torch


class Grey(torch.nn.Module):
    def forecast(self, cond_BTCHW, n_pred):
        return torch.full_like(cond_BTCHW[:, :1], 0.5).expand(-1, n_pred, -1, -1, -1)


def build(settings, task, frame_shape, device_type="cpu", frames_per_decoder_call="auto"):
    return Grey()
'''

DATASET_SETTINGS = '''
"""Settings of steps of brightness."""

from typing import Literal

from pydantic import Field

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section


class StepsPreparation(Section):
    """Videos that grow brighter step by step."""

    n_videos: int = Field(3, ge=1, description="Videos in each part [videos].")


class StepsSettings(DatasetSettings):
    """Steps of brightness."""

    name: Literal["steps"] = "steps"
    preparation: StepsPreparation = StepsPreparation()
'''

DATASET = '''
"""Steps of brightness."""

import numpy as np

from pipeline_lib.data.hdf5 import VideoDescription, write_videos


def prepare(settings, train_path, test_path, progress=None, code_version="unknown"):
    n = settings.preparation.n_videos
    video = np.broadcast_to(np.linspace(0, 1, 20, dtype=np.float32)[None, :, None, None, None], (n, 20, 1, 4, 4))
    for part, path in (("train", train_path), ("test", test_path)):
        facts = VideoDescription("steps", part, "steps", settings.preparation.model_dump(), code_version)
        write_videos(path, video.shape, [video], facts)
'''

METRIC = '''
"""Mean absolute error."""


def mae_per_pixel(prediction_BTCHW, truth_BTCHW):
    return (prediction_BTCHW - truth_BTCHW).abs().flatten(2).mean(dim=2)
'''

FIGURE = '''
"""An empty page."""

import matplotlib.pyplot as plt


def draw(runs, files):
    figure = plt.figure()
    figure.suptitle(runs[0].name)
    for suffix, path in files.items():
        figure.savefig(path, format=suffix)
'''

REGISTRY = [
    ("config.dataset import DatasetSettings", "\nfrom pipeline_lib.config.steps import StepsSettings"),
    ("config.model import (", "\n    GreySettings,"),
    (
        "DATASETS: dict[str, DatasetEntry] = {",
        '\n    "steps": DatasetEntry(StepsSettings, prepare="pipeline_lib.data.steps:prepare"),',
    ),
    (
        "MODELS: dict[str, ModelEntry] = {",
        '\n    "grey": ModelEntry(GreySettings, build="pipeline_lib.models.grey:build"),',
    ),
    (
        "METRICS: dict[str, MetricEntry] = {",
        '\n    "mae_per_pixel": MetricEntry("pipeline_lib.metrics.mae:mae_per_pixel", "MAE", "1", "lower"),',
    ),
    (
        "FIGURES: dict[str, FigureEntry] = {",
        '\n    "page": FigureEntry("pipeline_lib.reporting.figures.page:draw", "run", "page.rst"),',
    ),
]

EXPERIMENT = """
# Grey on steps: nothing to learn.
title: Grey
dataset: {name: steps}
task: {n_cond: 2, n_pred: 3, n_pred_test: 3}
model: {name: grey}
evaluation: {window_sets: [all], metrics: [mse_per_pixel, mae_per_pixel], device: cpu, n_threads: 1, n_examples: 1}
"""


@pytest.fixture
def extended(tmp_path, repository):
    workflow = Workflow(tmp_path, repository)
    file = workflow.module("config.model")
    file.write_text(file.read_text() + MODEL_SETTINGS)
    for name, text in {
        "config.steps": DATASET_SETTINGS,
        "models.grey": MODEL,
        "data.steps": DATASET,
        "metrics.mae": METRIC,
        "reporting.figures.page": FIGURE,
    }.items():
        workflow.module(name).write_text(text.lstrip())
    registry = workflow.module("config.registry")
    text = registry.read_text()
    for old, new in REGISTRY:
        assert text.count(old) == 1, old
        text = text.replace(old, old.rstrip("\n") + new + ("\n" if old.endswith("\n") else ""))
    registry.write_text(text)
    (workflow.folder / "config/experiments/steps").mkdir()
    workflow.write("config/experiments/steps/grey.yaml", EXPERIMENT)
    workflow.write("workflow/report/page.rst", "A page.\n")
    workflow.write("more.yaml", "experiments: [steps/grey]\ntracking: {enabled: false}\n")
    return workflow


def test_each_is_one_file_and_one_line(extended):
    done = extended.snakemake("--cores", "2", configfile="more.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    run = extended.folder / "results/runs/steps/grey/no_seed"
    protocols = json.loads((run / "metrics.json").read_text())["protocols"]
    scores = protocols["forecast"]["window_sets"]["all"]["metrics"]
    assert set(scores) == {"mse_per_pixel", "mae_per_pixel"}
    assert 0.2 < scores["mae_per_pixel"]["mean"] < 0.3 and scores["mse_per_pixel"]["mean"] < 0.15
    assert (run / "figures/page.png").is_file() and (run / "figures/page.pdf").is_file()
    assert "Grey" in (extended.folder / "results/tables/steps.md").read_text()
