"""The training loop: it learns, resumes bit for bit, extends, stops when asked, and refuses to save poison."""

import math
import os
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline_lib.config.training import MultiStepSettings, OptimiserSettings
from pipeline_lib.models.pde.model import PdeModel
from pipeline_lib.records.journal import metric_points, read_journal
from pipeline_lib.training.loop import TrainingStopped
from pipeline_lib.training.watch import MAX_CONSECUTIVE_SKIPS, DeviceWatch, TrainingDivergedError
from tests.training.toy import assert_same, toy_trainer, toy_videos, weights


class KilledError(Exception):
    """Stands for a SIGKILL: the loop gets no chance to save."""


def killed_at(iteration):
    """A `stop` that kills at the given poll."""
    polls = iter(range(1, 10**9))

    def stop():
        if next(polls) == iteration:
            raise KilledError

    return stop


def curves(trainer):
    points = metric_points(read_journal(trainer.journal.path))
    return {key: [(step, value) for step, _, value in curve] for key, curve in points.items()}


def resumed(experiment, folder, **changes):
    trainer = toy_trainer(experiment, folder, **changes)
    trainer.restore()
    trainer.run()
    return trainer


@pytest.fixture
def uninterrupted(tiny_experiment, tmp_path):
    """40 iterations: 5 epochs of 8 iterations (60 windows in batches of 8, the last one smaller)."""
    trainer = toy_trainer(tiny_experiment, tmp_path / "whole", iterations=40)
    assert trainer.budget.iterations_per_epoch == 8
    trainer.run()
    return trainer


def test_overfits_one_batch(tiny_experiment, tmp_path):
    trainer = toy_trainer(
        tiny_experiment,
        tmp_path,
        videos=toy_videos(2, 15),
        iterations=600,
        optimiser=OptimiserSettings(learning_rate=5e-3),
        logging_interval=100,
    )
    trainer.run()
    forecast = [value for _, value in curves(trainer)["loss_forecast"]]
    assert forecast[-1] < 0.1 * forecast[0] and forecast[-1] < 5e-3


@pytest.mark.parametrize("kill", [1, 7, 8, 9, 21, 39])
def test_killed_and_resumed_is_bit_identical(tiny_experiment, tmp_path, uninterrupted, kill):
    folder = tmp_path / "killed"
    often = {"iterations": 40, "checkpoint_interval": 1e-9}
    with pytest.raises(KilledError):
        toy_trainer(tiny_experiment, folder, stop=killed_at(kill), **often).run()
    trainer = toy_trainer(tiny_experiment, folder, **often)
    assert trainer.restore() is (kill > 1)
    assert trainer.iteration == kill - 1
    trainer.run()
    assert_same(weights(trainer), weights(uninterrupted))
    whole, twice = curves(uninterrupted), curves(trainer)
    for key in whole.keys() - {"iterations_per_second", "data_wait_share"}:
        assert twice[key] == whole[key], key


def test_killed_without_any_checkpoint_begins_anew(tiny_experiment, tmp_path, uninterrupted):
    folder = tmp_path / "killed"
    with pytest.raises(KilledError):
        toy_trainer(tiny_experiment, folder, stop=killed_at(13), iterations=40).run()
    trainer = toy_trainer(tiny_experiment, folder, iterations=40)
    assert trainer.restore() is False
    trainer.run()
    assert_same(weights(trainer), weights(uninterrupted))
    assert curves(trainer)["loss"] == curves(uninterrupted)["loss"]  # each point once, the first ones repeated


def test_noise_goes_on_where_a_training_was_killed(tiny_experiment, tmp_path, monkeypatch):
    """Of a model that draws from PyTorch's generator in every step, as DIVE does."""

    class Noisy(PdeModel):
        def loss_terms(self, video_BTCHW, drawn):
            return super().loss_terms(video_BTCHW + 0.1 * torch.randn_like(video_BTCHW), drawn)

    monkeypatch.setattr("pipeline_lib.models.pde.model.PdeModel", Noisy)
    whole = toy_trainer(tiny_experiment, tmp_path / "whole")
    whole.run()
    with pytest.raises(KilledError):
        toy_trainer(tiny_experiment, tmp_path / "killed", stop=killed_at(9), checkpoint_interval=1e-9).run()
    assert_same(weights(resumed(tiny_experiment, tmp_path / "killed")), weights(whole))


