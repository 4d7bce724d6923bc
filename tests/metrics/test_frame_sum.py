"""The squared error summed over a frame, in the literature's unit."""

import numpy as np
import pytest
import torch

from pipeline_lib.metrics.frame_sum import mse_frame_sum_x100
from pipeline_lib.metrics.image import mse_per_pixel


def test_it_is_a_hundred_times_the_sum_over_the_values_of_each_frame():
    random = np.random.default_rng(0)
    prediction, truth = random.uniform(size=(2, 3, 4, 2, 32, 32)).astype(np.float32)
    found = mse_frame_sum_x100(torch.from_numpy(prediction), torch.from_numpy(truth))
    assert found.shape == (3, 4)
    for b in range(3):
        for t in range(4):
            expected = sum(
                (float(p) - float(q)) ** 2 for p, q in zip(prediction[b, t].flat, truth[b, t].flat, strict=True)
            )
            assert found[b, t].item() == pytest.approx(100 * expected, rel=1e-5)


def test_a_number_of_the_literature_is_a_number_per_value():
    """39.5 for frames of 2x32x32 values is 1.93e-4 per value."""
    error = torch.full((1, 1, 2, 32, 32), 1.93e-4).sqrt()
    assert mse_per_pixel(error, 0 * error).item() == pytest.approx(1.93e-4, rel=1e-5)
    assert mse_frame_sum_x100(error, 0 * error).item() == pytest.approx(39.5, abs=0.05)


def test_half_precision_is_summed_in_float32():
    error = torch.full((1, 1, 2, 32, 32), 0.01, dtype=torch.bfloat16)
    found = mse_frame_sum_x100(error, torch.zeros_like(error))
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(2048 * 100 * error.flatten()[0].item() ** 2, rel=1e-5)
