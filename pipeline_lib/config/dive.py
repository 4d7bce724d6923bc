"""Settings of DIVE, the disentangled imputed video autoencoder (DIVE paper; NeurIPS 2020)."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline_lib.config.model import ModelSettings
from pipeline_lib.config.task import TaskSettings

SMALLEST_SIDE = 16
"""Side of the smallest frames: an object has half of it, which the convolutions of its encoder halve down to 4."""


class DiveSettings(ModelSettings):
    """Per object a missingness label and a pose for each frame, a static appearance and one that varies in time.

    The defaults are those of the Moving MNIST experiments. Without imputation, without varying appearance and without
    missingness labels, DDPAE is left.
    """

    name: Literal["dive"] = "dive"
    n_components: int = Field(2, ge=1, le=16, description="Objects that a video is made of.")
    image_latent: int = Field(256, ge=1, description="Features of a whole frame.")
    code_size_appearance: int = Field(
        128, ge=1, description="Size of an object's appearance in a frame; of its features in the frame as well."
    )
    code_size_varying: int = Field(48, ge=1, description="Size of the part of the appearance that varies in time.")
    hidden_size: int = Field(64, ge=1, description="Hidden width of every LSTM.")
    ngf: int = Field(8, ge=1, description="Channels of the largest feature maps of encoders and decoder.")
    labels: Literal["hard", "soft"] = Field(
        "hard", description="Missingness label of the Gaussian draw m: hard: visible where m ≥ 0.5; soft: sigmoid(m)."
    )
    use_imputation: bool = Field(
        True,
        description="false: the published ablation, in which every object is taken for visible, but the training still "
        "draws its label, and weighs the object with it in the input frames.",
    )
    infer_missingness: bool = Field(
        True, description="false: no labels at all, every object is visible (needs use_imputation: false)."
    )
    use_varying_appearance: bool = Field(False, description="Whether the appearance of an object varies in time.")
    carry_appearance_state: bool = Field(
        False,
        description="Carry the state of the LSTM of future appearances from step to step; the published code starts "
        "each step from zero.",
    )
    gamma_imputation: float = Field(
        0.25, ge=0, le=1, description="Share of an object's frames that training imputes although it is visible."
    )
    gamma_appearance: float = Field(
        0.3, ge=0, le=1, description="Share of training steps without varying appearance; halved at gamma_switch_step."
    )
    gamma_switch_step: int = Field(
        3000,
        ge=1,
        description="Iteration, counted from 1, from which on gamma_appearance is half and visible_rows count "
        "[iterations].",
    )
    visible_rows: tuple[int, int] | None = Field(
        None,
        description="First visible row, and the one after the last, where the rest of every frame is hidden: predicted "
        "frames are black there, in training from gamma_switch_step on [pixels].",
    )
    scale_prior: float = Field(3.0, gt=1.5, description="Prior mean of the scale: side of the frame / of an object.")
    scale_prior_sigma: float = Field(0.2, gt=0, description="Standard deviation of the scale's prior.")
    position_prior_sigma: float = Field(1.0, gt=0, description="Standard deviation of the initial position's prior.")
    pose_change_sigma: float = Field(0.1, gt=0, description="Standard deviation of the prior of pose changes.")
    scale_below: float = Field(1.0, ge=0, description="How far the scale may be below its prior mean.")
    scale_above: float = Field(1.0, ge=0, description="How far the scale may be above its prior mean.")
    margin: float = Field(
        0.0, ge=0, lt=1, description="What positions keep from the border of their range [share of half the range]."
    )
    likelihood_sigma: float = Field(0.3, gt=0, description="Standard deviation of pixels around what is decoded.")
    kl: Literal["closed_form", "sampled"] = Field(
        "closed_form",
        description="Divergences from the priors: exact, or estimated by the one sample, as the published code does.",
    )

    @model_validator(mode="after")
    def _imputation_has_labels(self) -> "DiveSettings":
        if self.use_imputation and not self.infer_missingness:
            raise ValueError(
                "what is missing must be known to be imputed: infer_missingness false needs use_imputation false"
            )
        return self

    @model_validator(mode="after")
    def _scales_stay_positive(self) -> "DiveSettings":
        if self.scale_prior - self.scale_below <= 0.5:
            raise ValueError(
                f"scales must stay above 0.5, and scale_prior - scale_below is {self.scale_prior - self.scale_below}"
            )
        return self

    @model_validator(mode="after")
    def _rows_are_in_order(self) -> "DiveSettings":
        if self.visible_rows is not None and not 0 <= self.visible_rows[0] < self.visible_rows[1]:
            raise ValueError(
                f"visible_rows must be the first row and the one after the last, got {list(self.visible_rows)}"
            )
        return self

    @property
    def can_decompose(self) -> bool:
        return True

    def check_task(self, task: TaskSettings) -> None:
        if task.n_cond < 2:
            raise ValueError(f"model dive infers motion: task.n_cond must be at least 2, got {task.n_cond}")

    def check_frames(self, frame_shape: tuple[int, int, int]) -> None:
        _, height, width = frame_shape
        if height != width or height < SMALLEST_SIDE or height.bit_count() != 1:
            raise ValueError(
                f"model dive is for square frames whose side is a power of two from {SMALLEST_SIDE} pixels on, those "
                f"of this dataset have {height}x{width}; choose another model"
            )
        if self.visible_rows is not None and self.visible_rows[1] > height:
            raise ValueError(f"model.visible_rows: {list(self.visible_rows)} is beyond frames of {height} rows")
