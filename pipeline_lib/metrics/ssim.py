"""Structural similarity of predicted against true videos, for values in [0, 1], with an 11x11 Gaussian window.

Wang, Bovik, Sheikh and Simoncelli (2004): the Gaussian-weighted means, variances and covariance of both frames around
every pixel, σ = 1.5, K1 = 0.01, K2 = 0.03. Only pixels whose window lies within the frame count: nothing is padded.

How it is computed: with s = x + y and d = x - y, four filtered fields (s, d, s², d²) hold all five moments. The
filter is two products with banded matrices, in blocks, because a band is mostly zeros. In float64: variances are
differences of moments, of which float32 leaves few digits where a frame is flat and bright.
"""

import torch
from torch import Tensor

WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2

BLOCK = 18
"""Output pixels per product; three blocks fill the 54 valid pixels of a side of 64."""

PIXELS_AT_ONCE = {"cpu": 2**16, "cuda": 2**22}
"""On a CPU, what stays in the caches; on a GPU, what keeps it busy."""


def ssim_gauss11(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """SSIM per frame and channel over the valid area, then the mean over channels: (B, T, C, H, W) twice → (B, T).

    Raises ValueError for frames with a side below 11 pixels.
    """
    n_videos, n_frames, n_channels, height, width = truth_BTCHW.shape
    if min(height, width) < WINDOW:
        raise ValueError(
            f"ssim_gauss11 needs frames of at least {WINDOW}x{WINDOW} pixels, these have {height}x{width}: leave it "
            "out of evaluation.metrics"
        )
    band = _band(truth_BTCHW.device)
    at_once = max(1, PIXELS_AT_ONCE.get(truth_BTCHW.device.type, 2**16) // (height * width))
    pairs = zip(_images(prediction_BTCHW).split(at_once), _images(truth_BTCHW).split(at_once), strict=True)
    values = torch.cat([_ssim(prediction.double(), truth.double(), band) for prediction, truth in pairs])
    return values.view(n_videos, n_frames, n_channels).mean(dim=2)


def _images(video_BTCHW: Tensor) -> Tensor:
    """(B·T·C, H, W)."""
    return video_BTCHW.flatten(0, 2)


def _ssim(x_NHW: Tensor, y_NHW: Tensor, band: Tensor) -> Tensor:
    """SSIM of N pairs of images, (N,)."""
    s, d = x_NHW + y_NHW, x_NHW - y_NHW
    moments = _filtered(torch.stack([s, d, s.square(), d.square()]), band)
    s_mean_squared, d_mean_squared = moments[:2].square()
    s_variance, d_variance = moments[2] - s_mean_squared, moments[3] - d_mean_squared
    # 2 μx μy, μx² + μy², and likewise 2 cov(x, y), var x + var y.
    means = ((s_mean_squared - d_mean_squared) / 2 + C1) / ((s_mean_squared + d_mean_squared) / 2 + C1)
    structure = ((s_variance - d_variance) / 2 + C2) / ((s_variance + d_variance) / 2 + C2)
    return (means * structure).mean(dim=(1, 2))


def _filtered(fields: Tensor, band: Tensor) -> Tensor:
    """The Gaussian mean around every valid pixel: (…, H, W) → (…, H - 10, W - 10)."""
    height, width = (side - WINDOW + 1 for side in fields.shape[-2:])
    along_rows = torch.cat(
        [fields[..., first : first + len(block)] @ block for first, block in _blocks(width, band)], dim=-1
    )
    return torch.cat(
        [block.T @ along_rows[..., first : first + len(block), :] for first, block in _blocks(height, band)], dim=-2
    )


def _blocks(n_valid: int, band: Tensor) -> list[tuple[int, Tensor]]:
    """First pixel and band of each block of output pixels; the last may have fewer than the others."""
    sizes = [(first, min(BLOCK, n_valid - first)) for first in range(0, n_valid, BLOCK)]
    return [(first, band[: size + WINDOW - 1, :size]) for first, size in sizes]


def _band(device: torch.device) -> Tensor:
    """(BLOCK + 10, BLOCK) float64: column k holds the window's weights from row k on."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.exp(-0.5 * (offsets / SIGMA).square())
    weights = weights / weights.sum()
    band = torch.zeros(BLOCK + WINDOW - 1, BLOCK, dtype=torch.float64)
    for k in range(BLOCK):
        band[k : k + WINDOW, k] = weights
    return band.to(device)
