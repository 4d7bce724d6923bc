"""Settings of WaveEq and WaveEq-100."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section


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
