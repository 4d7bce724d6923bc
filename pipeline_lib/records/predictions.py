"""predictions.h5: what an evaluation found for each window, and a chosen few predictions for figures.

per_window/<protocol>/<window set>/<metric>   (n_windows,) float64, mean over all predicted frames, window by window
examples/cond                      (n, n_cond, C, H, W) float32: forecasts
examples/truth, prediction         (n, n_pred, C, H, W) float32, in the unit in which figures show the dataset
examples/window, video, start      (n,) int64: number among the windows, video in the test file, first frame in it
examples/name                      (n,) text: what figures call the windows, where a dataset has names for them
swap/content, motion               (n, n_cond, C, H, W) float32: content swaps, where that protocol was evaluated
swap/truth, prediction             (n, n_pred, C, H, W) float32; truth: the assignment that the first metric takes
swap/item                          (n,) int64: number of the item in the swap test
swap_grid/content                  (n, n_cond, C, H, W) float32: n contents with m motions, each with each
swap_grid/motion                   (m, n_cond + n_pred, C, H, W) float32
swap_grid/prediction               (n, m, n_pred, C, H, W) float32
decomposition/observed             (n, n_cond, C, H, W) float32: videos taken apart into K objects, T = n_cond + n_pred
decomposition/complete             (n, T, C, H, W) float32: the videos with nothing missing or hidden
decomposition/reconstruction, imputation   (n, n_cond, C, H, W) float32: what was seen, and with missing objects drawn
decomposition/forecast             (n, n_pred, C, H, W) float32
decomposition/component            (n, T, K, C, H, W) float32: each object alone, in the truth's order where it is known
decomposition/box                  (n, T, K, 4) float32: row and column of its centre, height, width [pixels]
decomposition/visibility, visible  (n, n_cond, K) float32 score, and bool
decomposition/missing              (n, n_cond, K') bool: where it is true that an object is missing; K' = 1: any of them
decomposition/window               (n,) int64: number among the windows
attributes                         `format`, and the facts of the evaluation (experiment, digest, …)
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.runtime.hdf5_writing import hdf5_file

FORMAT = "pipeline_lib predictions 2"

PerWindow = Mapping[str, Mapping[str, Mapping[str, NDArray[np.float64]]]]


@dataclass(frozen=True)
class Examples:
    """Forecasts of a few windows: (n, T, C, H, W) float32, as figures show the dataset, (n,) int64 numbers.

    name: (n,) text in UTF-8, what figures call the windows; None where video and start say it.
    """

    cond: NDArray[np.float32]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]
    window: NDArray[np.int64]
    video: NDArray[np.int64]
    start: NDArray[np.int64]
    name: NDArray[np.bytes_] | None = None


@dataclass(frozen=True)
class SwapExamples:
    """Content swaps of a few items: (n, T, C, H, W) float32 values in the dataset's units, (n,) int64 numbers.

    The prediction shows the content of `content` moving as `motion` goes on; `truth` is what it should look like.
    """

    content: NDArray[np.float32]
    motion: NDArray[np.float32]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]
    item: NDArray[np.int64]


@dataclass(frozen=True)
class SwapGrid:
    """Content swaps of n contents with m motions: float32 values in the dataset's units.

    content (n, n_cond, C, H, W); motion (m, n_cond + n_pred, C, H, W), with the frames that follow the conditioning
    ones; prediction (n, m, n_pred, C, H, W), which show each content moving as each motion goes on.
    """

    content: NDArray[np.float32]
    motion: NDArray[np.float32]
    prediction: NDArray[np.float32]


@dataclass(frozen=True)
class DecompositionExamples:
    """A few videos taken apart into K objects: (n, T, …, C, H, W) float32 in [0, 1], as the file's fields are.

    missing is None where no dataset tells.
    """

    observed: NDArray[np.float32]
    complete: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    imputation: NDArray[np.float32]
    forecast: NDArray[np.float32]
    component: NDArray[np.float32]
    box: NDArray[np.float32]
    visibility: NDArray[np.float32]
    visible: NDArray[np.bool_]
    window: NDArray[np.int64]
    missing: NDArray[np.bool_] | None = None


Parts = Examples | SwapExamples | SwapGrid | DecompositionExamples


@dataclass(frozen=True)
class Predictions:
    """Content of a predictions.h5. per_window: by protocol, window set and metric.

    `facts` are text, numbers and arrays; a fact that is None is not stored. swap, swap_grid, decomposition: None where
    it was not evaluated.
    """

    per_window: PerWindow
    examples: Examples
    facts: Mapping[str, Any]
    swap: SwapExamples | None = None
    swap_grid: SwapGrid | None = None
    decomposition: DecompositionExamples | None = None


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions.h5, all of it or nothing; equal content gives equal bytes."""
    with hdf5_file(path) as file:
        for protocol, window_sets in predictions.per_window.items():
            for window_set, metrics in window_sets.items():
                for metric, values in metrics.items():
                    file.create_dataset(f"per_window/{protocol}/{window_set}/{metric}", data=values, dtype="<f8")
        _write_parts(file, "examples", predictions.examples)
        if predictions.swap is not None:
            _write_parts(file, "swap", predictions.swap)
        if predictions.swap_grid is not None:
            _write_parts(file, "swap_grid", predictions.swap_grid)
        if predictions.decomposition is not None:
            _write_parts(file, "decomposition", predictions.decomposition)
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
                    protocol: {
                        window_set: {metric: values[()] for metric, values in metrics.items()}
                        for window_set, metrics in window_sets.items()
                    }
                    for protocol, window_sets in file["per_window"].items()
                },
                examples=Examples(**_read_parts(file, "examples", Examples)),
                facts={name: _plain(fact) for name, fact in file.attrs.items() if name != "format"},
                swap=SwapExamples(**_read_parts(file, "swap", SwapExamples)) if "swap" in file else None,
                swap_grid=SwapGrid(**_read_parts(file, "swap_grid", SwapGrid)) if "swap_grid" in file else None,
                decomposition=DecompositionExamples(**_read_parts(file, "decomposition", DecompositionExamples))
                if "decomposition" in file
                else None,
            )
    except FileNotFoundError:
        raise ValueError(f"{path}: does not exist; evaluate the run first") from None
    except (OSError, KeyError) as error:
        raise ValueError(f"{path}: damaged or not a predictions file ({error}); evaluate again") from error


def _write_parts(file: h5py.File, group: str, parts: Parts) -> None:
    for field in fields(parts):
        if (part := getattr(parts, field.name)) is not None:
            file.create_dataset(f"{group}/{field.name}", data=part)


def _read_parts(file: h5py.File, group: str, parts: type[Parts]) -> dict[str, Any]:
    wanted = [field.name for field in fields(parts) if field.default is not None or field.name in file[group]]
    return {name: file[f"{group}/{name}"][()] for name in wanted}


def _plain(fact: Any) -> Any:
    """NumPy scalars as Python ones."""
    return fact.item() if isinstance(fact, np.generic) else fact
