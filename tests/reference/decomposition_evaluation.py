"""Models that take videos apart, scored the plain way: one video, frame, object and pixel after another."""

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from tests.reference import image_metrics

Video = np.ndarray
"""(T, C, H, W)."""


@dataclass
class Found:
    """What a model makes of one video: (T, C, H, W) videos, (T, K, …) of its objects."""

    reconstruction: Video
    imputation: Video
    forecast: Video
    component: np.ndarray
    pose: np.ndarray
    visibility: np.ndarray
    visible: np.ndarray


def bce(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Of one frame, summed over its values."""
    total = 0.0
    for y, x in zip(prediction.astype(float).flat, truth.astype(float).flat, strict=True):
        y = min(max(y, 1e-4), 1 - 1e-4)
        total -= x * math.log(y) + (1 - x) * math.log(1 - y)
    return total


def squared_error(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Of one frame, summed over its values."""
    return sum((float(y) - float(x)) ** 2 for y, x in zip(prediction.flat, truth.flat, strict=True))


def padded_ssim(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Of one frame (C, H, W), with five zeros on each side, mean over channels."""
    pairs = zip(np.clip(prediction, 0, 1), truth, strict=True)
    return float(np.mean([image_metrics.ssim(np.pad(y, 5), np.pad(x, 5)) for y, x in pairs]))


def scores(prediction: Video, truth: Video, frames: list[int]) -> dict[str, float]:
    """By metric: over these frames of one video."""
    errors = [squared_error(prediction[t], truth[t]) for t in frames]
    return {
        "bce_frame_sum": float(np.mean([bce(prediction[t], truth[t]) for t in frames])),
        "mse_frame_sum": float(np.mean(errors)),
        "psnr_video": 10 * math.log10(truth[0].size / np.mean(errors)),
        "ssim_video": float(np.mean([padded_ssim(prediction[t], truth[t]) for t in frames])),
    }


def box(pose: np.ndarray, height: int, width: int) -> tuple[float, float, float, float]:
    """Row and column of the centre, height and width, of (scale, x, y)."""
    scale, x, y = (float(value) for value in pose)
    return (
        (1 - y / scale) * (height - 1) / 2,
        (1 - x / scale) * (width - 1) / 2,
        (height - 1) / scale,
        (width - 1) / scale,
    )


def order_of(found: Found, centre: np.ndarray, missing: np.ndarray, n_cond: int) -> list[int]:
    """Numbers of the components: those of the true objects in their order, then what is left."""
    n_components, n_objects = found.component.shape[1], centre.shape[1]
    height, width = found.component.shape[-2:]
    best, best_cost = None, math.inf
    for choice in permutations(range(n_components), n_objects):
        cost = 0.0
        for true_object, component in enumerate(choice):
            for t in range(n_cond):
                if not missing[t, true_object]:
                    row, column, _, _ = box(found.pose[t, component], height, width)
                    cost += math.hypot(row - centre[t, true_object, 0], column - centre[t, true_object, 1])
        if cost < best_cost:
            best, best_cost = choice, cost
    return [*best, *(k for k in range(n_components) if k not in best)]


def gain(components: list[np.ndarray], truths: list[np.ndarray]) -> float:
    """Of many videos, (T, K, C, H, W) in the truth's order, and (T, J, C, H, W)."""
    of_image = of_component = 0.0
    for component, truth in zip(components, truths, strict=True):
        for t in range(len(truth)):
            image = np.minimum(component[t].astype(float).sum(axis=0), 1) / len(truth[t])
            for j in range(len(truth[t])):
                of_image += ((image - truth[t, j]) ** 2).sum()
                of_component += ((component[t, j].astype(float) - truth[t, j]) ** 2).sum()
    return of_image / of_component
