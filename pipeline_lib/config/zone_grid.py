"""Where zones lie in a regional product of sea surface temperature: what `cut-zones` reads from a YAML."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from pipeline_lib.config.problems import ConfigurationError, Layer, describe
from pipeline_lib.config.section import Section
from pipeline_lib.config.yaml_files import read_mapping


class CornerSettings(Section):
    """The first pixel of the first zone: by its place on the earth, or by its place in the product."""

    latitude: float | None = Field(None, ge=-90, le=90, description="[degrees north]")
    longitude: float | None = Field(None, ge=-360, le=360, description="[degrees east]")
    row: int | None = Field(None, ge=0, description="Number among the product's latitudes, from 0.")
    column: int | None = Field(None, ge=0, description="Number among the product's longitudes, from 0.")

    @model_validator(mode="after")
    def _one_place(self) -> "CornerSettings":
        on_earth, in_product = (self.latitude, self.longitude), (self.row, self.column)
        if (None in on_earth) == (None in in_product) or any(
            None in pair and pair != (None, None) for pair in (on_earth, in_product)
        ):
            raise ValueError("give latitude and longitude, or row and column")
        return self


class PeriodSettings(Section):
    """Days from one to another."""

    first_day: date | None = Field(None, description="null: the first that there is.")
    last_day: date | None = Field(None, description="null: the last that there is.")

    @model_validator(mode="after")
    def _in_order(self) -> "PeriodSettings":
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError(f"first_day ({self.first_day}) is after last_day ({self.last_day})")
        return self


class ZoneGrid(Section):
    """Zones in rows and columns next to each other, numbered along the rows.

    Rows follow each other as the product's latitudes do (northwards, where these increase), columns as its longitudes.
    """

    corner: CornerSettings
    size: Literal[64] = Field(64, description="Pixels of a zone's side, as SST has them [pixels].")
    rows: int = Field(ge=1, le=1000, description="Zones below each other.")
    columns: int = Field(ge=1, le=1000, description="Zones beside each other.")
    leave_out: tuple[tuple[int, int], ...] = Field(
        (), description="[row, column] of places, from 0, that are no zones, such as land."
    )
    first_zone: int = Field(1, ge=1, description="Number of the first zone.")
    days: PeriodSettings = Field(PeriodSettings(), description="Days that the zones' files hold.")
    climatology: PeriodSettings = Field(
        PeriodSettings(), description="Of these days, those that the climatology is taken over."
    )

    @model_validator(mode="after")
    def _there_is_a_zone(self) -> "ZoneGrid":
        for row, column in self.leave_out:
            if not (0 <= row < self.rows and 0 <= column < self.columns):
                raise ValueError(
                    f"leave_out: [{row}, {column}] is no place in a grid of {self.rows} rows and {self.columns} columns"
                )
        if not self.places:
            raise ValueError("leave_out leaves no zone")
        return self

    @property
    def places(self) -> dict[int, tuple[int, int]]:
        """Zone → its row and column in the grid."""
        every = [(row, column) for row in range(self.rows) for column in range(self.columns)]
        return dict(enumerate((place for place in every if place not in self.leave_out), start=self.first_zone))


def read_zone_grid(path: Path) -> ZoneGrid:
    """The grid in a YAML. Raises ConfigurationError, a ValueError, that lists all that is wrong with it."""
    try:
        content = read_mapping(path)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from error
    try:
        return ZoneGrid.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(describe(error, ZoneGrid, [Layer(str(path), content)])) from error
