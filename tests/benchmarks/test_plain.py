"""The comparison of a training step with the plain implementation: the same numbers, the same training."""

import pytest
import torch

from benchmarks import plain
from benchmarks.plain import PlainTrainer, difference, plain_loss_terms, plain_trainer
from pipeline_lib.cli.benchmark_measuring import new_trainer
from pipeline_lib.cli.iteration_timing import MadeUpWindows
from pipeline_lib.cli.measured_trainer import MeasuredTrainer
from pipeline_lib.config.loading import read_experiment

CPU = torch.device("cpu")
TINY_DIVE = {"image_latent": 7, "code_size_appearance": 5, "hidden_size": 6, "code_size_varying": 4, "ngf": 2}


@pytest.fixture(params=["pde", "dive"])
def experiment(request, tiny_experiment, repository):
    if request.param == "pde":
        return tiny_experiment
    dive = read_experiment(repository / "config" / "experiments" / "moving_mnist" / "dive.yaml")
    update = {"batch_size": 2, "n_threads": 1, "device": "cpu"}
    training, model = dive.training.model_copy(update=update), dive.model.model_copy(update=TINY_DIVE)
    return dive.model_copy(update={"model": model, "training": training})


def made_up(experiment):
    n_frames, shape = experiment.task.n_cond + experiment.task.n_pred, (1, 1, 10)
    if experiment.model.name == "dive":
        shape = (1, 16, 16)
    return MadeUpWindows(experiment.training.batch_size, n_frames, shape, CPU)


def test_both_ways_give_the_same_gradients_and_a_wrong_one_is_found(experiment, tmp_path, monkeypatch):
    data = made_up(experiment)

    def apart():
        return difference(new_trainer(MeasuredTrainer, experiment, data, CPU, str(tmp_path)).model, data)

    assert 0 <= apart() <= plain.TOLERANCE

    def wrong(model, video, drawn):
        terms = plain_loss_terms(model, video, drawn)
        return {name: 1.01 * value for name, value in terms.items()}

    monkeypatch.setattr(plain, "plain_loss_terms", wrong)
    with pytest.raises(AssertionError, match="gradients differ by"):
        apart()


def test_gradients_that_are_zero_but_for_rounding_are_not_compared(tmp_path, repository, monkeypatch):
    """Those of biases before BatchNorm; a gradient that ought to be one of them and is not is found."""
    moving = read_experiment(repository / "config" / "experiments" / "moving_mnist" / "pde.yaml")
    update = {"batch_size": 2, "n_threads": 1, "device": "cpu"}
    narrow = {"encoder_hidden_size": 2, "decoder_hidden_size": 2}
    training, model = moving.training.model_copy(update=update), moving.model.model_copy(update=narrow)
    experiment = moving.model_copy(update={"model": model, "training": training})
    data = MadeUpWindows(2, 15, (1, 64, 64), CPU)

    def apart():
        return difference(new_trainer(MeasuredTrainer, experiment, data, CPU, str(tmp_path)).model, data)

    assert apart() <= plain.TOLERANCE

    def with_bias(model, video, drawn):
        terms = plain_loss_terms(model, video, drawn)
        return terms | {"loss_forecast": terms["loss_forecast"] + 1e-3 * model.decoder.first.convolution.bias.sum()}

    monkeypatch.setattr(plain, "plain_loss_terms", with_bias)
    with pytest.raises(AssertionError, match="gradients differ by"):
        apart()


def test_a_plain_step_is_taken_by_the_plain_objective(experiment, tmp_path, monkeypatch):
    called = []

    def counted(*args):
        called.append(args)
        return plain_loss_terms(*args)

    monkeypatch.setattr(plain, "plain_loss_terms", counted)
    trainer = plain_trainer(experiment, made_up(experiment), CPU, str(tmp_path))
    called.clear()  # of the comparison of gradients
    found = trainer.steps(2)
    assert (
        isinstance(trainer, PlainTrainer) and len(called) == 2 and all(seconds > 0 for seconds in found.parts.values())
    )
    assert not trainer.optimiser.param_groups[0]["fused"]
