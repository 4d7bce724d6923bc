"""Settings of the datasets: how a dataset is prepared, and which of its windows are used."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings


class DatasetSettings(Section):
    """Base of every dataset's settings. `name` tells datasets apart; `preparation` is all that `prepare` depends on."""

    raw_source: ClassVar[str | None] = None
    """Name of the raw files that `prepare` reads; None where it simulates."""

    colour_map: ClassVar[str] = "viridis"
    """In which of matplotlib's colours figures show values; frames of three channels are RGB."""

    channel_names: ClassVar[tuple[str, ...]] = ()
    """What figures call the channels, where these are neither one nor colours."""
    value_name: ClassVar[str] = "value"
    unit: ClassVar[str] = ""
    """What figures call the values that they show, and their unit where they have one."""

    name: str
    preparation: Section

    @property
    def raw_files(self) -> tuple[str, ...] | None:
        """Names of the files of the raw source that are needed; None: all of them."""
        return None

    @property
    def frame_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) as far as the settings tell before anything is prepared; None where only the data do."""
        return None

    def n_training_windows(self, length: int) -> int | None:
        """Training windows of `length` frames in an epoch; None where only the data tell."""
        return None

    def check_task(self, task: TaskSettings) -> None:
        """Raise ValueError where the dataset, as it is prepared, does not serve this task."""

    @property
    def prepared_bytes(self) -> int | None:
        """About how large train.h5 and test.h5 are together; None where only the data tell."""
        return None


class WaveEqPreparation(Section):
    """Simulation of the damped-source wave equation (spec: 300 simulations, the first 240 for training)."""

    n_simulations: int = Field(300, ge=2, le=100_000, description="Simulations in all [simulations].")
    n_train_simulations: int = Field(240, ge=1, description="First simulations, used for training [simulations].")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the legacy NumPy generator that draws f0 and c.")

    @model_validator(mode="after")
    def _test_part_is_not_empty(self) -> "WaveEqPreparation":
        if self.n_train_simulations >= self.n_simulations:
            raise ValueError(
                f"n_train_simulations ({self.n_train_simulations}) must be below "
                f"n_simulations ({self.n_simulations}): the rest is the test part"
            )
        return self


class WaveEq100Preparation(WaveEqPreparation):
    """WaveEq, of which each frame keeps a few sampled pixels."""

    n_pixels: int = Field(100, ge=1, le=4096, description="Pixels sampled from each frame, drawn once [pixels].")
    pixel_seed: int = Field(42, ge=0, lt=2**32, description="Seed of the legacy NumPy generator that draws the pixels.")


Windows = Annotated[
    Literal["all", "published"],
    Field(
        description="Training windows: all of them, or those that the published loader sees "
        "(as many per simulation as the frame width gives, the first in numerical order)."
    ),
]


class WavesSettings(DatasetSettings):
    """What WaveEq and WaveEq-100 share."""

    N_FRAMES: ClassVar[int] = 150
    WIDTH: ClassVar[int] = 64

    windows: Windows = "all"
    preparation: WaveEqPreparation

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, self.WIDTH, self.WIDTH

    def n_training_windows(self, length: int) -> int:
        n_frames = self.N_FRAMES if self.windows == "all" else self.WIDTH
        return self.preparation.n_train_simulations * max(0, n_frames - length + 1)

    @property
    def prepared_bytes(self) -> int:
        return 4 * self.preparation.n_simulations * self.N_FRAMES * math.prod(self.frame_shape)


class WaveEqSettings(WavesSettings):
    """WaveEq: full 64x64 frames."""

    name: Literal["wave_eq"] = "wave_eq"
    preparation: WaveEqPreparation = WaveEqPreparation()


class WaveEq100Settings(WavesSettings):
    """WaveEq-100: vectors of 100 pixels sampled from WaveEq frames."""

    name: Literal["wave_eq_100"] = "wave_eq_100"
    preparation: WaveEq100Preparation = WaveEq100Preparation()

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, 1, self.preparation.n_pixels


class ChairsPreparation(Section):
    """3D Warehouse Chairs: which chairs there must be, and how they are split (PDE paper, appendix on the datasets)."""

    n_chairs: int = Field(1393, ge=2, description="Chairs in the raw data; others are refused [chairs].")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the legacy NumPy generator that shuffles the chairs.")


class ChairsSamplePreparation(ChairsPreparation):
    """As many chairs as the sample has."""

    n_chairs: int = Field(44, ge=2, description="Chairs in the raw data; others are refused [chairs].")


class ChairsSettings(DatasetSettings):
    """3D Warehouse Chairs: the 62 views around a chair, 64x64 pixels."""

    raw_source: ClassVar[str | None] = "chairs"
    N_VIEWS: ClassVar[int] = 62
    FRAME_BYTES: ClassVar[int] = 5000
    """About what a frame takes, compressed; an assumption, between the sample's frames and uncompressed ones."""
    name: Literal["chairs"] = "chairs"
    preparation: ChairsPreparation = ChairsPreparation()

    @staticmethod
    def n_training_chairs(n_chairs: int) -> int:
        """85 % of the chairs are for training."""
        return int(0.85 * n_chairs)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 3, 64, 64

    def n_training_windows(self, length: int) -> int:
        per_chair = self.N_VIEWS if length <= self.N_VIEWS else 0
        return self.n_training_chairs(self.preparation.n_chairs) * per_chair

    @property
    def prepared_bytes(self) -> int:
        return self.preparation.n_chairs * self.N_VIEWS * self.FRAME_BYTES


