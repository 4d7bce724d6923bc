"""Settings of the evaluation."""

from typing import Literal

from pydantic import Field

from pipeline_lib.config.section import Section


class EvaluationSettings(Section):
    """What is scored on the test part: forecasts of `n_pred_test` frames on every test window, and content swaps."""

    protocols: tuple[Literal["forecast", "swap"], ...] = Field(
        ("forecast",), min_length=1, description="Evaluation protocols; swap where the dataset has a swap test."
    )
    horizons: tuple[int, ...] = Field(
        (), description="Lengths over which means are taken besides all of n_pred_test [frames]."
    )
    metrics: tuple[str, ...] = Field(("mse_per_pixel",), min_length=1, description="Metrics, by registered name.")
    window_sets: tuple[Literal["all", "published"], ...] = Field(
        ("all", "published"),
        min_length=1,
        description="Sets of test windows that are scored apart; the first is the main one.",
    )
    batch_size: int = Field(256, ge=1, description="Windows per forward pass [windows].")
    n_examples: int = Field(6, ge=1, le=1000, description="Predictions kept for figures [windows].")
    n_threads: int = Field(2, ge=1, le=512, description="CPU threads [threads].")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto: CUDA if there is one, else the CPU."
    )
