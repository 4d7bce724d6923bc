"""Memory that does not suffice: the error names device, memory and batch, and what to try."""

import pytest
import torch

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.runtime.memory import NotEnoughMemoryError
from pipeline_lib.training.memory import smaller_parts
from tests.training.toy import toy_trainer

CPU_WORDS = "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError(), RuntimeError(CPU_WORDS)],
)
def test_an_error_of_memory_names_device_batch_and_what_to_try(tiny_experiment, tmp_path, error):
    trainer = toy_trainer(tiny_experiment, tmp_path)

    def loss_terms(video_BTCHW, drawn):
        raise error

    trainer.model.loss_terms = loss_terms
    message = (
        r"^out of memory while training: the CPU had \d+\.\d of \d+\.\d GiB in use, training.batch_size 8, "
        r"training.accumulation 1; try training.accumulation 2 \(parts of 4 windows; .*"
    )
    with pytest.raises(NotEnoughMemoryError, match=message) as caught:
        trainer.run()
    assert caught.value.__cause__ is error
    assert str(error) in str(caught.value)


def test_other_errors_stay_what_they_are(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path)

    def loss_terms(video_BTCHW, drawn):
        raise RuntimeError("shapes differ")

    trainer.model.loss_terms = loss_terms
    with pytest.raises(RuntimeError, match="^shapes differ$"):
        trainer.run()


def test_memory_that_lacks_while_validating_is_not_the_batch_s_fault(tiny_experiment, tmp_path):
    trainer = toy_trainer(tiny_experiment, tmp_path)

    def forecast(cond_BTCHW, n_pred):
        raise MemoryError

    trainer.model.forecast = forecast
    with pytest.raises(NotEnoughMemoryError, match="while validating: .*; try a training.validation.n_windows below 4"):
        trainer.run()


@pytest.mark.parametrize(
    "settings, advice",
    [
        ({"batch_size": 128}, "accumulation 2 (parts of 64 windows"),
        ({"batch_size": 100, "accumulation": 4}, "accumulation 10 (parts of 10 windows"),
        ({"batch_size": 15}, "accumulation 3 (parts of 5 windows"),
        ({"batch_size": 128, "n_processes": 4, "accumulation": 2}, "accumulation 4 (parts of 8 windows"),
        ({"batch_size": 8, "accumulation": 4}, "batch_size 4"),
        ({"batch_size": 7}, "batch_size 3"),
        ({"batch_size": 1}, "frames_per_decoder_call 1"),
    ],
)
def test_the_next_divisor_is_named_that_halves_the_parts(settings, advice):
    assert f"try training.{advice}" in smaller_parts(TrainingSettings(iterations=1, **settings))
