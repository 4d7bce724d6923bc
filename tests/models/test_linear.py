"""The linear layer is nn.Linear, whichever library multiplies."""

import pytest
import torch
from torch import nn

from pipeline_lib.models import linear
from pipeline_lib.models.linear import Linear

SIZES = [(1, 1, 1), (5, 7, 3), (128, 500, 240), (64, 32, 512)]


@pytest.fixture(params=[True, False], ids=["onednn", "mkl"])
def library(request, monkeypatch):
    if request.param and not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        pytest.skip("this build of PyTorch has no oneDNN linear product")
    monkeypatch.setattr(linear, "onednn_is_faster", lambda: request.param)


@pytest.mark.parametrize("n_rows, n_in, n_out", SIZES)
def test_equals_nn_linear_forward_and_backward(library, n_rows, n_in, n_out):
    torch.manual_seed(0)
    ours = Linear(n_in, n_out)
    exact = nn.Linear(n_in, n_out).double()
    exact.load_state_dict(ours.state_dict())
    x = torch.randn(n_rows, n_in, requires_grad=True)
    x_exact = x.detach().double().requires_grad_()
    y, y_exact = ours(x), exact(x_exact)
    direction = torch.randn(n_rows, n_out)
    y.backward(direction)
    y_exact.backward(direction.double())
    for got, wanted in [
        (y, y_exact),
        (x.grad, x_exact.grad),
        (ours.weight.grad, exact.weight.grad),
        (ours.bias.grad, exact.bias.grad),
    ]:
        scale = wanted.abs().max().clamp_min(1e-30)
        assert got.dtype == torch.float32
        assert ((got - wanted).abs().max() / scale) < 1e-5  # full float32; bf16 would give 1e-2


def test_first_layer_needs_no_gradient_of_its_input(library):
    layer = Linear(4, 2)
    x = torch.randn(3, 4)
    layer(x).sum().backward()
    assert x.grad is None and layer.weight.grad is not None


def test_other_types_and_shapes_go_to_pytorch(library):
    layer = Linear(4, 2)
    assert layer.double()(torch.randn(3, 4, dtype=torch.float64)).dtype == torch.float64
    assert layer.float()(torch.randn(2, 3, 4)).shape == (2, 3, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.randn(3, 4)).dtype == torch.bfloat16


def test_weights_are_those_of_nn_linear():
    assert isinstance(Linear(3, 2), nn.Linear)
    assert list(Linear(3, 2).state_dict()) == ["weight", "bias"]
