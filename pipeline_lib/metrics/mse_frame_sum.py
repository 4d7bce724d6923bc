"""Squared error in the unit of DIVE's tables."""

from torch import Tensor


def mse_frame_sum(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """Squared error summed over the values of a frame (channels and pixels): (B, T, C, H, W) twice → (B, T).

    DIVE paper, section 4: C·H·W times `mse_per_pixel`.
    """
    return (prediction_BTCHW.float() - truth_BTCHW.float()).square().flatten(2).sum(dim=2)
