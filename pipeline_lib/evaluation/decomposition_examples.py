"""The windows taken apart that figures show, picked out of the stream."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.evaluation.scoring import chosen_examples
from pipeline_lib.metrics.matching import boxes
from pipeline_lib.models.protocols import Decomposition
from pipeline_lib.records.predictions import DecompositionExamples


class ExampleDecompositions:
    """A few windows of a set; which ones is known when the first batch tells how large what is kept of a window is."""

    def __init__(self, ids: NDArray[np.int64], n_examples: int, n_cond: int, frame_shape: tuple[int, int, int]) -> None:
        """ids: numbers of the set's windows, increasing."""
        self._ids, self._n_examples, self._n_cond, self._frame_shape = ids, n_examples, n_cond, frame_shape
        self._chosen: NDArray[np.int64] | None = None
        self._taken: list[dict[str, NDArray]] = []

    def take(self, first: int, cond_BTCHW: Tensor, found: Decomposition, context: Mapping[str, Tensor]) -> None:
        """Keep those of the windows from number `first` on that are wanted."""
        kept = {
            "observed": cond_BTCHW,
            "complete": context["complete"],
            "reconstruction": found.reconstruction_BTCHW,
            "imputation": found.imputation_BTCHW,
            "forecast": found.forecast_BTCHW,
            "component": found.components_BTKCHW,
            "box": boxes(found.pose_BTK3, self._frame_shape),
            "visibility": found.visibility_BTK,
            "visible": found.visible_BTK,
            "missing": context["missing"][:, : self._n_cond],
        }
        if self._chosen is None:
            n_values = sum(values[0].numel() for values in kept.values())
            n_frames = math.ceil(n_values / math.prod(self._frame_shape))
            self._chosen = self._ids[chosen_examples(len(self._ids), self._n_examples, n_frames, self._frame_shape)]
        start, stop = np.searchsorted(self._chosen, [first, first + len(cond_BTCHW)])
        for window in self._chosen[start:stop]:
            arrays = {name: values[window - first].cpu().numpy().copy() for name, values in kept.items()}
            self._taken.append({**arrays, "window": window})

    def taken(self) -> DecompositionExamples | None:
        """What was kept, once every window was offered; None where nothing was."""
        if not self._taken:
            return None
        return DecompositionExamples(
            **{name: np.stack([each[name] for each in self._taken]) for name in self._taken[0]}
        )
