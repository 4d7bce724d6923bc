"""What a training is composed of before its first step, and in which order its outputs are published."""

import io

import pytest

from pipeline_lib.cli import training_request as requests
from pipeline_lib.cli.train_process import TrainingProcess
from pipeline_lib.cli.training_request import COPIED, OUTPUTS, SUMMARY, publish, training_request
from pipeline_lib.records.files import write_training
from pipeline_lib.runtime.atomic import copy_file
from pipeline_lib.runtime.signals import StopRequest
from pipeline_lib.training.schedule import EpochPlan


def composed(experiment, seed, prepared, out):
    request = training_request(experiment, seed, prepared / "train.h5", out)
    return TrainingProcess(request, io.StringIO(), StopRequest()).trainer


def test_weights_and_order_are_those_of_the_seed(tiny_experiment, prepared, tmp_path):
    seeds = {"first": 1, "again": 1, "other": 2}
    trainers = {name: composed(tiny_experiment, seed, prepared, tmp_path / name) for name, seed in seeds.items()}
    weights = {
        name: trainer.model.state_dict()["integrator.blocks.0.layers.0.weight"] for name, trainer in trainers.items()
    }
    assert weights["first"].equal(weights["again"]) and not weights["first"].isclose(weights["other"]).any()
    for name, trainer in trainers.items():
        trainer._enter_epoch(3)
        size, draws = tiny_experiment.training.batch_size, trainer.model.draw_range()
        plan = EpochPlan(seeds[name], 3, trainer.data.n_windows, size, draws)
        for position in range(4):
            assert trainer._plan.window_ids(position).tolist() == plan.window_ids(position).tolist()
            assert trainer._plan.draw(position) == plan.draw(position)


def test_what_says_that_a_run_is_finished_is_published_last(tiny_experiment, prepared, tmp_path, monkeypatch):
    request = training_request(tiny_experiment, 0, prepared / "train.h5", tmp_path / "run")
    request.kept.mkdir(parents=True)
    for name in COPIED:
        (request.kept / name).write_text(name)
    summary = dict.fromkeys(("experiment", "seed", "digest", "iterations", "provenance"), 0)
    write_training(request.kept / SUMMARY, summary)

    def killed(source, target):
        if source.name == COPIED[-1]:
            raise KeyboardInterrupt
        copy_file(source, target)

    monkeypatch.setattr(requests, "copy_file", killed)
    with pytest.raises(KeyboardInterrupt):
        publish(request)
    assert not (request.out / SUMMARY).exists()
    monkeypatch.undo()
    publish(request)
    assert all((request.out / name).exists() for name in OUTPUTS)
