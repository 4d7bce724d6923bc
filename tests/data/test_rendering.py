"""Frames: digits pasted one by one, and both ways of rendering the same bits."""

import numpy as np
import pytest
import torch

from pipeline_lib.data import rendering
from pipeline_lib.data.device_rendering import render_on_device
from pipeline_lib.data.rendering import render
from tests.reference import moving_mnist as reference


def scene(n_videos: int, n_frames: int, n_digits: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(n_digits)
    digits = random.integers(0, 256, (n_videos, n_digits, 28, 28), dtype=np.uint8)
    positions = random.integers(0, 37, (n_videos, n_frames, n_digits, 2))
    positions[0, :4, 0] = [[0, 0], [0, 36], [36, 0], [36, 36]]  # the corners
    positions[-1, -1] = 36
    return digits, positions


@pytest.mark.parametrize("n_digits", [1, 2, 3])
@pytest.mark.parametrize("block_frames", [1, 20, 10_000])
def test_equals_pasting_digit_by_digit(n_digits: int, block_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "BLOCK_FRAMES", block_frames)
    digits, positions = scene(7, 9, n_digits)
    videos = render(digits, positions)
    assert videos.shape == (7, 9, 1, 64, 64) and videos.dtype == np.uint8
    for k in range(7):
        plain = reference.paste(list(digits[k]), list(positions[k].swapaxes(0, 1)), 9)
        np.testing.assert_array_equal(videos[k, :, 0], plain)
    np.testing.assert_array_equal(render(digits, positions.astype(np.int16)), videos)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("n_digits", [1, 2, 3])
def test_the_device_makes_the_same_bits(n_digits: int, device: str) -> None:
    digits, positions = scene(7, 9, n_digits)
    made = render_on_device(torch.from_numpy(digits).to(device), torch.from_numpy(positions).to(device))
    assert made.dtype == torch.uint8 and made.device.type == device
    np.testing.assert_array_equal(made.cpu().numpy(), render(digits, positions))


def test_digits_are_added_and_clipped_at_white() -> None:
    digits = np.zeros((1, 2, 28, 28), np.uint8)
    digits[0, 0], digits[0, 1] = 200, 100
    frame = render(digits, np.array([[[[0, 0], [20, 20]]]]))[0, 0, 0]
    assert (frame[0, 0], frame[27, 27], frame[28, 28], frame[47, 47], frame[48, 48]) == (200, 255, 100, 100, 0)
    digits[0, 1] = 55
    assert render(digits, np.zeros((1, 1, 2, 2), np.int64)).max() == 255
    digits[0, 1] = 54
    assert render(digits, np.zeros((1, 1, 2, 2), np.int64)).max() == 254


def test_no_video_is_no_error() -> None:
    digits, positions = scene(7, 9, 2)
    assert render(digits[:0], positions[:0]).shape == (0, 9, 1, 64, 64)
