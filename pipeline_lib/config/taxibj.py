"""Settings of TaxiBJ, and of its sample."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings


class TaxiBjPreparation(Section):
    """TaxiBJ: what its windows are, on which the split into training and test part rests."""

    window_frames: int = Field(
        8, ge=2, le=1000, description="Frames of a window, n_cond + n_pred of every task on the prepared data [frames]."
    )
    n_test_windows: int = Field(
        1344,
        ge=1,
        description="Last windows, which are the test part; as many last frames do not set the scale [windows].",
    )


TaxiBjWindows = Annotated[
    Literal["all", "published"],
    Field(
        description="Training windows: in order of time, none with a frame of the test part; or as the published "
        "loader makes them, reversed in time, up to the last one before the first test window."
    ),
]


class TaxiBjSettings(DatasetSettings):
    """TaxiBJ: inflow and outflow of taxis in 32x32 regions of Beijing, every half hour."""

    raw_source: ClassVar[str | None] = "taxibj"
    context: ClassVar[str | None] = "week_before"
    N_RAW_FRAMES: ClassVar[int] = 22_484
    """Half hours in the four raw files; how many of them are of complete days, they must tell."""
    colour_map: ClassVar[str] = "magma"
    colour_gamma: ClassVar[float] = 0.5
    channel_names: ClassVar[tuple[str, ...]] = ("inflow", "outflow")
    value_name: ClassVar[str] = "flow"
    unit: ClassVar[str] = "taxis per half hour"
    name: Literal["taxibj"] = "taxibj"
    windows: TaxiBjWindows = "all"
    preparation: TaxiBjPreparation = TaxiBjPreparation()

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 2, 32, 32

    @property
    def prepared_bytes(self) -> int:
        n_frames = self.N_RAW_FRAMES + min(self.N_RAW_FRAMES, self.preparation.n_test_windows)  # with a week before
        return 4 * n_frames * math.prod(self.frame_shape)

    def check_task(self, task: TaskSettings) -> None:
        length = self.preparation.window_frames
        for name, n_pred in (("n_pred", task.n_pred), ("n_pred_test", task.n_pred_test)):
            if task.n_cond + n_pred != length:
                raise ValueError(
                    f"dataset.preparation.window_frames is {length}, and task.n_cond + task.{name} is "
                    f"{task.n_cond + n_pred}: {self.name} is prepared for windows of one length, so make them equal"
                )


class TaxiBjSampleSettings(TaxiBjSettings):
    """A synthetic city in the files of TaxiBJ."""

    raw_source: ClassVar[str | None] = "taxibj_sample"
    N_RAW_FRAMES: ClassVar[int] = 4_664
    name: Literal["taxibj_sample"] = "taxibj_sample"  # type: ignore[assignment]
