"""Forecasts on a fixed sample of windows while training, for curves and pictures; they select nothing."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.models.protocols import Forecaster


class ForecastValidation:
    """Mean `mse_per_pixel` of the forecast of `n_pred` frames on fixed windows.

    `name` says in the journal where the windows come from: `train_sample` where the published schedule trains on
    everything, `held_out` where sequences are held out.
    """

    def __init__(self, name: str, windows_BTCHW: Tensor, n_cond: int) -> None:
        self.name = name
        self._cond = windows_BTCHW[:, :n_cond]
        self._truth = windows_BTCHW[:, n_cond:]

    @torch.no_grad()
    def forecast(self, model: Forecaster, autocast: Callable, n_windows: int | None = None) -> Tensor:
        """Forecast the first `n_windows` windows, or all. The model is put into eval mode and back."""
        module: torch.nn.Module = model  # type: ignore[assignment]
        was_training = module.training
        module.eval()
        try:
            with autocast():
                return model.forecast(self._cond[:n_windows], self._truth.shape[1])
        finally:
            module.train(was_training)

    def values(self, forecast_BTCHW: Tensor) -> dict[str, float]:
        """Values of the forecast of all windows, by journal key."""
        return {f"{self.name}_mse_per_pixel": mse_per_pixel(forecast_BTCHW, self._truth).mean().item()}

    def frames(self, forecast_BTCHW: Tensor, n_windows: int) -> tuple[NDArray[np.float32], ...]:
        """Conditioning frames, truth and forecast of the first `n_windows` windows, as arrays."""
        parts = (self._cond, self._truth, forecast_BTCHW)
        return tuple(part[:n_windows].float().cpu().numpy() for part in parts)
