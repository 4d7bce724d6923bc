"""What the evaluation protocols share: metrics, passes over test windows, checked predictions, examples."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.data.protocols import TestWindows
from pipeline_lib.runtime.precision import tf32_products

PRECISION = "float32"

VALUES_PER_PASS = 2**24
"""Pixel values of the videos in one forward pass, 64 MiB: with them, a decoder's largest features take about 1 GiB."""

EXAMPLE_VALUES = 2**24
"""Pixel values of all predictions that are kept for figures, 64 MiB."""


@dataclass(frozen=True)
class Metric:
    """function: predicted and true frames, (B, T, C, H, W) each, to scores (B, T). direction: which is better.

    uses_context: the function takes the windows' context, tensors (B, …) by name, as well.
    of_mean: what a score is made of the mean over frames by, element by element, where it is not that mean itself.
    """

    function: Callable[..., Tensor]
    direction: Literal["lower", "higher"]
    uses_context: bool = False
    of_mean: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.asarray

    def __call__(self, prediction_BTCHW: Tensor, truth_BTCHW: Tensor, context: Mapping[str, Tensor]) -> Tensor:
        extra = (context,) if self.uses_context else ()
        return self.function(prediction_BTCHW, truth_BTCHW, *extra)


@contextmanager
def exact_inference(model: torch.nn.Module) -> Iterator[None]:
    """Eval mode, no gradients; a GPU would otherwise round the inputs of convolutions to TF32."""
    model.eval()
    convolutions = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    with torch.inference_mode(), convolutions, tf32_products(False):
        yield


def streamed(
    windows: TestWindows, batch_size: int, device: torch.device
) -> Iterator[tuple[int, Tensor, dict[str, Tensor]]]:
    """All windows in order: number of the first, frames (B, T, C, H, W) and context of `batch_size` at a time.

    Whoever takes them lets go of a batch before asking for the next.
    """
    first = 0
    for video in windows.batches(batch_size):
        n_read, context = len(video), windows.context(first, first + len(video))
        video_BTCHW = torch.from_numpy(video).to(device)
        yield first, video_BTCHW, {name: torch.from_numpy(values).to(device) for name, values in context.items()}
        first += n_read
        del video, video_BTCHW, context
    assert first == windows.n_windows, (first, windows.n_windows)


def windows_per_pass(batch_size: int, n_frames: int, frame_shape: tuple[int, int, int]) -> int:
    """At most `batch_size` windows, fewer where so many videos of `n_frames` would exceed VALUES_PER_PASS."""
    return max(1, min(batch_size, VALUES_PER_PASS // (n_frames * math.prod(frame_shape))))


def chosen_examples(n_windows: int, n_examples: int, n_frames: int, frame_shape: tuple[int, int, int]) -> NDArray[Any]:
    """Numbers of the windows to keep for figures, fewer than `n_examples` where they would exceed EXAMPLE_VALUES."""
    return spread(n_windows, max(1, min(n_examples, EXAMPLE_VALUES // (n_frames * math.prod(frame_shape)))))


def spread(n_windows: int, n_examples: int) -> NDArray[np.int64]:
    """Numbers of at most `n_examples` windows, increasing, spread evenly over the `n_windows`.

    Multiples of the golden ratio: equal steps would fall on the same part of every video where the number of
    windows per video divides the step.
    """
    golden = (5**0.5 - 1) / 2
    fractions = (0.5 + golden * np.arange(n_examples)) % 1
    return np.unique((fractions * n_windows).astype(np.int64))


def check_prediction(prediction: Tensor, shape: Sequence[int], what: str, first: int) -> None:
    """Raise ValueError where a prediction, `what` of the windows from number `first` on, is misshapen or not finite."""
    if tuple(prediction.shape) != tuple(shape):
        raise ValueError(f"the model gives a {what} of shape {tuple(prediction.shape)}, the task has {tuple(shape)}")
    finite = torch.isfinite(prediction).reshape(len(prediction), -1).all(dim=1)
    if not finite.all():
        window = first + int((~finite).nonzero()[0])
        raise ValueError(
            f"the {what} of test window {window} is not finite: its weights are no good; look at the training's "
            "curves, and train again with a lower learning rate or in float32"
        )


def scored(
    metrics: Mapping[str, Metric],
    prediction: Tensor,
    truth: Tensor,
    what: str,
    first: int,
    context: Mapping[str, Tensor] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """(B, T) scores by metric, on the host; ValueError where one is not finite."""
    return {
        name: _checked(name, metric(prediction, truth, context or {}), what, first) for name, metric in metrics.items()
    }


def _checked(name: str, values: Tensor, what: str, first: int) -> NDArray[np.float64]:
    assert values.dim() == 2, (name, values.shape)
    values_BT: NDArray[np.float64] = values.double().cpu().numpy()
    finite = np.isfinite(values_BT).all(axis=1)
    if not finite.all():
        window = first + int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"{name} of test window {window} is not finite although its {what} is: does the test file hold NaN?"
        )
    return values_BT
