"""The missingness protocol: whether a model tells where objects are missing, and which part of the image each is.

Labels are of all windows, input frames and objects, each component's beside those of the object that it was matched to
(metrics/matching.py). Where a dataset blanks whole frames and knows no objects, a frame is judged missing where every
component is.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.evaluation.running_scores import SetScore
from pipeline_lib.metrics.component_gain import component_gain, squared_errors
from pipeline_lib.models.protocols import Decomposition

LabelMetric = Callable[[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]], float | None]


class RunningLabels:
    """Labels of what is missing while windows stream by: three numbers per input frame and object."""

    def __init__(self, n_windows: int) -> None:
        self._n_windows = n_windows
        self._missing: NDArray[np.bool_] | None = None
        self._judged: NDArray[np.bool_]
        self._score: NDArray[np.float32]
        self._errors: NDArray[np.float64] | None = None

    def add(self, first: int, found: Decomposition, n_cond: int, context: Mapping[str, Tensor]) -> None:
        """Take windows from number `first` on, with components in the truth's order where it knows objects."""
        missing_BTJ = context["missing"][:, :n_cond]
        n_objects = missing_BTJ.shape[2]
        if "centre" in context:
            visibility, visible = found.visibility_BTK[:, :, :n_objects], found.visible_BTK[:, :, :n_objects]
        else:
            assert n_objects == 1, "labels of objects without their centres"
            visibility = found.visibility_BTK.amax(dim=2, keepdim=True)
            visible = found.visible_BTK.any(dim=2, keepdim=True)
        if self._missing is None:
            shape = (self._n_windows, *missing_BTJ.shape[1:])
            self._missing, self._judged, self._score = (np.empty(shape, kind) for kind in (bool, bool, np.float32))
        place = slice(first, first + len(missing_BTJ))
        self._missing[place] = missing_BTJ.cpu().numpy()
        self._judged[place], self._score[place] = (~visible).cpu().numpy(), -visibility.float().cpu().numpy()
        if "component" in context:
            if self._errors is None:
                self._errors = np.empty((2, self._n_windows))
            errors = squared_errors(found.components_BTKCHW[:, :n_cond], context["component"][:, :n_cond])
            self._errors[:, place] = [error_B.cpu().numpy() for error_B in errors]

    def scores(self, ids: NDArray[np.int64], metrics: Mapping[str, LabelMetric]) -> dict[str, SetScore]:
        """Of the windows of these numbers, by metric; `component_gain` too where the objects are known apart."""
        assert self._missing is not None
        missing, judged, score = self._missing[ids].ravel(), self._judged[ids].ravel(), self._score[ids].ravel()
        found = {name: SetScore(metric(missing, judged, score), len(ids)) for name, metric in metrics.items()}
        if self._errors is not None:
            found["component_gain"] = SetScore(component_gain(*self._errors[:, ids].sum(axis=1).tolist()), len(ids))
        return found
