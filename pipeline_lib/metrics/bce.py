"""Binary cross-entropy of predicted against true videos, for values in [0, 1]."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy

LEAST_PREDICTION = 1e-4
"""Predictions are clamped to [1e-4, 1 - 1e-4]: a single pixel that is surely wrong would score infinity."""


def bce_frame_sum(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """-x·log(y) - (1 - x)·log(1 - y), summed over the values of a frame: (B, T, C, H, W) twice → (B, T), in nats.

    DIVE paper, section 4. Where the truth x is grey, a perfect prediction y = x does not score 0 but its entropy.
    """
    clamped = prediction_BTCHW.float().clamp(LEAST_PREDICTION, 1 - LEAST_PREDICTION)
    return binary_cross_entropy(clamped, truth_BTCHW.float(), reduction="none").flatten(2).sum(dim=2)
