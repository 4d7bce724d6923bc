"""Picture of a benchmark: where the time of a training step goes, a bar for each configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline_lib.records.benchmark import PARTS, BenchmarkRow, Measurement
from pipeline_lib.reporting.benchmark_tables import name_of, short
from pipeline_lib.reporting.style import BLUE, FULL_WIDTH, GREEN, MUTED, ORANGE, SKY, heading, save, styled

COLOURS = dict(zip(PARTS, (ORANGE, SKY, BLUE, GREEN), strict=True))


def draw(rows: Sequence[BenchmarkRow], files: Mapping[str, Path]) -> None:
    """Draw all rows, those that failed too; files: to write, by suffix (png, pdf)."""
    with styled():
        save(picture(rows), files)


def picture(rows: Sequence[BenchmarkRow]) -> Figure:
    """A panel for each device. The bars are shares of a step, whose time stands behind them."""
    by_device: dict[str, list[BenchmarkRow]] = {}
    for row in rows:
        by_device.setdefault(str(row.identity["device"]), []).append(row)
    counts = [len(of_device) for of_device in by_device.values()]
    figure = Figure(figsize=(FULL_WIDTH, 0.7 + 0.55 * len(counts) + 0.2 * sum(counts)), layout="constrained")
    panels = figure.subplots(len(counts), 1, squeeze=False, height_ratios=[count + 1 for count in counts])[:, 0]
    for axes, (device, of_device) in zip(panels, by_device.items(), strict=True):
        _panel(axes, device, of_device)
    # Of bars that are always there, though every configuration may have failed.
    handles = [panels[0].barh([0], [0], color=COLOURS[part], label=part) for part in PARTS]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(PARTS), handlelength=1.0)
    heading(figure, "where the time of a training step goes", "share of the step, and its time")
    return figure


def _panel(axes: Axes, device: str, rows: Sequence[BenchmarkRow]) -> None:
    for place, row in enumerate(rows):
        if row.measurement is None:
            axes.text(0.01, place, "not measured", va="center", color=MUTED, fontsize=6.5)
        else:
            _bar(axes, place, row.measurement)
    axes.set_yticks(range(len(rows)), [name_of(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(device, loc="left")
    axes.tick_params(axis="y", length=0)


def _bar(axes: Axes, place: int, found: Measurement) -> None:
    total = sum(spread.median for spread in found.part_seconds.values())
    left = 0.0
    for part in PARTS:
        width = found.part_seconds[part].median / total
        axes.barh(place, width, left=left, height=0.7, color=COLOURS[part])
        left += width
    label = f"{short(1e3 * found.iteration_seconds.median)} ms, {short(found.iterations_per_second)}/s"
    if found.plain_ratio is not None:
        label += f", {short(found.plain_ratio.median)} × plain"
    axes.text(1.01, place, label, va="center", fontsize=6.5)
