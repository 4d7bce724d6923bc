"""Drift and blanked frames: what is drawn, and that frames move as the plain way and PyTorch's sampler move them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline_lib.data.drift import Disturbance, _shifted_along, draw_disturbance, shifted
from tests.reference import pedestrians as reference


@pytest.fixture
def video() -> torch.Tensor:
    """(2, 3, 1, 10, 14), nowhere 0."""
    return torch.from_numpy(np.random.default_rng(0).uniform(0.1, 1, (2, 3, 1, 10, 14)).astype(np.float32))


def test_frames_are_moved_as_the_plain_way_moves_them(video: torch.Tensor) -> None:
    shifts = np.random.default_rng(1).uniform(-12, 12, (2, 3, 2))
    moved = shifted(video, shifts)
    for b, t in np.ndindex(2, 3):
        expected = reference.shift(video[b, t, 0].double().numpy(), *shifts[b, t])
        np.testing.assert_allclose(moved[b, t, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(shifted(video, np.zeros((2, 3, 2))), video)


def test_bytes_are_moved_as_what_they_stand_for() -> None:
    video = torch.randint(0, 256, (2, 3, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    shifts = np.random.default_rng(1).uniform(-3, 3, (2, 3, 2))
    np.testing.assert_array_equal(shifted(video, shifts), shifted(video / torch.tensor(255.0), shifts))


def test_all_frames_at_once_as_on_a_gpu_are_moved_to_the_bit_as_frame_by_frame(video: torch.Tensor) -> None:
    for shifts in (np.random.default_rng(1).uniform(-15, 15, (2, 3, 2)), np.zeros((2, 3, 2)), np.full((2, 3, 2), 14.0)):
        at_once = _shifted_along(_shifted_along(video, -2, shifts[..., 0]), -1, shifts[..., 1])
        np.testing.assert_array_equal(at_once, shifted(video, shifts))


def test_whole_pixels_are_moved_without_rounding_and_black_comes_from_beyond(video: torch.Tensor) -> None:
    moved = shifted(video, np.broadcast_to([2.0, -3.0], (2, 3, 2)))
    np.testing.assert_array_equal(moved[..., 2:, :-3], video[..., :-2, 3:])
    assert (moved[..., :2, :] == 0).all() and (moved[..., -3:] == 0).all()
    assert (shifted(video, np.full((2, 3, 2), 100.0)) == 0).all()


def test_a_video_drifts_by_shares_of_half_its_sides_in_every_frame() -> None:
    """As PyTorch's sampler does it where coordinates from -1 to 1 span the whole frame."""
    video = torch.rand((1, 15, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    drift = np.array([[0.07, -0.031]])
    theta = torch.zeros((15, 2, 3))
    theta[:, 0, 0] = theta[:, 1, 1] = 1
    # The sampler says where a pixel is read from, columns first; what is shown moves the other way.
    theta[:, :, 2] = -torch.arange(15)[:, None] * torch.tensor([-0.031, 0.07])
    grid = functional.affine_grid(theta, [15, 1, 32, 32], align_corners=False)
    expected = functional.grid_sample(video[0], grid, padding_mode="zeros", align_corners=False)
    made = Disturbance(drift, np.array([-1])).complete(video)
    torch.testing.assert_close(made[0], expected, atol=2e-5, rtol=0)


def test_what_is_drawn_is_distributed_as_it_is_said() -> None:
    drawn = draw_disturbance(np.random.default_rng(0), 40_000, 10, 0.07)
    assert drawn.drift.shape == (40_000, 2) and abs(drawn.drift).max() <= 0.07
    assert drawn.drift.std(axis=0) == pytest.approx([0.07 / 3**0.5] * 2, rel=0.02)
    values, counts = np.unique(drawn.blank, return_counts=True)
    # Half of the first and of the last of 10 equal parts of [0, 1) stand for none.
    assert values.tolist() == [-1, *range(1, 10)]
    assert counts / 40_000 == pytest.approx([0.1] * 10, abs=0.01)


@pytest.mark.parametrize("n_input_frames", [1, 2, 10])
def test_no_frame_that_is_forecast_is_ever_blanked(n_input_frames: int) -> None:
    drawn = draw_disturbance(np.random.default_rng(0), 2000, n_input_frames, 0.07)
    missing = drawn.missing(15)
    assert not missing[:, n_input_frames:].any() and not missing[:, 0].any() and missing.sum(axis=1).max() <= 1


def test_observed_videos_are_the_complete_ones_with_one_frame_black(video: torch.Tensor) -> None:
    drawn = Disturbance(np.array([[0.05, 0.0], [0.0, -0.02]]), np.array([1, -1]))
    complete = drawn.complete(video)
    observed = drawn.observed(complete)
    assert (observed[0, 1] == 0).all() and (complete[0, 1] > 0).any()
    observed[0, 1] = complete[0, 1]
    np.testing.assert_array_equal(observed, complete)


def test_a_batch_of_one_moves_as_a_batch_of_many() -> None:
    video = torch.rand((4, 15, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    drawn = draw_disturbance(np.random.default_rng(3), 4, 10, 0.07)
    many = drawn.complete(video)
    for k in range(4):
        np.testing.assert_array_equal(drawn[k : k + 1].complete(video[k : k + 1])[0], many[k])


@pytest.mark.gpu
def test_a_gpu_moves_frames_to_the_bit_as_the_cpu_does() -> None:
    video = torch.randint(0, 256, (4, 15, 1, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    drawn = draw_disturbance(np.random.default_rng(3), 4, 10, 0.07)
    on_gpu = drawn.observed(drawn.complete(video.cuda())).cpu()
    np.testing.assert_array_equal(on_gpu, drawn.observed(drawn.complete(video)))
