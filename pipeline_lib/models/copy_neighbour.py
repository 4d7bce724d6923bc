"""A baseline for missing objects, and an oracle: it is told in which frames something is missing."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline_lib.config.model import CopyNeighbourSettings
from pipeline_lib.config.task import TaskSettings

KEY = "missing"
"""What a dataset's context calls the frames in which an object is missing, (T, K) bool of each window."""


class CopyNeighbour(nn.Module):
    """A frame in which something is missing becomes the nearest one in which nothing is; nothing to fit and no state.

    Of two that are as near, the earlier one. Where something is missing in all frames, they stay as they are. Predicted
    frames are the last conditioning one in which nothing is missing.
    """

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """Raises ValueError: conditioning frames do not tell."""
        raise ValueError("copy_neighbour copies frames in which nothing is missing, which frames alone do not tell")

    def forecast_in_context(self, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor]) -> Tensor:
        """(B, n_cond, C, H, W), and (B, T, K) bool as `missing` → (B, n_pred, C, H, W), a view that repeats a frame.

        Raises ValueError where the context does not say what is missing.
        """
        if KEY not in context:
            raise ValueError("copy_neighbour needs to know what is missing, which this dataset does not say")
        imputed_BTCHW = self.impute(cond_BTCHW, context[KEY][:, : cond_BTCHW.shape[1]].any(dim=2))
        return imputed_BTCHW[:, -1:].expand(-1, n_pred, -1, -1, -1)

    def impute(self, cond_BTCHW: Tensor, missing_BT: Tensor) -> Tensor:
        """(B, n_cond, C, H, W), and bool where something is missing → (B, n_cond, C, H, W)."""
        frame_T = torch.arange(missing_BT.shape[1], device=missing_BT.device)
        distance_TT = (frame_T[:, None] - frame_T).abs()
        # Frames in which something is missing are farther than all others; where there is no other, a frame stays.
        farther_BTT = len(frame_T) * missing_BT[:, None, :]
        nearest_BT = (distance_TT + farther_BTT).argmin(dim=2)
        return torch.take_along_dim(cond_BTCHW, nearest_BT[:, :, None, None, None], dim=1)


def build(
    settings: CopyNeighbourSettings,
    task: TaskSettings,
    frame_shape: tuple[int, int, int],
    device_type: str = "cpu",
    frames_per_decoder_call: int | Literal["auto"] = "auto",
) -> CopyNeighbour:
    """Build the baseline; it needs none of what it is told."""
    return CopyNeighbour()
