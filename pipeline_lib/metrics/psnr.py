"""Peak signal-to-noise ratio of predicted against true videos, for values in [0, 1]."""

from torch import Tensor

LEAST_MSE = 1e-10
"""Equal frames would score infinity (the last frame, copied, where both digits rest); they score 100 dB."""


def psnr_frame_mean(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """10·log10(1 / MSE) per frame and channel, then the mean over channels: (B, T, C, H, W) twice → (B, T), in dB.

    PDE paper, section 4: a mean of decibels, not the decibels of a mean. At most 100 dB, see `LEAST_MSE`.
    """
    mse_BTC = (prediction_BTCHW.float() - truth_BTCHW.float()).square().mean(dim=(3, 4))
    return -10 * mse_BTC.clamp_min(LEAST_MSE).log10().mean(dim=2)
