"""Transposed convolutions by other means: values and gradients are PyTorch's own."""

import pytest
import torch
from torch.nn import functional as F

from pipeline_lib.models.transposed import doubled, from_points


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize("form", ["doubled", "from_points"])
def test_values_and_gradients_are_those_of_the_transposed_convolution(form, n_out, with_bias):
    torch.manual_seed(0)
    side = {"doubled": (4, 6), "from_points": (1, 1)}[form]
    image = torch.randn(2, 5, *side, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, n_out, 4, 4, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(n_out, dtype=torch.float64, requires_grad=True) if with_bias else None
    found, wanted = {
        "doubled": lambda: (doubled(image, weight, bias), F.conv_transpose2d(image, weight, bias, stride=2, padding=1)),
        "from_points": lambda: (from_points(image.flatten(1), weight, bias), F.conv_transpose2d(image, weight, bias)),
    }[form]()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    above = torch.randn_like(wanted)
    parameters = [each for each in (image, weight, bias) if each is not None]
    pairs = zip(
        torch.autograd.grad(found, parameters, above), torch.autograd.grad(wanted, parameters, above), strict=True
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)
