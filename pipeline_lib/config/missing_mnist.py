"""Settings of the three scenarios of Moving MNIST with missing data, with MNIST's digits and with the sample's."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings

IMAGE_FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")


class MissingMnistPreparation(Section):
    """Moving MNIST with missing data: what the test videos are made of (DIVE, section 4). Training videos are made as
    they are needed, from the same kind of draws."""

    n_digits: int = Field(2, ge=1, le=10, description="Digits in a video [digits].")
    n_test_videos: int = Field(1024, ge=1, le=1_000_000, description="Test videos [videos].")
    n_test_frames: int = Field(20, ge=8, le=1000, description="Frames of a test video [frames].")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the generator that draws the test set.")


class PartialOcclusionPreparation(MissingMnistPreparation):
    """Likewise; only the lower half of each frame is visible."""

    leave_out_one_frame: bool = Field(
        False,
        description="Each digit is also missing for one input frame, as the published settings have it; the paper "
        "describes occlusion only.",
    )


class VaryingAppearancePreparation(MissingMnistPreparation):
    """Likewise; digits are deformed, less with every frame."""

    elastic_axes: Literal["rows", "both"] = Field(
        "rows",
        description="Along which axes pixels are displaced: from row to row only, as the published code does it, or "
        "from column to column as well.",
    )


class MissingMnistSettings(DatasetSettings):
    """What the three scenarios share: two digits on 64x64 pixels that stop at the walls and turn."""

    raw_source: ClassVar[str | None] = "mnist"
    context: ClassVar[str | None] = "complete_video"
    colour_map: ClassVar[str] = "gray"
    N_DIGITS: ClassVar[int] = 60_000
    """Digits in the raw files that are used, 28x28 pixels each; the first 80 % train, the others test."""
    MISSING_WITHIN: ClassVar[tuple[int, int]] = (2, 8)
    """First and last+1 frame that a digit may be missing in; all of these are input frames."""

    epoch_size: int = Field(10_000, ge=1, description="Training videos of an epoch, new in each [videos].")
    preparation: MissingMnistPreparation = MissingMnistPreparation()

    @property
    def n_missing(self) -> int:
        """Frames on end that each digit is missing in."""
        return 0

    @property
    def n_elastic_axes(self) -> int:
        """Axes along which digits are deformed: 0, 1 (rows) or 2."""
        return 0

    @property
    def raw_files(self) -> tuple[str, ...]:
        return IMAGE_FILES

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, 64, 64

    def n_training_windows(self, length: int) -> int:
        return self.epoch_size

    def check_task(self, task: TaskSettings) -> None:
        first_output = self.MISSING_WITHIN[1]
        if self.n_missing and task.n_cond < first_output:
            raise ValueError(
                f"task.n_cond is {task.n_cond}, and digits of {self.name} may be missing in frames up to number "
                f"{first_output - 1}, counted from 0, all of which must be input frames: at least {first_output}"
            )
        n_frames, n_test_frames = task.n_cond + task.n_pred_test, self.preparation.n_test_frames
        if n_frames > n_test_frames:
            raise ValueError(
                f"task.n_cond + task.n_pred_test is {n_frames}, and test videos of {self.name} have {n_test_frames} "
                "frames: raise dataset.preparation.n_test_frames"
            )

    @property
    def prepared_bytes(self) -> int:
        made = self.preparation
        # About what a digit takes in a frame, compressed, and what is stored of its place beside.
        of_digit = (60 if self.n_elastic_axes == 0 else 270, 25)
        n_digits = made.n_test_videos * made.n_test_frames * made.n_digits
        noise = 4 * made.n_test_videos * made.n_digits * self.n_elastic_axes * 28 * 28
        # In the observed video, in the complete one, and alone.
        return self.N_DIGITS * 4 // 5 * 175 + n_digits * (3 * of_digit[0] + of_digit[1]) + noise


class PartialOcclusionSettings(MissingMnistSettings):
    """Scenario 1, partial occlusion: the upper half of every frame is black, input and output."""

    visible_rows: ClassVar[tuple[int, int] | None] = (32, 64)
    name: Literal["mnist_partial_occlusion"] = "mnist_partial_occlusion"
    preparation: PartialOcclusionPreparation = PartialOcclusionPreparation()

    @property
    def n_missing(self) -> int:
        return 1 if self.preparation.leave_out_one_frame else 0


class PartialOcclusionSampleSettings(PartialOcclusionSettings):
    """Partial occlusion with scikit-learn's digits, 8x8 pixels enlarged, in place of MNIST's."""

    raw_source: ClassVar[str | None] = "mnist_sample"
    N_DIGITS: ClassVar[int] = 1_439
    name: Literal["mnist_partial_occlusion_sample"] = "mnist_partial_occlusion_sample"  # type: ignore[assignment]


class OutOfSceneSettings(MissingMnistSettings):
    """Scenario 2, out of scene: each digit is missing for two consecutive input frames."""

    name: Literal["mnist_out_of_scene"] = "mnist_out_of_scene"

    @property
    def n_missing(self) -> int:
        return 2


class OutOfSceneSampleSettings(OutOfSceneSettings):
    """Out of scene with scikit-learn's digits, 8x8 pixels enlarged, in place of MNIST's."""

    raw_source: ClassVar[str | None] = "mnist_sample"
    N_DIGITS: ClassVar[int] = 1_439
    name: Literal["mnist_out_of_scene_sample"] = "mnist_out_of_scene_sample"  # type: ignore[assignment]


class VaryingAppearanceSettings(MissingMnistSettings):
    """Scenario 3, varying appearance: each digit is missing for one input frame and is deformed, less with every
    frame."""

    name: Literal["mnist_varying_appearance"] = "mnist_varying_appearance"
    preparation: VaryingAppearancePreparation = VaryingAppearancePreparation()

    @property
    def n_missing(self) -> int:
        return 1

    @property
    def n_elastic_axes(self) -> int:
        return 1 if self.preparation.elastic_axes == "rows" else 2


class VaryingAppearanceSampleSettings(VaryingAppearanceSettings):
    """Varying appearance with scikit-learn's digits, 8x8 pixels enlarged, in place of MNIST's."""

    raw_source: ClassVar[str | None] = "mnist_sample"
    N_DIGITS: ClassVar[int] = 1_439
    name: Literal["mnist_varying_appearance_sample"] = "mnist_varying_appearance_sample"  # type: ignore[assignment]
