"""What a model that takes videos apart makes of a fixed sample of windows while it trains; it selects nothing."""

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pipeline_lib.metrics.component_gain import component_gain, squared_errors
from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.metrics.labels import auroc, balanced_accuracy
from pipeline_lib.metrics.matching import boxes, matched
from pipeline_lib.models.protocols import Decomposition
from pipeline_lib.training.decomposition_pictures import decomposition_montage
from pipeline_lib.training.pictures import N_WINDOWS


class DecompositionValidation:
    """Mean `mse_per_pixel` of forecast and imputed frames, and where the data know more than the model sees, how well
    missing objects and components are told, on fixed windows.

    `name` says in the journal where the windows come from (`ForecastValidation`). truth: what the dataset's context
    knows of the windows, tensors (n, T, …) by name; empty where it knows nothing.
    """

    key = "decomposition"

    def __init__(self, name: str, windows_BTCHW: Tensor, n_cond: int, truth: Mapping[str, Tensor]) -> None:
        self.name = name
        self._cond, self._future = windows_BTCHW[:, :n_cond], windows_BTCHW[:, n_cond:]
        self._truth = truth

    def attempt(self, model: nn.Module, n_windows: int | None) -> Decomposition:
        """Take the first `n_windows` windows apart, or all."""
        found: Decomposition = model.decompose(self._cond[:n_windows], self._future.shape[1])  # type: ignore[operator]
        return found

    def values(self, found: Decomposition) -> dict[str, float]:
        """Values of all windows, by journal key; those that the truth does not define are left out."""
        values: dict[str, float | None] = {
            "mse_per_pixel": mse_per_pixel(found.forecast_BTCHW, self._future).mean().item()
        }
        n_cond = self._cond.shape[1]
        if "complete" in self._truth:
            complete = self._truth["complete"][:, :n_cond]
            values["imputation_mse_per_pixel"] = mse_per_pixel(found.imputation_BTCHW, complete).mean().item()
        if "centre" in self._truth:
            values |= self._of_objects(found, n_cond)
        return {f"{self.name}_{key}": value for key, value in values.items() if value is not None}

    def _of_objects(self, found: Decomposition, n_cond: int) -> dict[str, float | None]:
        missing = self._truth["missing"][:, :n_cond]
        centre = boxes(found.pose_BTK3, self._cond.shape[2:])[:, :n_cond, :, :2]
        order = matched(centre, self._truth["centre"][:, :n_cond], missing)
        order_B1J = order[:, None, : missing.shape[2]]
        visibility, visible = (
            torch.take_along_dim(part, order_B1J, dim=2) for part in (found.visibility_BTK, found.visible_BTK)
        )
        labels = [part.cpu().numpy().ravel() for part in (missing, ~visible, -visibility.float())]
        errors = squared_errors(
            torch.take_along_dim(found.components_BTKCHW, order[:, None, :, None, None, None], dim=2)[:, :n_cond],
            self._truth["component"][:, :n_cond],
        )
        return {
            "balanced_accuracy": balanced_accuracy(*labels),
            "auroc": auroc(*labels),
            "component_gain": component_gain(*(error.sum().item() for error in errors)),
        }

    def picture(self, found: Decomposition) -> Image.Image:
        """Observed, truth, prediction, and every object with its box."""
        windows = torch.cat([self._cond, self._future], dim=1)
        missing = self._truth.get("missing")
        return decomposition_montage(
            observed_NTCHW=_array(self._cond),
            video_NTCHW=_array(self._truth.get("complete", windows)),
            reconstruction_NTCHW=_array(found.reconstruction_BTCHW.float()),
            forecast_NTCHW=_array(found.forecast_BTCHW.float()),
            components_NTKCHW=_array(found.components_BTKCHW.float()),
            box_NTK4=_array(boxes(found.pose_BTK3.float(), self._cond.shape[2:])),
            visibility_NTK=_array(found.visibility_BTK.float()),
            missing_NTK=None if missing is None else _array(missing[:, : self._cond.shape[1]]),
        )


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values[:N_WINDOWS].cpu().numpy()
    return array
