"""What training and evaluation know of a model."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Decomposition:
    """What a model infers of B videos of K moving objects, T = n_cond + n_pred frames; float32 unless said.

    reconstruction (B, n_cond, C, H, W): in [0, 1], objects that are judged missing are not drawn.
    imputation (B, n_cond, C, H, W): in [0, 1], every object drawn; where it is judged missing, as it appears in the
    nearest frame in which it is visible.
    forecast (B, n_pred, C, H, W): the frames after the conditioning ones, in [0, 1].
    components (B, T, K, C, H, W): each object alone, drawn whether it is judged missing or not.
    pose (B, T, K, 3): scale s, x and y, x along the width. Pixel p of a frame shows the object at s·p + (x, y), both in
    coordinates from -1 to 1 between the centres of the outermost pixels.
    visibility (B, n_cond, K): score in [0, 1], larger where the object is more surely visible. visible, bool: decided.
    """

    reconstruction_BTCHW: Tensor
    imputation_BTCHW: Tensor
    forecast_BTCHW: Tensor
    components_BTKCHW: Tensor
    pose_BTK3: Tensor
    visibility_BTK: Tensor
    visible_BTK: Tensor


@runtime_checkable
class Decomposer(Forecaster, Protocol):
    """A model that takes a video apart into moving objects, and says where each is missing."""

    def decompose(self, cond_BTCHW: Tensor, n_pred: int) -> Decomposition:
        """(B, n_cond, C, H, W), the frames as they are seen → objects, and the frames that are made of them."""
        ...

    def negative_elbo(self, video_BTCHW: Tensor) -> Tensor:
        """(B, T, C, H, W), observed frames and those that follow → (B,), negative ELBO per value (over T·C·H·W)."""
        ...


@runtime_checkable
class Imputer(Protocol):
    """A baseline that fills in frames in which something is missing; it is told which they are."""

    def impute(self, cond_BTCHW: Tensor, missing_BT: Tensor) -> Tensor:
        """(B, n_cond, C, H, W), and bool where something is missing → (B, n_cond, C, H, W) with nothing missing."""
        ...


@runtime_checkable
class Trainable(Forecaster, Protocol):
    """A model trained by gradient descent on windows of n_cond + n_pred frames."""

    sums_batch: bool
    """Whether the objective is the sum over the batch's windows and their values, not the mean that terms are given
    as: it scales gradients, and what is logged stays the mean."""

    def at_iteration(self, iteration: int) -> dict[str, float]:
        """Told before each step, counted from 1. Returns what follows a schedule, to be logged by name.

        What it changes must be tensors on the device, for a step may be recorded there and replayed.
        """
        ...

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
class SharedStatistics(Protocol):
    """A normalisation whose statistics can be those of windows that several processes have."""

    add_up: Callable[[Tensor], Tensor] | None
    """The sum of a tensor over these processes, with its gradient; None: statistics of this process's windows."""


@runtime_checkable
class DecodesInCalls(Protocol):
    """A model whose number of calls of a network depends on the number of windows."""

    most_windows: int | None
    """The windows that calls are reckoned with, where several processes must make the same ones; None: those given."""


@runtime_checkable
class Fittable(Forecaster, Protocol):
    """A baseline that looks at the training frames once, without gradients."""

    def fit(self, videos: Iterable[np.ndarray]) -> None:
        """Take what is needed from an iterable of (n, T, C, H, W) float32 arrays."""
        ...


def n_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
