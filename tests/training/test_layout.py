"""channels_last and compilation change how networks are computed, not what they learn, nor how they are stored."""

import shutil

import pytest
import torch

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.models.pde.model import build
from pipeline_lib.training.layout import lay_out
from pipeline_lib.training.state import capture, restore

TASK = TaskSettings(n_cond=2, n_pred=2, n_pred_test=2)
SETTINGS = PdeSettings(
    encoder="dcgan", decoder="dcgan", code_size_static=3, code_size_dynamic=3, offset=2, encoder_hidden_size=2,
    decoder_hidden_size=2, integrator_hidden_size=5, gain_encoder=0.2,
)  # fmt: skip
CPU = torch.device("cpu")


def model_of(**switches):
    torch.manual_seed(5)
    return lay_out(build(SETTINGS, TASK, (1, 64, 64)).double(), TrainingSettings(iterations=1, **switches), CPU)


def optimiser_of(model):
    """With a large eps: gradients that are 0 but for rounding (biases before a BatchNorm) would be enlarged by Adam."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-4, fused=True)


def train(model, optimiser, n_steps):
    generator = torch.Generator().manual_seed(7)
    for _ in range(n_steps):
        video = torch.rand(3, 4, 1, 64, 64, dtype=torch.float64, generator=generator)
        optimiser.zero_grad(set_to_none=True)
        terms = model.loss_terms(video, 3)
        sum(weight * terms[name] for name, weight in model.loss_weights().items()).backward()
        optimiser.step()


def assert_trained_alike(left, right):
    for (name, value), wanted in zip(left.state_dict().items(), right.state_dict().values(), strict=True):
        assert torch.allclose(value, wanted, rtol=0, atol=1e-9), name


@pytest.mark.parametrize(
    "switches", [{"channels_last": True}, pytest.param({"compile": True}, marks=pytest.mark.slow)], ids=str
)
def test_switches_change_no_result(switches):
    plain, switched = model_of(), model_of(**switches)
    for model in (plain, switched):
        train(model, optimiser_of(model), 3)
    assert_trained_alike(switched, plain)


def test_channels_last_reaches_the_weights():
    weight = model_of(channels_last=True).decoder.blocks[0].convolution.weight
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def test_a_state_is_stored_in_plain_order_and_continues_in_either():
    """Captured from channels_last, restored into both memory formats: two further steps end alike."""
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    first = model_of(channels_last=True)
    optimiser = optimiser_of(first)
    train(first, optimiser, 2)
    state = capture(first, optimiser, scaler, {}, {"iteration": 2})
    assert all(tensor.is_contiguous() for tensor in state.tensors.values())
    train(first, optimiser, 2)
    for switches in ({}, {"channels_last": True}):
        resumed = model_of(**switches)
        optimiser = optimiser_of(resumed)
        restore(state, resumed, optimiser, scaler, {})
        train(resumed, optimiser, 2)
        assert_trained_alike(resumed, first)


def test_compilation_without_a_compiler_says_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"no.*on this machine.*set training.compile to false"):
        model_of(compile=True)
