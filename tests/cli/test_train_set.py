"""`train --set`: settings from the command line, over the experiment's, in what is trained and in what is written."""

import argparse
import json
import subprocess
import sys

import pytest

from pipeline_lib.cli.train import _request, add_arguments
from pipeline_lib.config.loading import read_run, write_experiment
from pipeline_lib.config.problems import ConfigurationError


@pytest.fixture
def request_of(tiny_experiment, tmp_path, prepared):
    """What `train` would do with these arguments."""

    def parse(*assignments):
        config = tmp_path / "config" / "pde.yaml"
        write_experiment(tiny_experiment, config)
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        arguments = [str(config), "--seed", "0", "--train-file", str(prepared / "train.h5"), "--out", str(tmp_path)]
        return _request(parser.parse_args(arguments + [part for text in assignments for part in ("--set", text)]))

    return parse


def test_values_go_over_the_experiment_and_into_the_digest(request_of):
    plain = request_of()
    changed = request_of("training.optimiser.learning_rate=1e-3", "model.code_size_static=4", "model.mixing=concat")
    assert changed.experiment.training.optimiser.learning_rate == 1e-3
    assert (changed.experiment.model.code_size_static, changed.experiment.model.mixing) == (4, "concat")
    assert changed.experiment.training.batch_size == plain.experiment.training.batch_size
    assert changed.digest != plain.digest
    # A longer training is the same run, as are more threads.
    longer = request_of("training.iterations=30", "training.n_threads=2")
    assert longer.digest == plain.digest and longer.kept != plain.kept
    assert request_of("training.iterations=null", "training.epochs=2").experiment.training.epochs == 2


@pytest.mark.parametrize(
    ("assignments", "label"),
    [
        (["training.n_threads=2"], "test"),
        (["training.iterations=20"], "test"),
        (["training.iterations=21"], "custom"),
        (["training.optimiser.learning_rate=1e-3"], "custom"),
        (["task.n_pred_test=12"], "custom"),
        (["training.iterations=21", "training.schedule_name=mine"], "mine"),
    ],
)
def test_a_changed_schedule_loses_its_label_unless_it_gets_one(request_of, assignments, label):
    assert request_of(*assignments).experiment.training.schedule_name == label


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("training.iteration=3", "--set: training.iteration: unknown key; did you mean 'iterations'? Allowed here: "),
        ("trainin.iterations=3", "--set: trainin: unknown key; did you mean 'training'?"),
        ("training.batch_size=0", "--set: training.batch_size: given 0; input should be greater than or equal to 1"),
        ("training.precision=bf61", "did you mean 'bf16'?"),
        ("training.epochs=3", "--set: training: give exactly one of iterations and epochs"),
        ("training=3", "--set: training: given 3; "),
        ("name=wave_eq_100/other", "--set: name: an experiment cannot be renamed"),
        ("seed=3", "--set: seed: unknown key"),
    ],
)
def test_a_bad_value_is_an_error_that_names_it(request_of, assignment, message):
    with pytest.raises(ConfigurationError) as error:
        request_of(assignment)
    (problem,) = error.value.problems
    assert message in problem


def test_the_run_is_trained_so_and_its_configuration_says_so(tiny_experiment, tmp_path, prepared):
    write_experiment(tiny_experiment, tmp_path / "pde.yaml")
    command = [sys.executable, "-m", "pipeline_lib", "train", str(tmp_path / "pde.yaml"), "--seed", "0"]
    command += ["--train-file", str(prepared / "train.h5"), "--out", str(tmp_path / "run")]
    command += ["--set", "training.iterations=3", "--set", "training.optimiser.learning_rate=1e-3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    experiment, seed = read_run(tmp_path / "run" / "config.yaml")
    assert (experiment.training.iterations, experiment.training.optimiser.learning_rate, seed) == (3, 1e-3, 0)
    summary = json.loads((tmp_path / "run" / "training.json").read_text())
    assert (summary["iterations"], summary["schedule_name"]) == (3, "custom")
    wrong = subprocess.run([*command, "--set", "training.iteration=3"], capture_output=True, text=True)
    assert wrong.returncode == 1 and "did you mean 'iterations'?" in wrong.stderr and "Traceback" not in wrong.stderr
