"""Seeds, devices and precision."""

import copy

import numpy as np
import pytest
import torch

from pipeline_lib.runtime.device import choose_device, configure, describe, on_device
from pipeline_lib.runtime.precision import autocast, gradient_scaler, resolve_precision, tf32_products
from pipeline_lib.runtime.seeding import STREAMS, generator, seed_torch


def test_every_stream_seed_and_position_has_its_own_numbers():
    draws = {
        tuple(generator(seed, stream, position).integers(0, 2**31, 4))
        for seed in (0, 1, 2**32 - 1)
        for stream in STREAMS
        for position in (0, 1)
    }
    assert len(draws) == 3 * len(STREAMS) * 2
    assert np.array_equal(generator(3, "draw", 7).random(5), generator(3, "draw", 7).random(5))


def test_weights_depend_on_the_seed_alone():
    def draw(seed):
        torch.rand(3)
        seed_torch(seed, "weights")
        return torch.rand(4)

    assert torch.equal(draw(0), draw(0)) and not torch.equal(draw(0), draw(1))


def test_a_missing_device_is_an_error_and_auto_is_not():
    assert choose_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        with pytest.raises(ValueError, match="there are only"):
            choose_device("cuda:99")
    else:
        assert choose_device("auto").type == "cpu"
        with pytest.raises(ValueError, match="sees no CUDA device"):
            choose_device("cuda")
    assert "threads" in describe(torch.device("cpu"))


def test_precision():
    cpu = torch.device("cpu")
    assert resolve_precision("auto", cpu) == "float32" and resolve_precision("bf16", cpu) == "bf16"
    layer, x = torch.nn.Linear(2, 2), torch.ones(1, 2)
    for name, dtype in [("float32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]:
        with autocast(name, cpu):
            assert layer(x).dtype == dtype
        assert gradient_scaler(name, cpu).is_enabled() is (name == "fp16")


def test_tf32_is_asked_for_and_needs_a_gpu():
    cpu = torch.device("cpu")
    with pytest.raises(ValueError, match="tf32 is an arithmetic of GPUs; on a CPU, set it to float32 or bf16"):
        resolve_precision("tf32", cpu)
    assert resolve_precision("tf32", torch.device("cuda")) == "tf32"
    n_threads, flags = torch.get_num_threads(), torch.backends.cuda.matmul
    configure(cpu, n_threads, tf32=True)
    assert flags.allow_tf32 and torch.backends.cudnn.allow_tf32
    with tf32_products(False):  # an evaluation
        assert not flags.allow_tf32
    assert flags.allow_tf32
    configure(cpu, n_threads)
    assert not flags.allow_tf32 and not torch.backends.cudnn.allow_tf32


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["product", "convolution", "recurrence"])
def test_tf32_rounds_inputs_and_float32_does_not(kind):
    device, generator = torch.device("cuda"), torch.Generator("cuda").manual_seed(0)
    x = torch.randn(32, 512, 8, device=device, generator=generator)
    torch.manual_seed(0)
    layer, argument = {
        "product": (torch.nn.Linear(512, 512, bias=False), x.transpose(1, 2).reshape(-1, 512)),
        "convolution": (torch.nn.Conv1d(512, 512, 3, bias=False), x),
        "recurrence": (torch.nn.LSTM(512, 512), x.permute(2, 0, 1).contiguous()),
    }[kind]

    def computed(layer, argument):
        found = layer(argument)
        return found[0] if kind == "recurrence" else found

    with torch.no_grad():
        exact = computed(copy.deepcopy(layer).double().to(device), argument.double())
        layer.to(device)
        errors = {}
        for name in ("float32", "tf32"):
            configure(device, torch.get_num_threads(), tf32=name == "tf32")
            errors[name] = float((computed(layer, argument) - exact).norm() / exact.norm())
    configure(device, torch.get_num_threads())
    assert errors["float32"] < 1e-5 < errors["tf32"] < 1e-2


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("values", [np.arange(7), np.zeros((0, 3), np.float32), np.array([True, False])], ids=str)
def test_values_of_the_host_come_to_the_device(values, device):
    found = on_device(values, torch.device(device))
    assert found.device.type == device and np.array_equal(found.cpu().numpy(), values)
