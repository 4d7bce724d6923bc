"""Videos with missing data against the plain loop, made by both ways."""

import numpy as np
import pytest
import torch

from pipeline_lib.data import missing_mnist_frames
from pipeline_lib.data.missing_mnist import observed, with_truth
from pipeline_lib.data.missing_mnist_device import DeviceScenes
from pipeline_lib.data.missing_mnist_draws import draw
from tests.data import missing_digits, moving_digits
from tests.reference import missing_mnist as reference

N_VIDEOS, N_FRAMES = 25, 20
SHARP = [name for name in missing_digits.SCENARIOS if not name.startswith("varying")]


def made(scenario: str, n_digits: int = 2):
    """Settings, draws and scenes of some videos, and the images that they are made of."""
    settings = missing_digits.settings(scenario, n_digits=n_digits)
    images, _ = moving_digits.digits(9, seed=1)
    images[:, :, :8] = 0
    draws = draw(np.random.default_rng(5), N_VIDEOS, len(images), settings)
    return settings, draws, draws.scenes(N_FRAMES, settings.n_missing), images


@pytest.mark.parametrize("scenario", SHARP)
@pytest.mark.parametrize("n_digits", [1, 2, 3])
def test_equals_the_plain_loop_bit_for_bit(scenario: str, n_digits: int) -> None:
    settings, draws, scenes, images = made(scenario, n_digits)
    truth = with_truth(scenes, images, settings.visible_rows)
    seen = observed(scenes, images, settings.visible_rows)
    assert seen.shape == (N_VIDEOS, N_FRAMES, 1, 64, 64) and seen.dtype == np.uint8
    np.testing.assert_array_equal(seen, truth["video"])
    for n, digits in enumerate(missing_digits.plainly(draws, images, settings.n_missing)):
        plain = reference.video(digits, N_FRAMES, settings.visible_rows)
        np.testing.assert_array_equal(truth["video"][n, :, 0], plain.observed)
        np.testing.assert_array_equal(truth["complete"][n, :, 0], plain.complete)
        np.testing.assert_array_equal(truth["component"][n, :, :, 0], plain.alone)
        np.testing.assert_array_equal(truth["missing"][n], plain.missing)


@pytest.mark.parametrize("scenario", SHARP)
def test_the_device_makes_the_same_bits(scenario: str) -> None:
    settings, _, scenes, images = made(scenario)
    on_device = DeviceScenes.of(scenes, torch.device("cpu"))
    frames = on_device.observed(torch.from_numpy(images), settings.visible_rows)
    np.testing.assert_array_equal(frames.numpy(), observed(scenes, images, settings.visible_rows))


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, _, scenes, images = made("out of scene")
    expected = observed(scenes, images, None)
    for block_frames in (1, 50, 10_000):
        monkeypatch.setattr(missing_mnist_frames, "BLOCK_FRAMES", block_frames)
        np.testing.assert_array_equal(observed(scenes, images, None), expected)
