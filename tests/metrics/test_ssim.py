"""SSIM equals scikit-image's over its valid area, in flat bright areas too, and a plain loop's."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from pipeline_lib.metrics.ssim import ssim_gauss11
from tests.reference import image_metrics


def scikit_image(x_HW: np.ndarray, y_HW: np.ndarray) -> float:
    _, map_HW = structural_similarity(
        x_HW.astype(np.float64),
        y_HW.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        full=True,
    )
    return float(map_HW[5:-5, 5:-5].mean())


def expected(prediction_BTCHW: torch.Tensor, truth_BTCHW: torch.Tensor) -> np.ndarray:
    channels = np.array(
        [
            scikit_image(x, y)
            for x, y in zip(prediction_BTCHW.flatten(0, 2).numpy(), truth_BTCHW.flatten(0, 2).numpy(), strict=True)
        ]
    )
    return channels.reshape(truth_BTCHW.shape[:3]).mean(axis=2)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "shape",
    [
        (3, 7, 1, 64, 64),
        (2, 3, 3, 32, 32),
        (1, 2, 2, 40, 23),
        (2, 1, 1, 11, 11),
        (1, 1, 1, 11, 200),
        (1, 1, 1, 300, 260),
    ],
)
def test_it_is_that_of_scikit_image(shape):
    truth = noise(*shape).mul(0.3).add(0.5).clamp(0, 1)
    prediction = truth + 0.2 * noise(*shape, seed=1)  # beyond [0, 1] too
    found = ssim_gauss11(prediction, truth)
    assert found.shape == shape[:2]
    np.testing.assert_allclose(found.numpy(), expected(prediction, truth), atol=1e-10)


@pytest.mark.parametrize("spread", [0.0, 0.003, 0.01, 0.03])
@pytest.mark.parametrize("dark", [0, 32, 64])
def test_flat_bright_areas_keep_their_digits(spread, dark):
    """Variances as small as SSIM's constants, on a background of 1: differences of moments lose their digits there."""
    flat = torch.ones(1, 4, 1, 64, 64)
    flat[..., :dark] = 0
    prediction, truth = flat + spread * noise(*flat.shape), (flat + spread * noise(*flat.shape, seed=1)).clamp(0, 1)
    np.testing.assert_allclose(ssim_gauss11(prediction, truth).numpy(), expected(prediction, truth), atol=1e-10)


def test_it_is_the_definitions():
    truth = noise(1, 1, 1, 20, 17).mul(0.3).add(0.5)
    prediction = truth + 0.1 * noise(1, 1, 1, 20, 17, seed=1)
    found = float(ssim_gauss11(prediction, truth))
    assert found == pytest.approx(image_metrics.ssim(prediction[0, 0, 0].numpy(), truth[0, 0, 0].numpy()), abs=1e-10)
    assert float(ssim_gauss11(truth, truth)) == pytest.approx(1.0, abs=1e-12)


def test_views_that_repeat_a_frame_score_like_copies():
    truth = noise(2, 5, 1, 16, 16).abs()
    repeated = truth[:, -1:].expand(-1, 5, -1, -1, -1)
    torch.testing.assert_close(ssim_gauss11(repeated, truth), ssim_gauss11(repeated.contiguous(), truth))


def test_frames_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match="at least 11x11 pixels, these have 1x100: leave it out of evaluation.metrics"):
        ssim_gauss11(torch.zeros(1, 1, 1, 1, 100), torch.zeros(1, 1, 1, 1, 100))


@pytest.mark.gpu
def test_a_gpu_gives_the_same():
    truth = noise(3, 40, 1, 64, 64).mul(0.3).add(0.5).clamp(0, 1)
    prediction = truth + 0.2 * noise(3, 40, 1, 64, 64, seed=1)
    on_gpu = ssim_gauss11(prediction.cuda(), truth.cuda()).cpu()
    torch.testing.assert_close(on_gpu, ssim_gauss11(prediction, truth), rtol=0, atol=1e-10)
