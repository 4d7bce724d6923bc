"""The metrics of DIVE's tables: sums over a frame, decibels of a video, SSIM up to the edges; and their registry."""

import math

import numpy as np
import pytest
import torch

from pipeline_lib.config.registry import METRICS, load
from pipeline_lib.metrics.bce import bce_frame_sum
from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.metrics.mse_frame_sum import mse_frame_sum
from pipeline_lib.metrics.psnr_video import decibels, psnr_video
from pipeline_lib.metrics.ssim import ssim_gauss11
from pipeline_lib.metrics.ssim_video import ssim_video
from tests.reference import decomposition_evaluation as reference


def videos(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 1.4 * torch.rand(shape, generator=generator) - 0.2, torch.rand(shape, generator=generator)


@pytest.mark.parametrize("shape", [(2, 3, 1, 12, 14), (1, 2, 3, 12, 5)])
@pytest.mark.parametrize(
    ("metric", "plain"),
    [
        (bce_frame_sum, reference.bce),
        (mse_frame_sum, reference.squared_error),
        (ssim_video, reference.padded_ssim),
    ],
)
def test_they_are_the_plain_loops(metric, plain, shape):
    prediction, truth = videos(*shape)
    expected = [
        [plain(prediction[b, t].numpy(), truth[b, t].numpy()) for t in range(shape[1])] for b in range(shape[0])
    ]
    np.testing.assert_allclose(metric(prediction, truth).numpy(), expected, rtol=2e-5)


def test_bce_of_sure_predictions_is_finite():
    truth = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1, 1)
    assert bce_frame_sum(1 - truth, truth)[0].tolist() == pytest.approx([-math.log(1e-4)] * 2, rel=1e-4)
    assert bce_frame_sum(truth, truth)[0].tolist() == pytest.approx([1e-4] * 2, rel=1e-2)


def test_psnr_of_a_video_is_of_the_mean_over_its_frames():
    truth = torch.zeros(1, 2, 1, 4, 4)
    prediction = truth.clone()
    prediction[0, 0], prediction[0, 1] = 0.1, 0.3  # MSE 0.01 and 0.09: 0.05 in the mean
    errors = psnr_video(prediction, truth)
    torch.testing.assert_close(errors, mse_per_pixel(prediction, truth))
    assert decibels(errors.double().mean(dim=1).numpy()) == pytest.approx([10 * math.log10(20)], abs=1e-5)
    assert decibels(np.zeros(2)) == pytest.approx([100, 100])


def test_whole_frames_count_where_the_valid_area_does_not_reach():
    truth = torch.zeros(1, 1, 1, 16, 16)
    at_the_edge, within = truth.clone(), truth.clone()
    at_the_edge[..., 0, 0], within[..., 8, 8] = 1, 1
    assert float(ssim_gauss11(at_the_edge, truth)) > 0.99 > float(ssim_video(at_the_edge, truth))
    assert float(ssim_video(within, truth)) > float(ssim_gauss11(within, truth))


def test_ssim_takes_predictions_within_the_range():
    prediction, truth = videos(1, 2, 1, 12, 12)
    torch.testing.assert_close(ssim_video(prediction, truth), ssim_video(prediction.clamp(0, 1), truth))


def test_a_score_that_is_no_mean_over_frames_says_how_it_is_made():
    assert [name for name, entry in METRICS.items() if entry.of_mean] == ["psnr_video"]
    assert load(METRICS["psnr_video"].of_mean) is decibels
