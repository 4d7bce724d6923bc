"""Errors of sea surface temperature against plain loops over frames and days, and known values in °C."""

import numpy as np
import pytest
import torch

from pipeline_lib.config.registry import METRICS, load
from pipeline_lib.metrics import sst
from pipeline_lib.metrics.ssim import ssim_gauss11, ssim_rescaled
from tests.reference import image_metrics
from tests.reference import sst as reference

NAMES = ("mse_celsius2", "ssim_celsius", "mse_published", "ssim_published")


def windows(n_videos: int, n_frames: int, n_channels: int = 1, side: int = 13) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(n_videos, n_frames, n_channels, side, side, generator=generator)
    return truth + 0.4 * torch.randn(truth.shape, generator=generator), truth


def context(n_videos: int, n_frames: int) -> dict[str, torch.Tensor]:
    random = np.random.default_rng(1)

    def drawn(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(random.uniform(low, high, shape))

    return {
        "climatology_mean": drawn(10, 20, n_videos, n_frames),
        "climatology_std": drawn(0.5, 3, n_videos, n_frames),
        "spatial_mean": drawn(-1, 1, n_videos, n_frames),
        "spatial_std": drawn(0.3, 1.5, n_videos, n_frames),
        "temperature_minimum": drawn(0, 5, n_videos),
        "temperature_maximum": drawn(25, 30, n_videos),
        "normalised_minimum": drawn(-5, -3, n_videos),
        "normalised_maximum": drawn(3, 5, n_videos),
    }


@pytest.mark.parametrize("n_channels", [1, 2])
def test_they_are_the_plain_loops(n_channels: int) -> None:
    n_videos, n_frames = 2, 3
    (prediction, truth), known = windows(n_videos, n_frames, n_channels), context(n_videos, n_frames)
    found = {name: load(METRICS[name].function)(prediction, truth, known).numpy() for name in NAMES}
    for video in range(n_videos):
        statistics = {name: known[name][video].numpy() for name in list(known)[:4]}
        expected = reference.scores(
            prediction[video].numpy(),
            truth[video].numpy(),
            statistics,
            (float(known["temperature_minimum"][video]), float(known["temperature_maximum"][video])),
            (float(known["normalised_minimum"][video]), float(known["normalised_maximum"][video])),
            image_metrics.ssim,
        )
        for name in NAMES:
            np.testing.assert_allclose(found[name][video], expected[name], rtol=1e-10, err_msg=name)


def test_an_error_of_half_a_degree_is_a_quarter() -> None:
    _, truth = windows(2, 3)
    known = context(2, 3)
    unit = (known["spatial_std"] * known["climatology_std"]).float()[:, :, None, None, None]
    found = sst.mse_celsius2(truth + 0.5 / unit, truth, known)
    torch.testing.assert_close(found, torch.full((2, 3), 0.25, dtype=torch.float64), rtol=1e-5, atol=0)


def test_both_rules_agree_where_all_days_have_the_same_statistics() -> None:
    prediction, truth = windows(2, 3)
    known = {
        name: values[:, :1].expand(-1, 3) if values.dim() == 2 else values for name, values in context(2, 3).items()
    }
    known |= {f"normalised_{end}": known[f"temperature_{end}"] for end in ("minimum", "maximum")}
    for ours, published in ((sst.mse_celsius2, sst.mse_published), (sst.ssim_celsius, sst.ssim_published)):
        torch.testing.assert_close(ours(prediction, truth, known), published(prediction, truth, known))


def test_published_rule_takes_the_mean_over_the_days_of_the_window() -> None:
    prediction, truth = windows(1, 2)
    known = context(1, 2)
    unit = (known["spatial_std"] * known["climatology_std"])[0]
    errors = (prediction - truth).double().square().mean(dim=(2, 3, 4))[0]
    expected = errors * (unit[0] ** 2 + unit[1] ** 2) / 2
    torch.testing.assert_close(sst.mse_published(prediction, truth, known)[0], expected)


def test_perfect_forecasts_score_0_and_1() -> None:
    _, truth = windows(2, 3)
    for name in NAMES:
        found = load(METRICS[name].function)(truth, truth, context(2, 3))
        best = torch.zeros(2, 3).double() if METRICS[name].direction == "lower" else torch.ones(2, 3).double()
        torch.testing.assert_close(found, best)


def test_rescaled_ssim_is_that_of_rescaled_frames_also_in_several_pieces() -> None:
    """17 frames of 64x64 are more than are filtered at once."""
    generator = torch.Generator().manual_seed(2)
    truth = torch.rand(1, 17, 1, 64, 64, generator=generator, dtype=torch.float64)
    prediction = truth + 0.1 * torch.rand(truth.shape, generator=generator, dtype=torch.float64)
    scale, shift = torch.rand(2, 1, 17, 2, generator=generator, dtype=torch.float64) + 0.5
    expected = torch.stack(
        [
            ssim_gauss11(
                *(each * a[:, :, None, None, None] + b[:, :, None, None, None] for each in (prediction, truth))
            )
            for a, b in zip(scale.unbind(-1), shift.unbind(-1), strict=True)
        ]
    ).mean(dim=0)
    torch.testing.assert_close(ssim_rescaled(prediction, truth, scale, shift), expected, rtol=1e-10, atol=0)
    assert expected.std() > 1e-4  # frames differ, so that their order shows


def test_frames_that_are_too_small_for_ssim_are_refused() -> None:
    prediction, truth = windows(1, 2, side=10)
    with pytest.raises(ValueError, match="at least 11x11 pixels, these have 10x10"):
        sst.ssim_celsius(prediction, truth, context(1, 2))
