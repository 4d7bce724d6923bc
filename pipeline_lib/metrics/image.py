"""Image metrics of predicted against true videos, per video and frame."""

from torch import Tensor


def mse_per_pixel(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """Squared error averaged over the values of a frame (channels and pixels): (B, T, C, H, W) twice → (B, T)."""
    return (prediction_BTCHW.float() - truth_BTCHW.float()).square().flatten(2).mean(dim=2)
