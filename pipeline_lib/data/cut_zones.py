"""Zone files of sea surface temperature, cut from a regional product, for which nobody has published a program.

The product is read once, a few days at a time; every zone's part of these days is written at once. Means and variances
of each day, which are two numbers, are kept for the climatology, which is written in the end (`data/climatology.py`).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline_lib.config.sst import zone_file
from pipeline_lib.config.zone_grid import PeriodSettings, ZoneGrid
from pipeline_lib.data.climatology import DailyMoments
from pipeline_lib.data.regional_product import RegionalProduct
from pipeline_lib.data.sst_zones import SIZE, new_zone_file

SOURCE = "cut from a regional product, not the zones of the paper"
"""What the files say of themselves, and with them the prepared ones, tables and tags."""


@dataclass(frozen=True)
class ZonePlace:
    """A zone's number and its first row and column in the product."""

    zone: int
    row: int
    column: int


def cut_zones(
    paths: Sequence[Path], grid: ZoneGrid, folder: Path, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write a file for each zone of a grid into `folder`; all of them get their names when all are complete.

    paths: of the product's files, in any order. progress: called with the days done and those to do in all.
    Raises ValueError, naming the file, where a zone's file is there already, where the product does not hold the zones
    or the days, and, naming the day and the zone, where a temperature is missing: land, for example.
    """
    targets = [folder / zone_file(zone) for zone in grid.places]
    if there := [path for path in targets if path.exists()]:
        raise ValueError(
            f"{there[0]} is there already, and is not overwritten: move it away, or write to another folder"
        )
    product = RegionalProduct(paths)
    places = zone_places(product, grid)
    chosen = _chosen_days(product, grid.days)
    days = product.days[chosen]
    rows, columns = _around([place.row for place in places]), _around([place.column for place in places])
    with ExitStack() as stack:
        writers = [stack.enter_context(new_zone_file(path, days, SOURCE)) for path in targets]
        moments = [DailyMoments() for _ in places]
        n_done = 0
        for block in product.blocks(rows, columns, chosen):
            for place, writer, of_zone in zip(places, writers, moments, strict=True):
                row, column = place.row - rows.start, place.column - columns.start
                part = block.cut(slice(row, row + SIZE), slice(column, column + SIZE), f"zone {place.zone}")
                of_zone.add(writer.append(part))
            n_done += len(block.days)
            if progress is not None:
                progress(n_done, len(days))
        period = grid.climatology
        for place, writer, of_zone in zip(places, writers, moments, strict=True):
            try:
                writer.finish(*of_zone.climatology(days, period.first_day, period.last_day))
            except ValueError as error:
                raise ValueError(f"zone {place.zone}: {error}") from error
    return targets


def zone_places(product: RegionalProduct, grid: ZoneGrid) -> list[ZonePlace]:
    """Where the zones lie in a product. Raises ValueError where it does not reach as far as they do."""
    corner = grid.corner
    if corner.latitude is not None and corner.longitude is not None:
        row, column = product.pixel(corner.latitude, corner.longitude)
    else:
        assert corner.row is not None and corner.column is not None
        row, column = corner.row, corner.column
    places = [
        ZonePlace(zone, row + SIZE * of_row, column + SIZE * of_column)
        for zone, (of_row, of_column) in grid.places.items()
    ]
    n_rows, n_columns = len(product.latitude), len(product.longitude)
    for place in places:
        if place.row + SIZE > n_rows or place.column + SIZE > n_columns:
            raise ValueError(
                f"zone {place.zone} reaches to row {place.row + SIZE - 1} and column {place.column + SIZE - 1}, and "
                f"{product.files[0].path} has {n_rows} rows and {n_columns} columns: move the corner, or take fewer "
                "zones"
            )
    return places


def _chosen_days(product: RegionalProduct, period: PeriodSettings) -> slice:
    """Which of the product's days are wanted."""
    first, last = period.first_day or product.days[0], period.last_day or product.days[-1]
    for name, day in (("first_day", first), ("last_day", last)):
        if not product.days[0] <= day <= product.days[-1]:
            raise ValueError(
                f"days.{name} is {day}, and the product has the days from {product.days[0]} to {product.days[-1]}"
            )
    return slice(_number(product, first), _number(product, last) + 1)


def _number(product: RegionalProduct, day: date) -> int:
    return (day - product.days[0]).days


def _around(starts: Sequence[int]) -> slice:
    """The rows, or columns, that hold all zones."""
    return slice(min(starts), max(starts) + SIZE)
