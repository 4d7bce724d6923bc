"""Decompositions in a predictions.h5, written by h5py alone, so that every place in a figure can be told."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

N_WINDOWS, N_COND, N_PRED = 4, 10, 5

MISSING = {0: (2, 3), 1: (3, 6), 2: (7,)}
"""Input frames, from 0, in which each object is truly missing, in every video."""

JUDGED = {0: (2, 3), 1: (3, 5), 2: ()}
"""Those in which it is judged to be."""


def box_of(window: int, time: int, number: int, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Row and column of an object's centre, its height and width: they move to the right, and end beyond the frame."""
    height, width = size
    row = height * (0.3 + 0.1 * number)
    return row, width * (0.2 + 0.055 * time + 0.01 * window), height * 0.3, width * (0.2 + 0.05 * number)


def visibility_of(time: int, number: int) -> float:
    """The score of an object; it says nothing of whether it is judged missing."""
    return 0.15 + 0.08 * time - 0.05 * number


def flags(frames: dict[int, Sequence[int]], n_objects: int) -> np.ndarray:
    """(N_WINDOWS, N_COND, n_objects): true in these frames of each object."""
    found = np.zeros((N_WINDOWS, N_COND, n_objects), bool)
    for number in range(n_objects):
        found[:, list(frames[number]), number] = True
    return found


def write_decompositions(
    path: Path,
    frame_shape: tuple[int, int, int],
    n_objects: int = 2,
    missing: np.ndarray | None = None,
    first_window: int = 0,
) -> None:
    """Add the group to a predictions.h5, in place of one that is there. Objects alone are black, but for their boxes.

    missing: (N_WINDOWS, N_COND, K') true labels; None leaves them out.
    """
    size = frame_shape[1:]
    moments = [(n, t) for n in range(N_WINDOWS) for t in range(N_COND + N_PRED)]
    boxes = [[box_of(n, t, k, size) for k in range(n_objects)] for n, t in moments]
    scores = [[visibility_of(t, k) for k in range(n_objects)] for t in range(N_COND)]
    generator = np.random.default_rng(0)

    def frames(n_frames: int, *more: int) -> np.ndarray:
        return generator.uniform(size=(N_WINDOWS, n_frames, *more, *frame_shape)).astype(np.float32)

    parts = {
        "observed": frames(N_COND),
        "complete": frames(N_COND + N_PRED),
        "reconstruction": frames(N_COND),
        "imputation": frames(N_COND),
        "forecast": frames(N_PRED),
        "component": 0 * frames(N_COND + N_PRED, n_objects),
        "box": np.array(boxes, np.float32).reshape(N_WINDOWS, N_COND + N_PRED, n_objects, 4),
        "visibility": np.broadcast_to(np.array(scores, np.float32), (N_WINDOWS, N_COND, n_objects)),
        "visible": ~flags(JUDGED, n_objects),
        "window": np.arange(first_window, first_window + N_WINDOWS),
    }
    parts["complete"][0, 0, 0, 0, :2] = 0.0, 1.0  # the scale of colours
    with h5py.File(path, "r+") as file:
        if "decomposition" in file:
            del file["decomposition"]
        for name, values in parts.items():
            file[f"decomposition/{name}"] = values
        if missing is not None:
            file["decomposition/missing"] = missing
