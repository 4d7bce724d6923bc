"""Numbers that papers print, read from config/published/<dataset>.yaml, with how far each can be trusted."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline_lib.config.problems import ConfigurationError, Layer, describe
from pipeline_lib.config.section import Section
from pipeline_lib.config.yaml_files import read_mapping

Status = Literal["printed", "recalled", "recalled-order-of-magnitude-only"]

Finite = Annotated[float, Field(allow_inf_nan=False)]


class PublishedColumn(Section):
    """What a published number measures, in the terms of our metrics."""

    title: str = Field(description="What tables call it.")
    metric: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Our metric of the same definition.")
    protocol: str = Field("forecast", pattern=r"^[a-z][a-z_]*$", description="Evaluation protocol.")
    n_frames: int | None = Field(
        None, ge=1, description="Frames of the protocol it is the mean over; null: not stated."
    )
    window_set: Literal["all", "published"] = Field("all", description="Test windows it was computed on.")
    n_windows: int | None = Field(None, ge=1, description="How many test windows these are; null: not stated.")
    factor: float = Field(1.0, gt=0, description="The papers print this many times the metric.")
    unit: str = Field("1", description="Unit of what is printed.")
    direction: Literal["lower", "higher"] = Field(description="Which is better.")


class PublishedRow(Section):
    """The published numbers of one model."""

    title: str = Field(min_length=1, description="The model's name in the paper.")
    variant: str | None = Field(
        None, pattern=r"^[a-z0-9_]+$", description="Our experiment of the same model: <dataset>/<variant>."
    )
    same_as: tuple[str, ...] = Field((), description="Further experiments of the same model, on other windows.")
    status: Status = Field(description="Whether the number was read in print, or recalled.")
    source: str = Field("", description="Where a printed number stands.")
    values: dict[str, Finite | None] = Field(description="Numbers as printed, by column; null: none is given.")

    @model_validator(mode="after")
    def _printed_numbers_have_a_source(self) -> "PublishedRow":
        if self.status == "printed" and not self.source:
            raise ValueError(f"row {self.title}: a printed number needs a source that says where it stands")
        return self


class PublishedResults(Section):
    """All that is known of the published numbers on one dataset."""

    title: str = Field(min_length=1, description="What tables call the dataset.")
    paper: Literal["pde", "dive"] = Field(description="Paper whose experiment it is.")
    note: str = Field("", description="A sentence that tables print beside the numbers.")
    columns: dict[str, PublishedColumn] = Field({}, description="What the numbers measure, by name.")
    rows: tuple[PublishedRow, ...] = Field((), description="Models, in the paper's order.")

    @model_validator(mode="after")
    def _rows_and_columns_agree(self) -> "PublishedResults":
        for row in self.rows:
            if set(row.values) != set(self.columns):
                given, columns = sorted(row.values), sorted(self.columns)
                raise ValueError(f"row {row.title}: values are given for {given}, the columns are {columns}")
        for key in ("title", "variant"):
            names = [getattr(row, key) for row in self.rows if getattr(row, key) is not None]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two rows with the same {key}: {', '.join(twice)}")
        return self

    def column(self, protocol: str, metric: str, n_frames: int, n_all: int) -> tuple[str, PublishedColumn] | None:
        """Name and column of the numbers comparable to the mean of `metric` over `n_frames` of `n_all` frames.

        A column that does not state its frames is one over all of them.
        """
        for name, column in self.columns.items():
            if (column.protocol, column.metric, column.n_frames or n_all) == (protocol, metric, n_frames):
                return name, column
        return None


def read_published(path: Path) -> PublishedResults:
    """The published numbers in a YAML.

    Raises ConfigurationError, a ValueError, that lists all that is wrong with it.
    """
    try:
        content = read_mapping(path)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from error
    try:
        results = PublishedResults.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(describe(error, PublishedResults, [Layer(str(path), content)])) from error
    return results
