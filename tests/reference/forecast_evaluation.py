"""The forecast protocol the plain way: one window at a time, all of it in memory, in double precision."""

from collections.abc import Callable

import numpy as np
import torch

Forecast = Callable[[torch.Tensor, int], torch.Tensor]


def squared_errors(forecast: Forecast, videos_NTCHW: np.ndarray, n_cond: int, n_pred: int) -> np.ndarray:
    """Mean squared error of every window and predicted frame, video by video: (n_windows, n_pred) float64."""
    scores = []
    for video in videos_NTCHW:
        for start in range(len(video) - n_cond - n_pred + 1):
            window = video[start : start + n_cond + n_pred]
            with torch.no_grad():
                predicted = forecast(torch.from_numpy(window[None, :n_cond]), n_pred)[0].numpy()
            difference = predicted.astype(np.float64) - window[n_cond:].astype(np.float64)
            scores.append([np.mean(frame**2) for frame in difference])
    return np.array(scores)
