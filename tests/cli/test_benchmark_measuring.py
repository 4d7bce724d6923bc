"""What a measurement consists of: laps, operations, rates of the device, and all of it for one configuration."""

import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from pipeline_lib.cli import device_rates
from pipeline_lib.cli.benchmark_measuring import Effort, measured, measured_apart, new_trainer, opened
from pipeline_lib.cli.flops import counted_flops
from pipeline_lib.cli.iteration_timing import NotTimedError
from pipeline_lib.cli.lap_clock import LapClock
from pipeline_lib.cli.measured_trainer import MeasuredTrainer
from pipeline_lib.models.linear import Linear
from pipeline_lib.training import steps
from pipeline_lib.training.loop import Trainer
from pipeline_lib.training.recorded_steps import StepRecorder
from tests.training.recorded import GraphsInPython

CPU = torch.device("cpu")
QUICK = Effort(repetitions=2, seconds=0.0)
CUDA = pytest.param("cuda", marks=pytest.mark.gpu)


@pytest.fixture(autouse=True)
def small_rates(monkeypatch):
    monkeypatch.setattr(device_rates, "SIDE", {"cpu": 64, "cuda": 256})
    monkeypatch.setattr(device_rates, "COPIED_BYTES", {"cpu": 2**16, "cuda": 2**16})


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_laps_are_summed_by_name_and_what_comes_before_a_beginning_counts_nowhere(device):
    clock = LapClock(torch.device(device))
    start = time.perf_counter()
    for _ in range(2):
        clock.begin()
        time.sleep(0.02)
        clock.lap("first")
        clock.lap("second")
        time.sleep(0.02)
    laps, elapsed = clock.read(), time.perf_counter() - start
    assert set(laps) == {"first", "second"}
    assert 0.039 <= laps["first"] < elapsed - 0.039 and laps["second"] < 0.02
    assert clock.read() == {}


def test_operations_are_those_of_products_and_convolutions_forward_and_backward():
    x_NI = torch.rand(7, 5, requires_grad=True)
    for layer in (nn.Linear(5, 3), Linear(5, 3)):  # by whatever library this processor multiplies with
        assert counted_flops(lambda layer=layer: layer(x_NI)) == 2 * 7 * 5 * 3
        assert counted_flops(lambda layer=layer: layer(x_NI).sum().backward()) == 3 * 2 * 7 * 5 * 3
    convolution = nn.Conv2d(2, 4, 3, padding=1)
    assert counted_flops(lambda: convolution(torch.rand(1, 2, 8, 8))) == 2 * 4 * 2 * 9 * 64


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_operations_of_lstms_over_whole_sequences_are_counted(device, n_layers):
    n_features, hidden, n_videos, length = 6, 4, 3, 5
    lstm = nn.LSTM(n_features, hidden, n_layers, batch_first=True).to(device)
    x_BTI = torch.rand(n_videos, length, n_features, device=device, requires_grad=True)
    weights = 4 * hidden * (n_features + hidden) + (n_layers - 1) * 4 * hidden * 2 * hidden
    assert counted_flops(lambda: lstm(x_BTI)) == 2 * n_videos * length * weights
    assert counted_flops(lambda: lstm(x_BTI)[0].sum().backward()) == 3 * 2 * n_videos * length * weights


def test_rates_are_operations_and_bytes_per_second(monkeypatch):
    monkeypatch.setattr(device_rates, "_seconds", lambda call, device: 0.5)
    rates = device_rates.matmul_rates(CPU, 3)
    assert rates["float32"].median == 2 * 64**3 / 0.5 and rates["float32"].n == 3
    assert set(rates) <= {"float32", "bf16"}
    assert device_rates.copy_rate(CPU, 2).median == 2 * 2**16 / 0.5


def test_a_repetition_is_as_long_as_asked_for_within_bounds():
    effort = Effort(seconds=2.0, most_iterations=200)
    assert [effort.count(seconds) for seconds in (5.0, 0.3, 1e-6, 0.0)] == [1, 7, 200, 200]
    assert QUICK.count(1e-3) == 1


@pytest.fixture
def trainer(tiny_experiment, prepared, tmp_path):
    return new_trainer(
        MeasuredTrainer, tiny_experiment, opened(tiny_experiment, prepared / "train.h5", CPU), CPU, str(tmp_path)
    )


