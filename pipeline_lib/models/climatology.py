"""Baseline for sea surface temperature: the climatology of the day, in the units in which frames are normalised."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from pipeline_lib.config.model import ClimatologySettings
from pipeline_lib.config.task import TaskSettings


class Climatology(nn.Module):
    """Every predicted frame is `daily_mean` of its day, all over the zone; there is nothing to fit and no state.

    The anomaly of that is 0, and normalised as the true frame of the day is, it is (0 - spatial mean) / spatial std.
    In °C, where frames are compared, it is the climatology again and knows nothing of the truth.
    """

    def forecast_in_context(self, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor]) -> Tensor:
        """(B, n_cond, C, H, W), `spatial_mean` and `spatial_std` (B, n_pred) → (B, n_pred, C, H, W), a view."""
        n_videos, _, *frame_shape = cond_BTCHW.shape
        values_BT = -context["spatial_mean"] / context["spatial_std"]
        return values_BT.to(cond_BTCHW.dtype)[:, :, None, None, None].expand(n_videos, n_pred, *frame_shape)


def build(
    settings: ClimatologySettings,
    task: TaskSettings,
    frame_shape: tuple[int, int, int],
    device_type: str = "cpu",
    frames_per_decoder_call: int | Literal["auto"] = "auto",
) -> Climatology:
    """Build the baseline; it needs none of what it is told."""
    return Climatology()
