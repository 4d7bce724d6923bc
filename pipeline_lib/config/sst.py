"""Settings of the sea surface temperature datasets (PDE paper, appendix on the datasets)."""

import math
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section

Zones = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]

SST_ZONES = tuple(range(1, 30))
SST_SAMPLE_ZONES = (1, 2, 17, 18, 19, 20)
TEST_ZONES = (17, 18, 19, 20)


def zone_file(zone: int) -> str:
    """The name of a zone's raw file."""
    return f"data_{zone}.nc"


class SstPreparation(Section):
    """Which zones, and which of their days."""

    train_zones: Zones = Field(SST_ZONES, description="Zones of whose days the first 80 % are trained on.")
    test_zones: Zones = Field(TEST_ZONES, description="Zones of whose days the last 20 % are tested on.")
    n_days: int | None = Field(
        None, ge=2, description="Use only this many days of every zone, the first ones; null: all [days]."
    )
    first_day: date = Field(date(2006, 12, 28), description="Date of the first day in the zones' files.")

    @field_validator("train_zones", "test_zones")
    @classmethod
    def _each_once(cls, zones: tuple[int, ...]) -> tuple[int, ...]:
        if twice := sorted({zone for zone in zones if zones.count(zone) > 1}):
            raise ValueError(f"given more than once: {', '.join(map(str, twice))}")
        return zones


class SstSamplePreparation(SstPreparation):
    """Likewise, of the sample's zones."""

    train_zones: Zones = Field(SST_SAMPLE_ZONES, description="Zones of whose days the first 80 % are trained on.")


class SstSettings(DatasetSettings):
    """SST: daily sea surface temperature of 64x64 pixels of the Atlantic, normalised by climatology and frame."""

    raw_source: ClassVar[str | None] = "sst"
    context: ClassVar[str | None] = "climatology"
    colour_map: ClassVar[str] = "inferno"
    value_name: ClassVar[str] = "temperature"
    unit: ClassVar[str] = "°C"
    ZONES: ClassVar[tuple[int, ...]] = SST_ZONES
    N_DAYS: ClassVar[int | None] = None
    """Days in the zones' files, where they are known."""
    TRAIN_SHARE: ClassVar[float] = 0.8

    name: Literal["sst"] = "sst"
    windows: Literal["all", "published"] = Field(
        "all",
        description="Training windows: all of them, or those that the published loader sees (from the third day on).",
    )
    preparation: SstPreparation = SstPreparation()

    @model_validator(mode="after")
    def _zones_have_files(self) -> "SstSettings":
        made = self.preparation
        if unknown := sorted({*made.train_zones, *made.test_zones} - set(self.ZONES)):
            raise ValueError(
                f"dataset.preparation: {self.name} has no zone {', '.join(map(str, unknown))}, its zones are "
                f"{', '.join(map(str, self.ZONES))}"
            )
        return self

    @property
    def raw_files(self) -> tuple[str, ...]:
        made = self.preparation
        return tuple(zone_file(zone) for zone in sorted({*made.train_zones, *made.test_zones}))

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, 64, 64

    def n_training_windows(self, length: int) -> int | None:
        if self._n_days is None:
            return None
        unseen = 0 if self.windows == "all" else 2
        n_frames = int(self.TRAIN_SHARE * self._n_days) - unseen
        return len(self.preparation.train_zones) * max(0, n_frames - length + 1)

    @property
    def prepared_bytes(self) -> int | None:
        if self._n_days is None:
            return None
        n_train = int(self.TRAIN_SHARE * self._n_days)
        made = self.preparation
        n_frames = len(made.train_zones) * n_train + len(made.test_zones) * (self._n_days - n_train)
        return 4 * n_frames * math.prod(self.frame_shape)

    @property
    def _n_days(self) -> int | None:
        known = [n for n in (self.preparation.n_days, self.N_DAYS) if n is not None]
        return min(known, default=None)


class SstSampleSettings(SstSettings):
    """SST of a simulated sea: advection and diffusion of a temperature on six zones."""

    raw_source: ClassVar[str | None] = "sst_sample"
    ZONES: ClassVar[tuple[int, ...]] = SST_SAMPLE_ZONES
    N_DAYS: ClassVar[int | None] = 1096
    name: Literal["sst_sample"] = "sst_sample"  # type: ignore[assignment]
    preparation: SstSamplePreparation = SstSamplePreparation()
