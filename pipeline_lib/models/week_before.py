"""A baseline for what people do every week: every predicted frame is the one of a week before."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from pipeline_lib.config.model import WeekBeforeSettings
from pipeline_lib.config.task import TaskSettings

KEY = "week_before"
"""What a dataset's context calls the frames a week before the predicted ones, (n_pred, C, H, W) of each window."""


class WeekBefore(nn.Module):
    """Every predicted frame is that of a week before, which its dataset knows; nothing to fit and no state."""

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """Raises ValueError: conditioning frames do not tell."""
        raise ValueError("week_before forecasts from what a dataset knows of its test windows, not from frames alone")

    def forecast_in_context(self, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor]) -> Tensor:
        """The frames that the context holds, (B, n_pred, C, H, W). Raises ValueError where it has none."""
        if KEY not in context:
            raise ValueError("week_before needs the frames of a week before, which this dataset does not know")
        return context[KEY][:, :n_pred]


def build(
    settings: WeekBeforeSettings,
    task: TaskSettings,
    frame_shape: tuple[int, int, int],
    device_type: str = "cpu",
    frames_per_decoder_call: int | Literal["auto"] = "auto",
) -> WeekBefore:
    """Build the baseline; it needs none of what it is told."""
    return WeekBefore()
