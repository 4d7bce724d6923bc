"""Structural similarity of predicted against true videos, for values in [0, 1], with an 11x11 Gaussian window.

Wang, Bovik, Sheikh and Simoncelli (2004): the Gaussian-weighted means, variances and covariance of both frames around
every pixel, σ = 1.5, K1 = 0.01, K2 = 0.03. Only pixels whose window lies within the frame count: nothing is padded.

How it is computed: with s = x + y and d = x - y, four filtered fields (s, d, s², d²) hold all five moments. The
filter is two products with banded matrices, in blocks, because a band is mostly zeros. In float64: variances are
differences of moments, of which float32 leaves few digits where a frame is flat and bright.
"""

from collections.abc import Iterator

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
    values = torch.cat([_ssim(*moments) for moments in _moments(prediction_BTCHW, truth_BTCHW)])
    return values.view(truth_BTCHW.shape[:3]).mean(dim=2)


def ssim_rescaled(prediction_BTCHW: Tensor, truth_BTCHW: Tensor, scale_BTK: Tensor, shift_BTK: Tensor) -> Tensor:
    """SSIM of scale · x + shift, for each of K scales and shifts of a frame, mean over these: (B, T).

    Moments are taken once, of the frames as they are; those of the rescaled ones follow from them.
    Raises ValueError for frames with a side below 11 pixels.
    """
    n_channels = truth_BTCHW.shape[2]
    scales, shifts = (of_frames.double().repeat_interleave(n_channels, 1) for of_frames in (scale_BTK, shift_BTK))
    scales, shifts, values, first = scales.flatten(0, 1), shifts.flatten(0, 1), [], 0
    for s_mean, d_mean, s_variance, d_variance in _moments(prediction_BTCHW, truth_BTCHW):
        of_images = slice(first, first + len(s_mean))
        rescaled = [
            _ssim(a * s_mean + 2 * b, a * d_mean, a.square() * s_variance, a.square() * d_variance)
            for a, b in zip(_columns(scales[of_images]), _columns(shifts[of_images]), strict=True)
        ]
        values.append(torch.stack(rescaled).mean(dim=0))
        first += len(s_mean)
    return torch.cat(values).view(truth_BTCHW.shape[:3]).mean(dim=2)


def _columns(of_images_NK: Tensor) -> tuple[Tensor, ...]:
    """K tensors (N, 1, 1)."""
    return of_images_NK[:, :, None, None].unbind(1)


def _moments(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Means of s and d and their variances around every valid pixel, of some of the B·T·C images at a time."""
    height, width = truth_BTCHW.shape[-2:]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"SSIM needs frames of at least {WINDOW}x{WINDOW} pixels, these have {height}x{width}: leave it out of "
            "evaluation.metrics"
        )
    band = _band(truth_BTCHW.device)
    at_once = max(1, PIXELS_AT_ONCE.get(truth_BTCHW.device.type, 2**16) // (height * width))
    images = (video_BTCHW.flatten(0, 2).split(at_once) for video_BTCHW in (prediction_BTCHW, truth_BTCHW))
    for x, y in zip(*images, strict=True):
        s, d = x.double() + y.double(), x.double() - y.double()
        s_mean, d_mean, s_square, d_square = _filtered(torch.stack([s, d, s.square(), d.square()]), band)
        yield s_mean, d_mean, s_square - s_mean.square(), d_square - d_mean.square()


def _ssim(s_mean: Tensor, d_mean: Tensor, s_variance: Tensor, d_variance: Tensor) -> Tensor:
    """SSIM of N pairs of images from their moments, (N,)."""
    # 2 μx μy, μx² + μy², and likewise 2 cov(x, y), var x + var y.
    s_squared, d_squared = s_mean.square(), d_mean.square()
    means = ((s_squared - d_squared) / 2 + C1) / ((s_squared + d_squared) / 2 + C1)
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