def test_extending_a_finished_training_is_bit_identical(tiny_experiment, tmp_path, uninterrupted):
    folder = tmp_path / "extended"
    toy_trainer(tiny_experiment, folder, iterations=None, epochs=3).run()
    trainer = resumed(tiny_experiment, folder, iterations=None, epochs=5)
    assert trainer.iteration == 40
    assert_same(weights(trainer), weights(uninterrupted))


def test_extending_keeps_to_the_milestones(tiny_experiment, tmp_path):
    optimiser = OptimiserSettings(schedule=MultiStepSettings(milestones=(2, 4), decay=0.1))
    whole = toy_trainer(tiny_experiment, tmp_path / "whole", iterations=None, epochs=6, optimiser=optimiser)
    whole.run()
    toy_trainer(tiny_experiment, tmp_path / "parts", iterations=None, epochs=3, optimiser=optimiser).run()
    parts = resumed(tiny_experiment, tmp_path / "parts", iterations=None, epochs=6, optimiser=optimiser)
    assert_same(weights(parts), weights(whole))


def test_stops_when_asked_and_has_saved(tiny_experiment, tmp_path, uninterrupted):
    polls = iter([None] * 10 + ["received SIGTERM"])
    trainer = toy_trainer(tiny_experiment, tmp_path / "asked", stop=lambda: next(polls), iterations=40)
    with pytest.raises(TrainingStopped, match="SIGTERM"):
        trainer.run()
    again = toy_trainer(tiny_experiment, tmp_path / "asked", iterations=40)
    again.restore()
    assert again.iteration == 11
    again.run()
    assert_same(weights(again), weights(uninterrupted))


def test_the_last_state_is_saved_before_a_training_ends(tiny_experiment, tmp_path):
    """What comes next is that its outputs are written."""
    trainer = toy_trainer(tiny_experiment, tmp_path)
    trainer.run()
    assert trainer.store.newest_iteration() == trainer.iteration == 20


def test_the_journal_is_on_the_disk_before_the_checkpoint_that_counts_on_it(tiny_experiment, tmp_path, monkeypatch):
    trainer = toy_trainer(tiny_experiment, tmp_path, checkpoint_interval=1e-9)
    journal = trainer.journal.path.stat().st_ino
    real_fsync, real_save = os.fsync, trainer.store.save
    synchronised, saved = [], []

    def fsync(descriptor):
        status = os.fstat(descriptor)
        synchronised.append((status.st_ino, status.st_size))
        real_fsync(descriptor)

    def save(checkpoint):
        saved.append((journal, checkpoint.facts["journal_offset"]) in synchronised)
        real_save(checkpoint)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(trainer.store, "save", save)
    trainer.run()
    assert saved == [True] * 20


def test_seeds_differ_and_repeat(tiny_experiment, tmp_path):
    runs = []
    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        trainer = toy_trainer(tiny_experiment, tmp_path / name, seed=seed)
        trainer.run()
        runs.append(weights(trainer)["decoder.layers.0.weight"])
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_a_nan_names_its_step_and_is_never_saved(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path, iterations=40, checkpoint_interval=1e-9, logging_interval=1000)
    original = trainer.data.batch
    trainer.data.batch = lambda epoch, ids: original(epoch, ids) * (math.nan if trainer.iteration == 12 else 1.0)
    with pytest.raises(TrainingDivergedError, match="at iteration 12"):
        trainer.run()
    checkpoint = trainer.store.load()
    assert checkpoint.facts["iteration"] == 12
    assert all(tensor.isfinite().all() for name, tensor in checkpoint.tensors.items() if name.startswith("model."))


