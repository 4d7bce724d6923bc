"""Trivial forecasts that every table shows beside the models: copy of the last frame, black, mean training frame."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from pipeline_lib.config.model import BlackSettings, CopyLastSettings, MeanFrameSettings
from pipeline_lib.config.task import TaskSettings

FrameShape = tuple[int, int, int]


class CopyLast(nn.Module):
    """Every predicted frame is the last conditioning frame; there is nothing to fit and no state."""

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """(B, n_cond, C, H, W) → (B, n_pred, C, H, W), a view that repeats the last frame."""
        return cond_BTCHW[:, -1:].expand(-1, n_pred, -1, -1, -1)


class Black(nn.Module):
    """Every predicted frame is 0 everywhere; there is nothing to fit and no state."""

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """(B, n_cond, C, H, W) → (B, n_pred, C, H, W), a view that repeats one value."""
        n_videos, _, *frame_shape = cond_BTCHW.shape
        return cond_BTCHW.new_zeros(()).expand(n_videos, n_pred, *frame_shape)


class MeanFrame(nn.Module):
    """Every predicted frame is the mean of all training frames.

    State: `mean_frame` (C, H, W) float32, and `n_frames`, the number of frames that it is the mean of; 0 before `fit`.
    """

    mean_frame: Tensor
    n_frames: Tensor

    def __init__(self, frame_shape: FrameShape) -> None:
        super().__init__()
        self.register_buffer("mean_frame", torch.zeros(frame_shape))
        self.register_buffer("n_frames", torch.zeros((), dtype=torch.int64))

    def fit(self, videos: Iterable[np.ndarray]) -> None:
        """Take the mean over all frames of an iterable of (n, T, C, H, W) arrays, one of them in memory at a time.

        Sums are float64, so the float32 mean does not depend on how the videos are cut into batches.
        Raises ValueError where a frame has another shape or is not finite, and where there is none.
        """
        frame_shape = tuple(self.mean_frame.shape)
        total, count = np.zeros(frame_shape, np.float64), 0
        for batch in videos:
            if batch.shape[2:] != frame_shape:
                raise ValueError(f"mean_frame is for frames of shape {frame_shape}, the videos have {batch.shape[2:]}")
            total += batch.sum(axis=(0, 1), dtype=np.float64)
            count += batch.shape[0] * batch.shape[1]
        if count == 0:
            raise ValueError("mean_frame needs at least one training frame, there is none")
        if not np.isfinite(total).all():
            raise ValueError("the training frames hold values that are not finite; prepare the dataset again")
        self.mean_frame.copy_(torch.from_numpy(total / count))
        self.n_frames.fill_(count)

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """(B, n_cond, C, H, W) → (B, n_pred, C, H, W), a view that repeats the mean frame."""
        if int(self.n_frames) == 0:
            raise ValueError("mean_frame forecasts what it was fitted to, and it was not fitted: call fit first")
        return self.mean_frame.expand(cond_BTCHW.shape[0], n_pred, -1, -1, -1)


def build_copy_last(
    settings: CopyLastSettings,
    task: TaskSettings,
    frame_shape: FrameShape,
    device_type: str = "cpu",
    frames_per_decoder_call: int | Literal["auto"] = "auto",
) -> CopyLast:
    """Build the baseline; it needs none of what it is told."""
    return CopyLast()


def build_black(
    settings: BlackSettings,
    task: TaskSettings,
    frame_shape: FrameShape,
    device_type: str = "cpu",
    frames_per_decoder_call: int | Literal["auto"] = "auto",
) -> Black:
    """Build the baseline; it needs none of what it is told."""
    return Black()


def build_mean_frame(
    settings: MeanFrameSettings,
    task: TaskSettings,
    frame_shape: FrameShape,
    device_type: str = "cpu",
    frames_per_decoder_call: int | Literal["auto"] = "auto",
) -> MeanFrame:
    """Build the baseline, not yet fitted, for frames of `frame_shape` (C, H, W)."""
    return MeanFrame(frame_shape)
