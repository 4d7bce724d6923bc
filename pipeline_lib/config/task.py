"""How many frames a model sees, predicts in training, and predicts in the test."""

from pydantic import Field

from pipeline_lib.config.section import Section


class TaskSettings(Section):
    """Forecasting task, in frames."""

    n_cond: int = Field(5, ge=1, description="Conditioning frames that the model sees [frames].")
    n_pred: int = Field(10, ge=1, description="Frames predicted in training [frames].")
    n_pred_test: int = Field(10, ge=1, description="Frames predicted in the test [frames].")
