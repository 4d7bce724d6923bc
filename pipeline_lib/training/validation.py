"""Forecasts on a fixed sample of windows while training; they draw curves and select nothing."""

from collections.abc import Callable

import torch
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
    def __call__(self, model: Forecaster, autocast: Callable) -> dict[str, float]:
        """Values by journal key. The model is put into eval mode and back."""
        module: torch.nn.Module = model  # type: ignore[assignment]
        was_training = module.training
        module.eval()
        try:
            with autocast():
                forecast = model.forecast(self._cond, self._truth.shape[1])
            return {f"{self.name}_mse_per_pixel": mse_per_pixel(forecast, self._truth).mean().item()}
        finally:
            module.train(was_training)
