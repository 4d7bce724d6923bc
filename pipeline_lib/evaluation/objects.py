"""Decompositions before they are scored: whether they are whole, and in which order their objects stand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline_lib.evaluation.scoring import check_prediction
from pipeline_lib.models.protocols import Decomposition


def check_decomposition(found: Decomposition, cond_shape: Sequence[int], n_pred: int, first: int) -> None:
    """Raise ValueError where a part of what was found in windows from number `first` on is misshapen or not finite."""
    n_windows, n_cond, *frame_shape = cond_shape
    n_components, n_frames = found.components_BTKCHW.shape[2], n_cond + n_pred
    expected = {
        "reconstruction_BTCHW": (n_cond, *frame_shape),
        "imputation_BTCHW": (n_cond, *frame_shape),
        "forecast_BTCHW": (n_pred, *frame_shape),
        "components_BTKCHW": (n_frames, n_components, *frame_shape),
        "pose_BTK3": (n_frames, n_components, 3),
        "visibility_BTK": (n_cond, n_components),
        "visible_BTK": (n_cond, n_components),
    }
    for name, shape in expected.items():
        check_prediction(getattr(found, name), (n_windows, *shape), name.rpartition("_")[0], first)


def in_order(found: Decomposition, order_BK: Tensor) -> Decomposition:
    """The same with components in this order."""

    def ordered(values: Tensor) -> Tensor:
        return torch.take_along_dim(values, order_BK.view(len(order_BK), 1, -1, *[1] * (values.dim() - 3)), dim=2)

    return Decomposition(
        reconstruction_BTCHW=found.reconstruction_BTCHW,
        imputation_BTCHW=found.imputation_BTCHW,
        forecast_BTCHW=found.forecast_BTCHW,
        components_BTKCHW=ordered(found.components_BTKCHW),
        pose_BTK3=ordered(found.pose_BTK3),
        visibility_BTK=ordered(found.visibility_BTK),
        visible_BTK=ordered(found.visible_BTK),
    )
