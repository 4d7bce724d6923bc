"""Convolutions in bf16 on a CPU: their own way to the weights' gradients."""

import pytest
import torch
from torch import nn

from pipeline_lib.models import convolution
from pipeline_lib.models.convolution import convolved, weight_gradient

LAYERS = {
    "4x4, stride 2": lambda: nn.Conv2d(3, 5, 4, stride=2, padding=1),
    "3x3": lambda: nn.Conv2d(3, 5, 3, padding=1),
    "3x3, no bias": lambda: nn.Conv2d(3, 5, 3, padding=1, bias=False),
    "4x4 to a pixel": lambda: nn.Conv2d(3, 5, 4),
    "transposed 4x4, stride 2": lambda: nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1),
    "transposed 4x4, stride 2, no bias": lambda: nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1, bias=False),
    "transposed 3x3": lambda: nn.ConvTranspose2d(3, 5, 3, padding=1),
}


def gradients(layer, result, image):
    torch.manual_seed(1)
    return torch.autograd.grad(result, [image, *layer.parameters()], torch.randn(result.shape).to(result.dtype))


@pytest.mark.parametrize("kind", LAYERS)
def test_weight_gradient_is_autograds(kind):
    torch.manual_seed(0)
    layer = LAYERS[kind]().double()
    image = torch.randn(2, 3, 8, 6, dtype=torch.float64, requires_grad=True)
    result = layer(image)
    above = torch.randn_like(result)
    pair = (image.detach(), above) if isinstance(layer, nn.ConvTranspose2d) else (above, image.detach())
    found = weight_gradient(*pair, layer.kernel_size[0], layer.stride[0], layer.padding[0])
    (wanted,) = torch.autograd.grad(result, layer.weight, above)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", LAYERS)
def test_results_and_gradients_are_the_layers_own_in_bf16(kind, monkeypatch):
    torch.manual_seed(0)
    layer = LAYERS[kind]()
    image = torch.randn(4, 3, 8, 8, requires_grad=True)
    shapes = []
    monkeypatch.setattr(
        convolution, "weight_gradient", lambda *given: shapes.append(given[0].shape) or weight_gradient(*given)
    )
    with torch.autocast("cpu", torch.bfloat16):
        found, wanted = convolved(layer, image), layer(image)
    assert found.dtype == wanted.dtype == torch.bfloat16
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    ours = gradients(layer, found, image)
    assert len(shapes) == 1  # it was this way that was taken
    for one, other in zip(ours, gradients(layer, wanted, image), strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02 * other.abs().max().item())


@pytest.mark.parametrize("kind", ["4x4, stride 2", "transposed 4x4, stride 2"])
def test_in_float32_the_layer_itself_is_taken(kind, monkeypatch):
    torch.manual_seed(0)
    layer = LAYERS[kind]()
    image = torch.randn(4, 3, 8, 8, requires_grad=True)
    monkeypatch.setattr(convolution, "weight_gradient", None)
    torch.testing.assert_close(convolved(layer, image), layer(image), rtol=0, atol=0)
    gradients(layer, convolved(layer, image), image)


@pytest.mark.parametrize(
    "layer, side",
    [
        (nn.Conv2d(3, 4, 5, stride=2, padding=3), 8),
        (nn.Conv2d(3, 4, 4, stride=2, padding=1), 7),
        (nn.Conv2d(3, 4, 3, padding="same"), 8),
        (nn.Conv2d(3, 3, 3, groups=3), 8),
        (nn.Conv2d(3, 4, 3, dilation=2), 8),
        (nn.Conv2d(3, 4, (3, 1)), 8),
        (nn.ConvTranspose2d(3, 4, 3, stride=2), 8),
        (nn.ConvTranspose2d(3, 4, 4, stride=2, output_padding=1), 8),
    ],
)
def test_layers_that_do_not_divide_into_blocks_are_taken_themselves(layer, side, monkeypatch):
    monkeypatch.setattr(convolution, "weight_gradient", None)
    image = torch.randn(2, 3, side, side, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        found, wanted = convolved(layer, image), layer(image)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    gradients(layer, found, image)
