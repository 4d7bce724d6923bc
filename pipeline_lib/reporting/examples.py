"""The examples in predictions.h5: a few of them, and what figures call them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from pipeline_lib.records.predictions import (
    DecompositionExamples,
    Examples,
    SwapExamples,
    SwapGrid,
    read_predictions,
)
from pipeline_lib.reporting.frames import evenly

AnyExamples = TypeVar("AnyExamples", Examples, SwapExamples, DecompositionExamples)


def few(examples: AnyExamples, n_most: int) -> AnyExamples:
    """At most `n_most` of them, spread evenly."""
    n = len(getattr(examples, fields(examples)[0].name))
    return chosen(examples, evenly(n, n_most))


def chosen(examples: AnyExamples, shown: Sequence[int]) -> AnyExamples:
    """Those of them, in this order."""
    parts = {field.name: getattr(examples, field.name) for field in fields(examples)}
    return replace(examples, **{name: part[list(shown)] for name, part in parts.items() if part is not None})


def example_name(examples: Examples, k: int) -> str:
    """Which window of the test part the k-th of them is."""
    if examples.name is not None:
        return bytes(examples.name[k]).decode()
    return f"test video {examples.video[k]}, from frame {examples.start[k]}"


def subject(facts: Mapping[str, Any]) -> str:
    """Dataset and seed of a run."""
    seed = "" if facts.get("seed") is None else f", seed {facts['seed']}"
    return f"{facts['dataset']}{seed}"


def read_swap_grid(path: Path) -> tuple[SwapGrid, Mapping[str, Any]]:
    """The grid of content swaps in a predictions.h5, and the facts about it.

    Raises ValueError, naming the file, where it has none.
    """
    predictions = read_predictions(path)
    if predictions.swap_grid is None:
        raise ValueError(
            f"{path}: holds no grid of content swaps; add swap to evaluation.protocols of the experiment, where it is "
            "not there, and evaluate again"
        )
    return predictions.swap_grid, predictions.facts


def read_swaps(path: Path) -> tuple[SwapExamples, Mapping[str, Any]]:
    """Content swaps in a predictions.h5, and the facts about them. Raises ValueError, naming it, where it has none."""
    predictions = read_predictions(path)
    if predictions.swap is None:
        raise ValueError(
            f"{path}: holds no content swaps; add swap to evaluation.protocols of the experiment and evaluate again"
        )
    return predictions.swap, predictions.facts
