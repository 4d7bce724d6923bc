"""What a model makes of a fixed sample of windows while it trains, for curves and pictures; it selects nothing."""

from typing import Any, Protocol

from PIL import Image
from torch import Tensor, nn

from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.training.pictures import N_WINDOWS, montage


class Validation(Protocol):
    """Looks at a model, which is in eval mode meanwhile, on windows that stay the same."""

    key: str
    """What the journal and the tracking store call the series of pictures."""

    def attempt(self, model: nn.Module, n_windows: int | None) -> Any:
        """What the model makes of the first `n_windows` windows, or of all."""
        ...

    def values(self, found: Any) -> dict[str, float]:
        """Values of what it made of all windows, by journal key."""
        ...

    def picture(self, found: Any) -> Image.Image:
        """What it made of the first `N_WINDOWS` windows."""
        ...


class ForecastValidation:
    """Mean `mse_per_pixel` of the forecast of `n_pred` frames on fixed windows.

    `name` says in the journal where the windows come from: `train_sample` where the published schedule trains on
    everything, `held_out` where sequences are held out.
    """

    key = "forecast"

    def __init__(self, name: str, windows_BTCHW: Tensor, n_cond: int) -> None:
        self.name = name
        self._cond = windows_BTCHW[:, :n_cond]
        self._truth = windows_BTCHW[:, n_cond:]

    def attempt(self, model: nn.Module, n_windows: int | None) -> Tensor:
        """Forecast the first `n_windows` windows, or all: (n, n_pred, C, H, W)."""
        forecast: Tensor = model.forecast(self._cond[:n_windows], self._truth.shape[1])  # type: ignore[operator]
        return forecast

    def values(self, found: Tensor) -> dict[str, float]:
        """The mean over all windows, by journal key."""
        return {f"{self.name}_mse_per_pixel": mse_per_pixel(found, self._truth).mean().item()}

    def picture(self, found: Tensor) -> Image.Image:
        """Truth above forecast."""
        parts = (self._cond, self._truth, found)
        return montage(*(part[:N_WINDOWS].float().cpu().numpy() for part in parts))
