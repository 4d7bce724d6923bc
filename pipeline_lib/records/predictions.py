"""predictions.h5: what an evaluation found for each window, and a chosen few forecasts for figures.

per_window/<window set>/<metric>   (n_windows,) float64, mean over the predicted frames, in the order of the windows
examples/cond                      (n, n_cond, C, H, W) float32
examples/truth, prediction         (n, n_pred, C, H, W) float32
examples/window, video, start      (n,) int64: number among the windows, video in the test file, first frame in it
attributes                         `format`, and the facts of the evaluation (experiment, digest, …)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.runtime.atomic import atomic_path

FORMAT = "pipeline_lib predictions 1"

_EXAMPLE_PARTS = ("cond", "truth", "prediction", "window", "video", "start")


@dataclass(frozen=True)
class Examples:
    """Forecasts of a few windows: (n, T, C, H, W) float32 values in the dataset's units, (n,) int64 numbers."""

    cond: NDArray[np.float32]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]
    window: NDArray[np.int64]
    video: NDArray[np.int64]
    start: NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """Content of a predictions.h5. `facts` are text, numbers and arrays; a fact that is None is not stored."""

    per_window: Mapping[str, Mapping[str, NDArray[np.float64]]]
    examples: Examples
    facts: Mapping[str, Any]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions.h5, all of it or nothing; equal content gives equal bytes."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for window_set, metrics in predictions.per_window.items():
            for metric, values in metrics.items():
                file.create_dataset(f"per_window/{window_set}/{metric}", data=values, dtype="<f8")
        for part in _EXAMPLE_PARTS:
            file.create_dataset(f"examples/{part}", data=getattr(predictions.examples, part))
        file.attrs.update({name: fact for name, fact in predictions.facts.items() if fact is not None})
        file.attrs["format"] = FORMAT


def read_predictions(path: Path) -> Predictions:
    """Read predictions.h5, whole. Raises ValueError, naming the file, where it is missing, damaged or another's."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            if file.attrs.get("format") != FORMAT:
                raise ValueError(f"{path}: not a predictions file of this version of the pipeline; evaluate again")
            return Predictions(
                per_window={
                    window_set: {metric: values[()] for metric, values in metrics.items()}
                    for window_set, metrics in file["per_window"].items()
                },
                examples=Examples(**{part: file[f"examples/{part}"][()] for part in _EXAMPLE_PARTS}),
                facts={name: _plain(fact) for name, fact in file.attrs.items() if name != "format"},
            )
    except FileNotFoundError:
        raise ValueError(f"{path}: does not exist; evaluate the run first") from None
    except (OSError, KeyError) as error:
        raise ValueError(f"{path}: damaged or not a predictions file ({error}); evaluate again") from error


def _plain(fact: Any) -> Any:
    """NumPy scalars as Python ones."""
    return fact.item() if isinstance(fact, np.generic) else fact