def test_a_nan_between_checkpoints_stops_at_the_logging_interval(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path, iterations=1000)
    original = trainer.data.batch
    trainer.data.batch = lambda epoch, ids: original(epoch, ids) * (math.inf if trainer.iteration >= 12 else 1.0)
    with pytest.raises(TrainingDivergedError, match="at iteration 12"):
        trainer.run()
    assert trainer.iteration == 15  # the next multiple of the logging interval


def test_a_poisoned_weight_is_not_saved_even_where_the_loss_was_finite(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path)
    trainer.run()
    before = trainer.store.load().facts["iteration"]
    with torch.no_grad():
        trainer.model.decoder.layers[0].weight[0, 0] = math.nan
    with pytest.raises(TrainingDivergedError, match=r"model\.decoder\.layers\.0\.weight"):
        trainer.save()
    assert trainer.store.load().facts["iteration"] == before


def test_fp16_skips_are_counted_and_many_in_a_row_are_an_error():
    watch = DeviceWatch(["loss_forecast"], torch.device("cpu"), scaled=True)
    one, overflowed, fine = torch.tensor(1.0), torch.tensor(True), torch.tensor(False)
    for step in range(MAX_CONSECUTIVE_SKIPS - 1):
        watch.update(step, one * math.inf, {"loss_forecast": one * math.inf}, overflowed)
    watch.update(49, one, {"loss_forecast": one}, fine)
    values, skipped = watch.read()
    assert skipped == MAX_CONSECUTIVE_SKIPS - 1 and values == {"loss": 1.0, "loss_forecast": 1.0}
    for step in range(50, 50 + MAX_CONSECUTIVE_SKIPS):
        watch.update(step, one, {"loss_forecast": one}, overflowed)
    with pytest.raises(TrainingDivergedError, match=r"50 fp16 steps in a row overflowed, the last at iteration 99"):
        watch.read()


def test_fp16_recovers_from_an_overflow_and_resumes(tiny_experiment, tmp_path):
    """The scaler's first scale, 65536, overflows with this weight; it halves until the steps count."""
    objective = tiny_experiment.model.objective.model_copy(update={"lambda_forecast": 1e6})
    model = tiny_experiment.model.model_copy(update={"objective": objective})
    experiment = tiny_experiment.model_copy(update={"model": model})
    whole = toy_trainer(experiment, tmp_path / "whole", precision="fp16", iterations=30)
    whole.run()
    skipped = curves(whole)["skipped_steps"][-1][1]
    assert 0 < skipped < 30
    toy_trainer(experiment, tmp_path / "parts", precision="fp16", iterations=13).run()
    parts = resumed(experiment, tmp_path / "parts", precision="fp16", iterations=30)
    assert_same(weights(parts), weights(whole))


def test_another_precision_does_not_continue(tiny_experiment, tmp_path):
    toy_trainer(tiny_experiment, tmp_path).run()
    with pytest.raises(ValueError, match="begun in float32 and can't go on in bf16"):
        toy_trainer(tiny_experiment, tmp_path, precision="bf16", iterations=40).restore()


@pytest.mark.parametrize("accumulation", [1, 3])
def test_an_objective_that_is_a_sum_has_the_gradient_of_the_sum_and_logs_the_mean(
    tiny_experiment, tmp_path, accumulation
):
    found = {}
    for sums in (False, True):
        trainer = toy_trainer(tiny_experiment, tmp_path / str(sums), accumulation=accumulation)
        trainer.model.sums_batch = sums
        video = trainer.data.batch(0, np.arange(8))
        total, _ = trainer._backward(video, 5)
        found[sums] = total, [parameter.grad.clone() for parameter in trainer.model.parameters()]
    assert torch.equal(found[True][0], found[False][0])
    for of_sum, of_mean in zip(found[True][1], found[False][1], strict=True):
        torch.testing.assert_close(of_sum, of_mean * video.numel(), rtol=1e-4, atol=1e-4)


