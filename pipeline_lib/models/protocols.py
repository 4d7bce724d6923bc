"""What training and evaluation know of a model."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn


class Forecaster(Protocol):
    """Predicts frames from conditioning frames; an `nn.Module` whose state is tensors only."""

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """(B, n_cond, C, H, W) → (B, n_pred, C, H, W), the frames after the conditioning ones."""
        ...


@runtime_checkable
class ContextForecaster(Protocol):
    """A baseline that forecasts from what its dataset knows of a window beside the frames, such as the date."""

    def forecast_in_context(self, cond_BTCHW: Tensor, n_pred: int, context: Mapping[str, Tensor]) -> Tensor:
        """(B, n_cond, C, H, W), and the windows' context, tensors (B, …) by name → (B, n_pred, C, H, W)."""
        ...


@runtime_checkable
class ContentSwapper(Forecaster, Protocol):
    """A model that can show the content of one video moving as another does."""

    def swap(self, content_BTCHW: Tensor, motion_BTCHW: Tensor, n_pred: int) -> Tensor:
        """Conditioning frames of both, (B, n_cond, C, H, W) each → (B, n_pred, C, H, W), the frames after them."""
        ...


@runtime_checkable
class Trainable(Forecaster, Protocol):
    """A model trained by gradient descent on windows of n_cond + n_pred frames."""

    def draw_range(self) -> tuple[int, int]:
        """Bounds (inclusive) of the integer that each iteration draws, uniform, the same for the whole batch."""
        ...

    def loss_terms(self, video_BTCHW: Tensor, drawn: int) -> dict[str, Tensor]:
        """Unweighted loss terms of one batch, scalars in float32, by name (`loss_…`)."""
        ...

    def loss_weights(self) -> dict[str, float]:
        """Weight of each loss term in the total, by the same names."""
        ...


@runtime_checkable
class Fittable(Forecaster, Protocol):
    """A baseline that looks at the training frames once, without gradients."""

    def fit(self, videos: Iterable[np.ndarray]) -> None:
        """Take what is needed from an iterable of (n, T, C, H, W) float32 arrays."""
        ...


def n_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
