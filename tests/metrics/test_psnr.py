"""PSNR as a plain loop has it: a mean of decibels over channels, and finite for equal frames."""

import numpy as np
import pytest
import torch

from pipeline_lib.metrics.psnr import LEAST_MSE, psnr_frame_mean
from tests.reference import image_metrics


def videos(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(shape, generator=generator)
    return truth + 0.2 * torch.rand(shape, generator=generator), truth


@pytest.mark.parametrize("shape", [(2, 3, 1, 5, 7), (2, 3, 3, 5, 7), (1, 2, 2, 1, 10)])
def test_it_is_the_plain_loops(shape):
    prediction, truth = videos(*shape)
    prediction[0, 0, 0] = truth[0, 0, 0] + 0.5  # channels differ, so that the order of mean and logarithm shows
    expected = image_metrics.psnr(prediction.numpy(), truth.numpy(), LEAST_MSE)
    np.testing.assert_allclose(psnr_frame_mean(prediction, truth).numpy(), expected, rtol=1e-5)


def test_known_values():
    truth = torch.zeros(1, 3, 2, 4, 4)
    prediction = truth.clone()
    prediction[0, 0] = 0.1  # MSE 0.01: 20 dB
    prediction[0, 1, 0], prediction[0, 1, 1] = 0.1, 0.01  # 20 and 40 dB
    found = psnr_frame_mean(prediction, truth)
    torch.testing.assert_close(found, torch.tensor([[20.0, 30.0, 100.0]]), rtol=1e-5, atol=0)


def test_frames_almost_equal_score_as_equal_ones():
    truth = torch.full((1, 2, 1, 4, 4), 0.5)
    found = psnr_frame_mean(truth + torch.tensor([1e-6, 1e-4]).view(1, 2, 1, 1, 1), truth)
    assert found[0, 0] == pytest.approx(100.0) and found[0, 1] == pytest.approx(80.0, abs=0.02)
