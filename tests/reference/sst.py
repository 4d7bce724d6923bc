"""Sea surface temperature the plain way: one frame after the other, in double precision, straight from the definition.

Preparation, and the metrics: ours by the statistics of each frame's own day, the published ones as the published script
has them, where the statistics of all predicted days meet every frame.
"""

import math
from collections.abc import Callable

import numpy as np

Statistics = dict[str, np.ndarray]


def normalise(temperature: np.ndarray, daily_mean: np.ndarray, daily_std: np.ndarray) -> tuple[np.ndarray, Statistics]:
    """Frames (T, H, W) as networks see them, and what the way back needs."""
    frames, means, stds = [], [], []
    for frame, mean, std in zip(temperature.astype(np.float64), daily_mean, daily_std, strict=True):
        anomaly = (frame - mean) / std
        spatial_mean = np.sum(anomaly) / anomaly.size
        spatial_std = math.sqrt(np.sum((anomaly - spatial_mean) ** 2) / anomaly.size)
        frames.append((anomaly - spatial_mean) / spatial_std)
        means.append(spatial_mean)
        stds.append(spatial_std)
    statistics = {"climatology_mean": daily_mean, "climatology_std": daily_std}
    return np.array(frames), statistics | {"spatial_mean": np.array(means), "spatial_std": np.array(stds)}


def celsius(frame: np.ndarray, statistics: Statistics, day: int) -> np.ndarray:
    """A normalised frame in °C by the statistics of a day."""
    anomaly = frame.astype(np.float64) * statistics["spatial_std"][day] + statistics["spatial_mean"][day]
    return anomaly * statistics["climatology_std"][day] + statistics["climatology_mean"][day]


def scores(
    prediction_TCHW: np.ndarray,
    truth_TCHW: np.ndarray,
    statistics: Statistics,
    temperature_range: tuple[float, float],
    normalised_range: tuple[float, float],
    ssim: Callable[[np.ndarray, np.ndarray], float],
) -> dict[str, np.ndarray]:
    """All four metrics of one window, (T,) each; `statistics` (T,) of its predicted days."""
    n_frames = len(truth_TCHW)
    found = {name: np.zeros(n_frames) for name in ("mse_celsius2", "ssim_celsius", "mse_published", "ssim_published")}

    def scaled(frame: np.ndarray, extremes: tuple[float, float]) -> np.ndarray:
        return (frame - extremes[0]) / (extremes[1] - extremes[0])

    for t in range(n_frames):
        forecast, true = (celsius(video[t], statistics, t) for video in (prediction_TCHW, truth_TCHW))
        found["mse_celsius2"][t] = np.mean((forecast - true) ** 2)
        found["ssim_celsius"][t] = np.mean(
            [
                ssim(scaled(x, temperature_range), scaled(y, temperature_range))
                for x, y in zip(forecast, true, strict=True)
            ]
        )
        squared_errors, similarities = [], []
        for j in range(n_frames):
            forecast, true = (celsius(video[t], statistics, j) for video in (prediction_TCHW, truth_TCHW))
            squared_errors.append(np.mean((forecast - true) ** 2))
            similarities += [
                ssim(scaled(x, normalised_range), scaled(y, normalised_range))
                for x, y in zip(forecast, true, strict=True)
            ]
        found["mse_published"][t] = np.mean(squared_errors)
        found["ssim_published"][t] = np.mean(similarities)
    return found
