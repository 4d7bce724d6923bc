"""Settings of the evaluation."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline_lib.config.section import Section

Protocol = Literal["forecast", "swap", "reconstruction", "imputation", "missingness"]

OF_INPUT: tuple[Protocol, ...] = ("reconstruction", "imputation", "missingness")
"""Protocols that score what a model makes of the frames that it sees, not of those that follow."""


class EvaluationSettings(Section):
    """What is scored on the test part: forecasts of `n_pred_test` frames on every test window, content swaps, and what
    models that take videos apart make of the frames that they see."""

    protocols: tuple[Protocol, ...] = Field(
        ("forecast",),
        min_length=1,
        description="Evaluation protocols; swap where the dataset has a swap test; reconstruction, imputation and "
        "missingness where it knows the complete videos, of models that take videos apart.",
    )
    horizons: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="Means over this many first predicted frames, besides all of n_pred_test; increasing [frames]."
    )
    metrics: tuple[str, ...] = Field(
        ("mse_per_pixel",),
        min_length=1,
        description="Metrics, by registered name; those of labels come with the protocol missingness by themselves.",
    )
    window_sets: tuple[Literal["all", "published"], ...] = Field(
        ("all", "published"),
        min_length=1,
        description="Sets of test windows that are scored apart; the first is the main one.",
    )
    n_windows: int | None = Field(
        None,
        ge=1,
        description="Score only this many windows of each set (and swaps), the first in the order of the test file, "
        "so that a smaller number is part of a larger one; null: all [windows].",
    )
    batch_size: int = Field(
        256, ge=1, description="Windows per forward pass at most; fewer where frames are large or many [windows]."
    )
    n_examples: int = Field(6, ge=1, le=1000, description="Predictions kept for figures [windows].")
    n_threads: int = Field(2, ge=1, le=512, description="CPU threads [threads].")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$", description="auto: CUDA if there is one, else the CPU."
    )

    @field_validator("horizons")
    @classmethod
    def _increasing(cls, horizons: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(horizons)):
            raise ValueError("the numbers of frames must increase")
        return horizons

    @field_validator("protocols")
    @classmethod
    def _forecast_is_one(cls, protocols: tuple[str, ...]) -> tuple[str, ...]:
        if "forecast" not in protocols:
            raise ValueError("forecast must be among them: figures and bars rest on it")
        return protocols

    @property
    def of_input(self) -> tuple[Protocol, ...]:
        """Those of the protocols that score what a model makes of the frames that it sees."""
        return tuple(protocol for protocol in self.protocols if protocol in OF_INPUT)

    @field_validator("protocols", "metrics", "window_sets")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"given more than once: {', '.join(twice)}")
        return names
