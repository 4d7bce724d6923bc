"""Peak signal-to-noise ratio of a video as a whole: the decibels of a mean, not a mean of decibels."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.metrics.psnr import LEAST_MSE


def psnr_video(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """The squared error of each frame, (B, T, C, H, W) twice → (B, T); `decibels` are taken of their mean over frames.

    DIVE paper, section 4: 10·log10(1 / MSE) of the mean over all frames of a video.
    """
    return mse_per_pixel(prediction_BTCHW, truth_BTCHW)


def decibels(mse: NDArray[np.float64]) -> NDArray[np.float64]:
    """10·log10(1 / MSE), of any shape, for values in [0, 1]; at most 100 dB, as with `psnr_frame_mean`."""
    return -10 * np.log10(np.maximum(mse, LEAST_MSE))
