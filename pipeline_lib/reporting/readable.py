"""Tables to be read: what Markdown and web page show, rounded, with notes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline_lib.config.registry import METRICS
from pipeline_lib.reporting.results import ExperimentResult, SeedStatistics

DASH = "–"
UNDEFINED = "not defined"
ARROWS = {"lower": "↓", "higher": "↑"}


@dataclass(frozen=True)
class ReadablePart:
    """`heading` may be empty; the first of `rows` is the header; `alignment` has l or r per column; **bold** is so."""

    heading: str
    rows: list[list[str]]
    alignment: str


@dataclass(frozen=True)
class ReadableTable:
    """A table to be read: one part, or several with a heading each."""

    title: str
    parts: list[ReadablePart]
    notes: list[str]


def markdown_of(page: ReadableTable) -> str:
    """The table in Markdown."""
    lines = [f"# {page.title}"]
    for part in page.parts:
        lines += ["", f"## {part.heading}"] if part.heading else []
        lines += ["", *_aligned(part.rows, part.alignment)]
    lines += [line for note in page.notes for line in ("", note)]
    return "\n".join(lines) + "\n"


def metric_heading(metric: str) -> str:
    """Title of a metric, its unit, and which way is better."""
    entry = METRICS[metric]
    unit = "" if entry.unit == "1" else f" [{entry.unit}]"
    return f"{entry.title}{unit} {ARROWS[entry.direction]}"


def schedule(result: ExperimentResult) -> str:
    """Label and length of a training."""
    if result.fact("is_baseline"):
        return DASH
    return f"{result.fact('schedule_name')}, {result.fact('iterations'):,} iterations"


def n_seeds(result: ExperimentResult) -> str:
    """How many seeds were trained."""
    return str(len(result.seeds)) if result.seeds else DASH


def precision(result: ExperimentResult) -> str:
    """Of the training."""
    return DASH if result.fact("is_baseline") else str(result.fact("precision"))


def best_of(metric: str, means: Iterable[float]) -> float | None:
    """The best of the means that are defined; None where there are not two to choose from."""
    defined = [mean for mean in means if not math.isnan(mean)]
    if len(defined) < 2:
        return None
    return min(defined) if METRICS[metric].direction == "lower" else max(defined)


def mean_and_spread(result: ExperimentResult, statistics: SeedStatistics, best: float | None) -> str:
    """Mean over seeds, bold where it is the best, ± standard deviation; baselines have no spread."""
    if math.isnan(statistics.mean):
        return UNDEFINED
    mean = number(statistics.mean)
    if statistics.mean == best:
        mean = f"**{mean}**"
    if not result.seeds:
        return mean
    return f"{mean} ± {DASH if statistics.std is None else number(statistics.std, 2)}"


def number(value: float, digits: int = 4) -> str:
    """Few significant digits, with an exponent where the number is small or large: 0.01833, 1.500e-05."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits - 1}e}"
    return f"{value:#.{digits}g}".rstrip(".")


def _aligned(rows: list[list[str]], alignment: str) -> list[str]:
    """A Markdown table whose source is as readable as what it renders to."""
    widths = [max(3, *(len(row[k]) for row in rows)) for k in range(len(alignment))]
    lines = [
        "| "
        + " | ".join(c.ljust(w) if a == "l" else c.rjust(w) for c, w, a in zip(row, widths, alignment, strict=True))
        + " |"
        for row in rows
    ]
    rule = ["-" * w if a == "l" else "-" * (w - 1) + ":" for w, a in zip(widths, alignment, strict=True)]
    return [lines[0], "| " + " | ".join(rule) + " |", *lines[1:]]
