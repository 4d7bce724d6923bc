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


@pytest.mark.parametrize("scenario", ["varying", "varying, both axes"])
def test_deformed_digits_are_those_of_the_plain_loop_to_one_grey_level(scenario: str) -> None:
    settings, draws, scenes, images = made(scenario)
    truth = with_truth(scenes, images, settings.visible_rows)
    np.testing.assert_array_equal(observed(scenes, images, settings.visible_rows), truth["video"])
    for n, digits in enumerate(missing_digits.plainly(draws, images, settings.n_missing)):
        plain = reference.video(digits, N_FRAMES, settings.visible_rows)
        for ours, others in (
            (truth["video"][n, :, 0], plain.observed),
            (truth["complete"][n, :, 0], plain.complete),
            (truth["component"][n, :, :, 0], plain.alone),
        ):
            assert abs(ours.astype(int) - others).max() <= 1 and (ours != others).mean() < 1e-3
        np.testing.assert_array_equal(truth["missing"][n], plain.missing)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("scenario", list(missing_digits.SCENARIOS))
def test_the_way_of_the_device_makes_the_same_videos(scenario: str, device: str) -> None:
    settings, draws, scenes, images = made(scenario)
    on_device = DeviceScenes.of(draws, N_FRAMES, settings.n_missing, torch.device(device))
    frames = on_device.observed(torch.from_numpy(images).to(device), settings.visible_rows)
    assert frames.dtype == torch.uint8 and frames.device.type == device
    ours = observed(scenes, images, settings.visible_rows)
    assert abs(frames.cpu().numpy().astype(int) - ours).max() <= (1 if settings.n_elastic_axes else 0)


@pytest.mark.parametrize("scenario", list(missing_digits.SCENARIOS))
def test_a_digit_is_labelled_missing_where_nothing_of_it_is_visible(scenario: str) -> None:
    """Counted from the frames of each digit alone, hidden and removed by hand."""
    settings, draws, scenes, images = made(scenario)
    truth = with_truth(scenes, images, settings.visible_rows)
    for n, t, k in np.ndindex(N_VIDEOS, N_FRAMES, 2):
        removed = 0 <= t - draws.first_missing[n, k] < settings.n_missing
        first, last = settings.visible_rows or (0, 64)
        nothing = not truth["component"][n, t, k, 0, first:last].any()
        assert truth["missing"][n, t, k] == (removed or nothing)
    if settings.visible_rows:
        assert (truth["missing"] & ~scenes.removed).any(), "some are wholly in the hidden half"
        assert not truth["video"][..., :32, :].any() and truth["complete"][..., :32, :].any()
    else:
        np.testing.assert_array_equal(truth["missing"], scenes.removed)


def test_the_complete_video_is_the_brightest_of_its_components_around_their_centres() -> None:
    _, _, scenes, images = made("out of scene", n_digits=3)
    truth = with_truth(scenes, images, None)
    np.testing.assert_array_equal(truth["component"].max(axis=2), truth["complete"])
    for n, t, k in np.ndindex(3, N_FRAMES, 3):
        row, column = (truth["centre"][n, t, k] - 13.5).astype(int)
        alone = truth["component"][n, t, k, 0]
        np.testing.assert_array_equal(alone[row : row + 28, column : column + 28], images[scenes.digit_index[n, k]])
        assert alone.sum() == images[scenes.digit_index[n, k]].sum()


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, _, scenes, images = made("out of scene")
    expected = observed(scenes, images, None)
    for block_frames in (1, 50, 10_000):
        monkeypatch.setattr(missing_mnist_frames, "BLOCK_FRAMES", block_frames)
        np.testing.assert_array_equal(observed(scenes, images, None), expected)
