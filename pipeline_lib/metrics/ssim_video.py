"""Structural similarity of whole frames, up to their edges, as DIVE's published code has it."""

from torch import Tensor
from torch.nn.functional import pad

from pipeline_lib.metrics.ssim import WINDOW, ssim_gauss11


def ssim_video(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """`ssim_gauss11` with frames of zeros around them, so that every pixel counts: (B, T, C, H, W) twice → (B, T).

    DIVE paper, section 4. Predictions are clamped to [0, 1]. It differs from `ssim_gauss11` at the edges alone, where
    the zeros that both frames share make them alike.
    """
    sides = (WINDOW // 2,) * 4
    return ssim_gauss11(pad(prediction_BTCHW.clamp(0, 1), sides), pad(truth_BTCHW, sides))
