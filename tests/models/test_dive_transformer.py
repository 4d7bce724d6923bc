"""The separable spatial transformer against affine_grid and grid_sample."""

import pytest
import torch

from pipeline_lib.models.dive.transformer import _Hat, crop, place
from tests.reference.dive import plain_crop, plain_place


def poses(*shape):
    """Objects of all sizes, within the frame, across its border and outside."""
    scale = 0.7 + 4 * torch.rand(*shape, 1, dtype=torch.float64)
    return torch.cat([scale, 3 * torch.randn(*shape, 2, dtype=torch.float64)], dim=-1).requires_grad_()


@pytest.mark.parametrize("n_channels", [1, 3])
def test_placing_equals_grid_sample(n_channels):
    torch.manual_seed(0)
    objects = torch.rand(4, 3, 2, n_channels, 8, 8, dtype=torch.float64, requires_grad=True)
    pose = poses(4, 3, 2)
    expected = plain_place(objects.flatten(0, 2), pose.flatten(0, 2), 20).unflatten(0, (4, 3, 2)).sum(dim=2)
    assert_same_with_gradients(place(objects, pose, 20), expected, [objects, pose])


@pytest.mark.parametrize("n_channels", [1, 3])
def test_cropping_equals_grid_sample(n_channels):
    torch.manual_seed(0)
    video = torch.rand(4, 3, n_channels, 16, 16, dtype=torch.float64, requires_grad=True)
    pose = poses(4, 3, 2)
    repeated = video.unsqueeze(2).expand(-1, -1, 2, -1, -1, -1).flatten(0, 2)
    expected = plain_crop(repeated, pose.flatten(0, 2), 8).unflatten(0, (4, 3, 2))
    assert_same_with_gradients(crop(video, pose, 8), expected, [video, pose])


def assert_same_with_gradients(found, expected, inputs):
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    assert 0.05 < (expected != 0).double().mean() < 0.95
    weights = torch.randn_like(expected)
    gradients = (torch.autograd.grad((weights * each).sum(), inputs) for each in (found, expected))
    for gradient, wanted in zip(*gradients, strict=True):
        assert torch.allclose(gradient, wanted, rtol=0, atol=1e-10)


def test_a_pose_without_scale_and_shift_changes_nothing():
    image = torch.rand(2, 1, 1, 1, 9, 9)
    pose = torch.tensor([1.0, 0.0, 0.0]).expand(2, 1, 1, 3)
    assert torch.allclose(place(image, pose, 9), image[:, :, 0], atol=1e-6)
    assert torch.allclose(crop(image[:, :, 0], pose, 9), image, atol=1e-6)


def test_where_an_object_is_shown():
    """Its centre at (-x/s, -y/s), x along the width, and 1/s of the frame wide."""
    square = torch.ones(1, 1, 1, 1, 16, 16)
    frame = place(square, torch.tensor([4.0, -2.0, 1.0]).expand(1, 1, 1, 3), 33)[0, 0, 0]
    rows, columns = (frame > 0.5).nonzero(as_tuple=True)
    assert (rows.min() + rows.max()) / 2 == 16 + 16 * -0.25
    assert (columns.min() + columns.max()) / 2 == 16 + 16 * 0.5
    assert rows.max() - rows.min() == columns.max() - columns.min() == 32 / 4


def test_weights_at_and_beyond_the_taps():
    position = torch.tensor([-1.5, -1.0, -0.25, 0.0, 1.5, 2.0, 2.75, 3.0, 9.0], dtype=torch.float64, requires_grad=True)
    weights = _Hat.apply(position, 3)
    tap = torch.arange(3.0, dtype=torch.float64)[:, None]
    assert torch.equal(weights, (1 - (position - tap).abs()).clamp(min=0))
    values = torch.tensor([10.0, 30.0, 70.0], dtype=torch.float64)
    (values @ weights).sum().backward()
    # Of the side of larger positions: what is ahead less what is behind, 0 being beyond both ends.
    assert position.grad.tolist() == [0, 10, 10, 20, 40, -70, -70, 0, 0]


def test_positions_that_are_not_finite_are_no_error():
    """They are the training's to report, from its loss."""
    objects = torch.ones(1, 1, 1, 1, 4, 4)
    for value in (float("nan"), float("inf"), -float("inf"), 1e30):
        place(objects, torch.tensor([3.0, value, 0.0]).expand(1, 1, 1, 3), 8)