def test_a_model_is_told_every_iteration_and_what_it_schedules_is_journalled(tiny_experiment, tmp_path):
    told = []
    for target, stop in ((7, killed_at(4)), (7, lambda: None)):
        trainer = toy_trainer(
            tiny_experiment, tmp_path, stop=stop, iterations=target, logging_interval=2, checkpoint_interval=1e-9
        )
        trainer.model.at_iteration = lambda n: told.append(n) or {"warmth": n / 10}
        trainer.restore()
        with suppress(KilledError):
            trainer.run()
    assert told == [1, 2, 3, 4, 4, 5, 6, 7]
    assert curves(trainer)["warmth"] == [(2, 0.2), (4, 0.4), (6, 0.6), (7, 0.7)]


@pytest.mark.parametrize("accumulation", [2, 3, 8])
def test_accumulation_gives_the_gradient_of_the_whole_batch(tiny_experiment, tmp_path, accumulation):
    gradients = []
    for name, parts in [("whole", 1), ("parts", accumulation)]:
        trainer = toy_trainer(tiny_experiment, tmp_path / name, accumulation=parts)
        trainer.model.double()
        video = trainer.data.batch(0, torch.arange(8).numpy()).double()
        trainer._backward(video, 9)
        gradients.append([parameter.grad for parameter in trainer.model.parameters()])
    for whole, summed in zip(*gradients, strict=True):
        assert torch.allclose(whole, summed, rtol=0, atol=1e-10)


@pytest.mark.parametrize("accumulation", [2, 3, 8])
def test_accumulation_gives_the_gradient_of_the_whole_sum(tiny_experiment, tmp_path, accumulation):
    """A sum is over the whole batch in parts too, not over each part times its share."""
    gradients = []
    for name, parts in [("whole", 1), ("parts", accumulation)]:
        trainer = toy_trainer(tiny_experiment, tmp_path / name, accumulation=parts)
        trainer.model.double().sums_batch = True
        trainer._backward(trainer.data.batch(0, np.arange(8)).double(), 9)
        gradients.append([parameter.grad for parameter in trainer.model.parameters()])
    for whole, summed in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, summed, rtol=1e-10, atol=1e-9)


def test_clipping_bounds_the_whole_gradient(tiny_experiment, tmp_path):
    norms = {}
    for limit in (None, 1e-3):
        trainer = toy_trainer(tiny_experiment, tmp_path / str(limit), gradient_clip_norm=limit)
        trainer._backward(trainer.data.batch(0, torch.arange(8).numpy()), 9)
        trainer._unscale_and_clip()
        norms[limit] = torch.nn.utils.get_total_norm([p.grad for p in trainer.model.parameters()]).item()
    assert norms[None] > 2e-3 and norms[1e-3] == pytest.approx(1e-3, rel=1e-3)


class NoSynchronisation(TorchDispatchMode):
    """Fails where a tensor's value is brought to the host."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(function) and "nonzero" not in str(function), function
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_no_host_synchronisation_inside_a_step(tiny_experiment, tmp_path, precision):
    trainer = toy_trainer(tiny_experiment, tmp_path, precision=precision, gradient_clip_norm=1.0)
    trainer._step()
    with NoSynchronisation():
        trainer._step()


@pytest.mark.gpu
def test_no_host_synchronisation_inside_a_step_on_a_gpu(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path, device="cuda")
    trainer._step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer._step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_steps_are_in_training_mode_and_validation_is_not(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path)
    model, modes = trainer.model, []
    plain_terms, plain_forecast = model.loss_terms, model.forecast
    model.loss_terms = lambda *arguments: modes.append(("step", model.training)) or plain_terms(*arguments)
    model.forecast = lambda *arguments: modes.append(("validation", model.training)) or plain_forecast(*arguments)
    trainer.run()
    assert set(modes) == {("step", True), ("validation", False)}
    assert ("validation", False) in modes[: modes.index(("step", True))], "the steps come after a validation"


def test_validation_changes_nothing(tiny_experiment, tmp_path, uninterrupted):
    trainer = toy_trainer(tiny_experiment, tmp_path / "without", iterations=40)
    trainer.validation = None
    trainer.run()
    assert_same(weights(trainer), weights(uninterrupted))
    assert "train_sample_mse_per_pixel" in curves(uninterrupted)
