"""Settings of the evaluation."""

from typing import Literal

from pydantic import Field

from pipeline_lib.config.section import Section


class EvaluationSettings(Section):
    """Forecast protocol: metrics over `n_pred_test` frames on every test window."""

    protocol: Literal["forecast"] = Field("forecast", description="Evaluation protocol.")
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