class ChairsSampleSettings(ChairsSettings):
    """Chairs rendered by this project in place of those of 3D Warehouse."""

    raw_source: ClassVar[str | None] = "chairs_sample"
    FRAME_BYTES: ClassVar[int] = 2400
    name: Literal["chairs_sample"] = "chairs_sample"  # type: ignore[assignment]
    preparation: ChairsSamplePreparation = ChairsSamplePreparation()


class MovingMnistPreparation(Section):
    """Moving MNIST: what the test videos are made of (PDE paper, appendix on the datasets). Training videos are made
    as they are needed, from the same kind of draws."""

    n_digits: int = Field(2, ge=1, le=10, description="Digits in a video [digits].")
    n_test_frames: int = Field(100, ge=2, le=10_000, description="Frames of a test video [frames].")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the legacy NumPy generator that draws the test set.")


class MovingMnistSettings(DatasetSettings):
    """Moving MNIST: deterministic trajectories of two digits on 64x64 pixels."""

    raw_source: ClassVar[str | None] = "mnist"
    N_DIGITS: ClassVar[tuple[int, int]] = (60_000, 10_000)
    """Digits of the training and of the test part, 28x28 pixels each."""
    colour_map: ClassVar[str] = "gray"
    name: Literal["moving_mnist"] = "moving_mnist"
    epoch_size: int = Field(200_000, ge=1, description="Training videos of an epoch, new in each [videos].")
    preparation: MovingMnistPreparation = MovingMnistPreparation()

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, 64, 64

    def n_training_windows(self, length: int) -> int:
        return self.epoch_size

    @property
    def prepared_bytes(self) -> int:
        made, (n_train_digits, n_test_digits) = self.preparation, self.N_DIGITS
        # Compressed, a digit of MNIST takes about 175 bytes, and 75 in a frame, where its motion takes 8 more.
        frames = n_test_digits // made.n_digits * made.n_test_frames
        return n_train_digits * 175 + n_test_digits * 28 * 28 + frames * made.n_digits * (75 + 8)


class MovingMnistSampleSettings(MovingMnistSettings):
    """Moving MNIST with scikit-learn's digits, 8x8 pixels enlarged, in place of MNIST's."""

    raw_source: ClassVar[str | None] = "mnist_sample"
    N_DIGITS: ClassVar[tuple[int, int]] = (1_439, 358)
    name: Literal["moving_mnist_sample"] = "moving_mnist_sample"  # type: ignore[assignment]


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
    N_RAW_FRAMES: ClassVar[int] = 22_484
    """Half hours in the four raw files; how many of them are of complete days, they must tell."""
    colour_map: ClassVar[str] = "magma"
    channel_names: ClassVar[tuple[str, ...]] = ("inflow", "outflow")
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
    N_RAW_FRAMES: ClassVar[int] = 4_666
    name: Literal["taxibj_sample"] = "taxibj_sample"  # type: ignore[assignment]
