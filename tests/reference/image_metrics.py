"""PSNR and SSIM the plain way: one frame and channel after another, in double precision, pixel by pixel."""

import math

import numpy as np


def psnr(prediction_BTCHW: np.ndarray, truth_BTCHW: np.ndarray, least_mse: float) -> np.ndarray:
    """(B, T): the mean over channels of 10·log10(1 / MSE)."""
    scores = np.zeros(truth_BTCHW.shape[:2])
    for b, t in np.ndindex(scores.shape):
        of_channels = []
        for prediction, truth in zip(prediction_BTCHW[b, t], truth_BTCHW[b, t], strict=True):
            mse = np.mean((prediction.astype(np.float64) - truth.astype(np.float64)) ** 2)
            of_channels.append(10 * math.log10(1 / max(mse, least_mse)))
        scores[b, t] = np.mean(of_channels)
    return scores


def ssim(x_HW: np.ndarray, y_HW: np.ndarray) -> float:
    """Mean over the pixels whose 11x11 window lies within the frame, straight from the definition."""
    distance = np.arange(-5, 6)
    line = np.exp(-(distance**2) / (2 * 1.5**2))
    weights = np.outer(line, line) / np.sum(np.outer(line, line))
    x, y = x_HW.astype(np.float64), y_HW.astype(np.float64)
    values = []
    for row in range(5, x.shape[0] - 5):
        for column in range(5, x.shape[1] - 5):
            of_x = x[row - 5 : row + 6, column - 5 : column + 6]
            of_y = y[row - 5 : row + 6, column - 5 : column + 6]
            mean_x, mean_y = np.sum(weights * of_x), np.sum(weights * of_y)
            variance_x = np.sum(weights * (of_x - mean_x) ** 2)
            variance_y = np.sum(weights * (of_y - mean_y) ** 2)
            covariance = np.sum(weights * (of_x - mean_x) * (of_y - mean_y))
            luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
            values.append(luminance * (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2))
    return float(np.mean(values))