def test_measured_steps_train_as_the_loop_does(tiny_experiment, prepared, tmp_path, trainer):
    data = opened(tiny_experiment, prepared / "train.h5", CPU)
    plain = new_trainer(Trainer, tiny_experiment, data, CPU, str(tmp_path / "plain"))
    plain.model.train()
    for _ in range(3):
        plain._step()
        plain.iteration += 1
    trainer.batches(2)
    trainer.steps(1)
    trainer.flops()
    trainer.steps(1)
    assert trainer.iteration == 3
    for name, weight in plain.model.state_dict().items():
        assert torch.equal(weight, trainer.model.state_dict()[name]), name


def test_time_is_told_by_the_part_that_takes_it(trainer, monkeypatch):
    def slow(function):
        def later(*args):
            time.sleep(0.05)
            return function(*args)

        return later

    trainer.steps(1)
    monkeypatch.setattr(trainer.data, "batch", slow(trainer.data.batch))
    found = trainer.steps(2)
    assert found.parts["data"] >= 0.1 > found.parts["backward"] + found.parts["optimiser"]
    assert 0.5 < found.waiting_share < 1 and found.n_windows == 16
    assert found.seconds == pytest.approx(sum(found.parts.values()), abs=0.02)
    assert trainer.batches(2) >= 0.1
    monkeypatch.undo()
    monkeypatch.setattr(trainer.optimiser, "step", slow(trainer.optimiser.step))
    found = trainer.steps(1)
    assert found.parts["optimiser"] >= 0.05 > found.parts["data"]


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_a_configuration_is_measured_whole(tiny_experiment, prepared, device):
    training = tiny_experiment.training.model_copy(update={"device": device, "accumulation": 2})
    experiment = tiny_experiment.model_copy(update={"training": training})
    found = measured(experiment, prepared / "train.h5", prepared / "test.h5", QUICK)
    assert found.iteration_seconds.n == found.batch_seconds.n == found.evaluation_seconds.n == 2
    parts = [spread.median for spread in found.part_seconds.values()]
    assert all(part > 0 for part in parts)
    assert sum(parts) == pytest.approx(found.iteration_seconds.median, rel=0.5)
    assert (found.n_windows, found.n_frames, found.n_iterations, found.frame_shape) == (8, 15, 1, (1, 1, 10))
    assert found.n_evaluated >= 4 and found.n_evaluated_frames == 20 * found.n_evaluated
    assert found.flops_per_iteration > 6 * found.n_parameters * 8, "every weight of a network meets every window"
    assert {"float32"} <= set(found.matmul_rates) and 0 <= found.others_share <= 1
    least = 50e6 if device == "cpu" else found.n_parameters * 4
    assert least < found.peak_bytes["training"] and least < found.peak_bytes["evaluation"]


def test_a_training_that_records_its_steps_is_measured_with_them_and_in_parts_without(
    tiny_experiment, prepared, monkeypatch
):
    monkeypatch.setattr(steps, "recorder", lambda asked, *_: StepRecorder(GraphsInPython) if asked else None)
    training = tiny_experiment.training.model_copy(update={"cuda_graphs": True})
    experiment = tiny_experiment.model_copy(update={"training": training})
    effort = replace(QUICK, beside_plain=True)
    found = measured(experiment, prepared / "train.h5", prepared / "test.h5", effort)
    assert found.n_windows == 8 and found.frames_per_second > 0 and found.plain_ratio.n == 2
    assert all(spread.median > 0 for spread in found.part_seconds.values())


def test_of_several_processes_the_share_of_one_is_measured(tiny_experiment, prepared):
    several = {"n_processes": 3, "batch_norm": "synchronised"}
    training = tiny_experiment.training.model_copy(update=several)
    experiment = tiny_experiment.model_copy(update={"training": training})
    found = measured(experiment, prepared / "train.h5", prepared / "test.h5", QUICK)
    assert found.n_windows == 3, "of a batch of 8"


def test_the_plain_implementation_takes_turns_with_ours(tiny_experiment, prepared):
    effort = replace(QUICK, repetitions=3, beside_plain=True)
    found = measured(tiny_experiment, prepared / "train.h5", prepared / "test.h5", effort)
    assert found.plain_seconds.n == found.plain_ratio.n == 3 and found.plain_seconds.least > 0


def test_a_measurement_in_a_process_of_its_own_says_why_it_failed(tiny_experiment, tmp_path):
    with pytest.raises(NotTimedError, match=r"train\.h5"):
        measured_apart(tiny_experiment, tmp_path / "train.h5", tmp_path / "test.h5", QUICK)
