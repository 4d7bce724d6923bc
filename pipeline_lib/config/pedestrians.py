"""Settings of the MOTSChallenge pedestrians, and of their sample."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings


class PedestriansPreparation(Section):
    """MOTSChallenge pedestrians: what a video is, and how videos are disturbed and parted (DIVE paper, section 4.2)."""

    n_frames: int = Field(15, ge=2, le=1000, description="Frames of a video, which are successive files [frames].")
    n_input_frames: int = Field(
        10, ge=1, description="First frames of a video, one of which is blanked; task.n_cond of every task [frames]."
    )
    max_drift: float = Field(
        0.07,
        ge=0,
        le=1,
        description="Largest shift from a frame to the next, along each axis [half the side of a frame].",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        description="Seed of the split by sequences, of their padding, and of what disturbs the test videos.",
    )

    @model_validator(mode="after")
    def _something_is_forecast(self) -> "PedestriansPreparation":
        if self.n_input_frames >= self.n_frames:
            raise ValueError(
                f"n_input_frames ({self.n_input_frames}) must be smaller than n_frames ({self.n_frames}), for some "
                "frames to be left to forecast"
            )
        return self


class PedestriansSettings(DatasetSettings):
    """MOTSChallenge pedestrians: up to 3 of them on black, 256x256 grey pixels, drifting, with a frame missing."""

    raw_source: ClassVar[str | None] = "pedestrians"
    context: ClassVar[str | None] = "complete_video"
    N_VARIANTS: ClassVar[int] = 4
    """Training windows of a video: as it is, reversed in time, mirrored, both."""
    colour_map: ClassVar[str] = "gray"
    name: Literal["pedestrians"] = "pedestrians"
    preparation: PedestriansPreparation = PedestriansPreparation()

    @staticmethod
    def n_training_sequences(n_sequences: int) -> int:
        """80 % of the sequences are for training."""
        return int(0.8 * n_sequences)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, 256, 256

    def check_task(self, task: TaskSettings) -> None:
        made = self.preparation
        if task.n_cond != made.n_input_frames:
            raise ValueError(
                f"dataset.preparation.n_input_frames is {made.n_input_frames}, and task.n_cond is {task.n_cond}: a "
                "frame that the model is to forecast would be blanked, or never one of some that it sees; make them "
                "equal"
            )
        for name, n_pred in (("n_pred", task.n_pred), ("n_pred_test", task.n_pred_test)):
            if task.n_cond + n_pred > made.n_frames:
                raise ValueError(
                    f"dataset.preparation.n_frames is {made.n_frames}, and task.n_cond + task.{name} is "
                    f"{task.n_cond + n_pred}: videos have no more frames, lower task.{name}"
                )


class PedestriansSampleSettings(PedestriansSettings):
    """Walkers drawn by this project, in the same folders."""

    raw_source: ClassVar[str | None] = "pedestrians_sample"
    N_SEQUENCES: ClassVar[int] = 15
    N_PERMUTATIONS: ClassVar[int] = 4
    VIDEO_BYTES: ClassVar[int] = 41_000
    """About what a prepared video takes, compressed."""
    name: Literal["pedestrians_sample"] = "pedestrians_sample"  # type: ignore[assignment]

    def n_training_windows(self, length: int) -> int:
        return self.N_VARIANTS * self.N_PERMUTATIONS * self.n_training_sequences(self.N_SEQUENCES)

    @property
    def prepared_bytes(self) -> int:
        return self.N_SEQUENCES * self.N_PERMUTATIONS * self.VIDEO_BYTES
