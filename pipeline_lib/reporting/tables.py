"""The table of a dataset: one row per experiment, mean and spread over seeds, beside the published numbers."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.config.published import PublishedColumn, PublishedResults, PublishedRow
from pipeline_lib.config.registry import METRICS
from pipeline_lib.reporting.published_marks import FOOTNOTES, MARKS, shown
from pipeline_lib.reporting.results import ExperimentResult, metric_names, read_results

DASH = "–"
ARROWS = {"lower": "↓", "higher": "↑"}


@dataclass(frozen=True)
class Table:
    """Results of a dataset, and what is published on it."""

    dataset: str
    results: list[ExperimentResult]
    published: PublishedResults | None

    def published_column(self, metric: str) -> tuple[str, PublishedColumn] | None:
        """The published numbers that are comparable to our means of this metric."""
        if self.published is None:
            return None
        first = self.results[0]
        return self.published.column("forecast", metric, first.fact("n_pred_test"))

    def published_row(self, result: ExperimentResult) -> PublishedRow | None:
        """The published row of the same model."""
        rows = self.published.rows if self.published else ()
        return next((row for row in rows if row.variant == result.fact("model")), None)

    def other_published_rows(self) -> list[PublishedRow]:
        """Published models that no experiment here reproduces."""
        ours = [self.published_row(result) for result in self.results]
        return [row for row in (self.published.rows if self.published else ()) if row not in ours]


def read_table(dataset: str, folders: Sequence[Path], published: PublishedResults | None) -> Table:
    """The evaluated runs in `folders` as the table of `dataset`.

    Raises ValueError where a run is of another dataset, and for what must not be mixed (reporting/results.py).
    """
    table = Table(dataset, read_results(folders), published)
    for result in table.results:
        if result.fact("dataset") != dataset:
            raise ValueError(f"{result.runs[0].folder}: a run on {result.fact('dataset')}, the table is of {dataset}")
    return table


def as_csv(table: Table) -> str:
    """One line per experiment, window set and metric, numbers in full precision; lists are separated by `;`."""
    stream = io.StringIO()
    rows = [row for result in table.results for row in _csv_rows(table, result)]
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _csv_rows(table: Table, result: ExperimentResult) -> Iterator[dict[str, Any]]:
    for window_set, metric in metric_names([result]):
        statistics = result.statistics(window_set, metric)
        yield {
            "dataset": table.dataset,
            "experiment": result.fact("experiment"),
            "title": result.fact("title"),
            "paper": result.fact("paper"),
            "window_set": window_set,
            "n_windows": result.n_windows(window_set),
            "metric": metric,
            "unit": METRICS[metric].unit,
            "direction": METRICS[metric].direction,
            "mean": repr(statistics.mean),
            "std_over_seeds": "" if statistics.std is None else repr(statistics.std),
            "n_seeds": len(result.seeds),
            "seeds": _joined(result.seeds),
            "values": _joined(statistics.values),
            "std_over_windows": _joined(result.std_over_windows(window_set, metric)),
            **_published_cells(table, result, window_set, metric),
            "schedule": result.fact("schedule_name") or "",
            "iterations": result.fact("iterations"),
            "precision": result.fact("precision"),
            "evaluation_precision": result.fact("evaluation_precision"),
            "n_cond": result.fact("n_cond"),
            "n_pred": result.fact("n_pred"),
            "n_pred_test": result.fact("n_pred_test"),
            "data_source": result.fact("data_source"),
            "test_videos": result.fact("test_data.n_videos"),
            "test_data_sha256": result.fact("test_data.content_sha256"),
            "n_parameters": result.fact("training.n_parameters"),
            "device": _distinct(result, "training.device"),
            "hardware": _distinct(result, "training.hardware.cpu"),
            "wall_seconds": _joined(run.fact("training.wall_seconds") for run in result.runs),
            "gpu_hours": _joined(run.fact("training.gpu_hours") for run in result.runs),
            "git_commit": _distinct(result, "training.git_commit"),
            "git_dirty": _distinct(result, "training.git_dirty"),
            "digests": _joined(run.fact("digest") for run in result.runs),
        }


def _published_cells(table: Table, result: ExperimentResult, window_set: str, metric: str) -> dict[str, Any]:
    """The published number in the unit of our metric, on the window set that it was computed on."""
    found, row = table.published_column(metric), table.published_row(result)
    value = None
    if found and row and found[1].window_set == window_set:
        value = row.values[found[0]]
    if value is None or found is None or row is None:
        return {"published": "", "published_status": "", "published_source": ""}
    return {
        "published": repr(value / found[1].factor),
        "published_status": row.status,
        "published_source": row.source,
    }


def _joined(values: Any) -> str:
    return ";".join("" if value is None else str(value) for value in values)


def _distinct(result: ExperimentResult, key: str) -> str:
    return _joined(dict.fromkeys(run.fact(key) for run in result.runs))


@dataclass(frozen=True)
class ReadableTable:
    """A table to be read. The first of `rows` is the header; `alignment` has l or r per column; **bold** is marked."""

    title: str
    rows: list[list[str]]
    alignment: str
    notes: list[str]


def readable(table: Table) -> ReadableTable:
    """Best means of a column in bold, published numbers with their marks, what they rest on in the notes."""
    title = table.published.title if table.published else table.dataset
    columns = metric_names(table.results)
    header, alignment = ["Model", "Seeds", "Schedule", "Precision"], "lrll"
    for index, (window_set, metric) in enumerate(columns):
        n_windows = next(r.n_windows(window_set) for r in table.results if metric in r.metrics(window_set))
        entry = METRICS[metric]
        unit = "" if entry.unit == "1" else f" [{entry.unit}]"
        header.append(f"{entry.title}{unit} {ARROWS[entry.direction]}, {window_set} windows ({n_windows:,})")
        alignment += "r"
        if _is_last(columns, index) and table.published_column(metric):
            header.append(f"Published {entry.title}")
            alignment += "r"
    rows = [_markdown_row(table, result, columns) for result in table.results]
    rows += [_published_only_row(table, row, columns) for row in table.other_published_rows()]
    return ReadableTable(title, [header, *rows], alignment, [note for note in _notes(table, columns) if note])


def as_markdown(table: Table) -> str:
    """The readable table in Markdown."""
    page = readable(table)
    notes = [line for note in page.notes for line in ("", note)]
    return "\n".join([f"# {page.title}", "", *_aligned(page.rows, page.alignment), *notes]) + "\n"


def _is_last(columns: list[tuple[str, str]], index: int) -> bool:
    """Whether a metric's last column stands at `index`; the published number follows it."""
    return index + 1 == len(columns) or columns[index + 1][1] != columns[index][1]


def _markdown_row(table: Table, result: ExperimentResult, columns: list[tuple[str, str]]) -> list[str]:
    cells = [result.fact("title"), str(len(result.seeds)) if result.seeds else DASH, _schedule(result)]
    cells.append(DASH if result.fact("is_baseline") else result.fact("precision"))
    row = table.published_row(result)
    for index, (window_set, metric) in enumerate(columns):
        cells.append(_mean_and_spread(table, result, window_set, metric))
        if _is_last(columns, index) and (found := table.published_column(metric)):
            cells.append(_published_cell(row, *found))
    return cells


def _published_only_row(table: Table, row: PublishedRow, columns: list[tuple[str, str]]) -> list[str]:
    cells = [row.title, DASH, DASH, DASH]
    for index, (_, metric) in enumerate(columns):
        cells.append(DASH)
        if _is_last(columns, index) and (found := table.published_column(metric)):
            cells.append(_published_cell(row, *found))
    return cells


def _schedule(result: ExperimentResult) -> str:
    if result.fact("is_baseline"):
        return DASH
    return f"{result.fact('schedule_name')}, {result.fact('iterations'):,} iterations"


def _mean_and_spread(table: Table, result: ExperimentResult, window_set: str, metric: str) -> str:
    if metric not in result.metrics(window_set):
        return DASH
    statistics = result.statistics(window_set, metric)
    others = [r.statistics(window_set, metric).mean for r in table.results if metric in r.metrics(window_set)]
    best = min(others) if METRICS[metric].direction == "lower" else max(others)
    mean = number(statistics.mean)
    if statistics.mean == best and len(others) > 1:
        mean = f"**{mean}**"
    if not result.seeds:
        return mean
    return f"{mean} ± {DASH if statistics.std is None else number(statistics.std, 2)}"


def _published_cell(row: PublishedRow | None, name: str, column: PublishedColumn) -> str:
    value = row.values[name] if row else None
    return DASH if row is None or value is None else shown(value, column.factor, row.status)


def number(value: float, digits: int = 4) -> str:
    """Few significant digits, with an exponent where the number is small or large: 0.01833, 1.500e-05."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits - 1}e}"
    return f"{value:#.{digits}g}".rstrip(".")


def _notes(table: Table, columns: list[tuple[str, str]]) -> list[str]:
    first = table.results[0]
    n_cond, n_pred = first.fact("n_cond"), first.fact("n_pred_test")
    lines = [
        f"Means over {n_pred} predicted frames (after {n_cond} conditioning frames) and over all test windows of the "
        f"set, ± standard deviation over seeds (n − 1; {DASH} where there is one seed). Best mean in bold. "
        f"Evaluated in {first.fact('evaluation_precision')}.",
        "",
        f"Test data: {first.fact('test_data.n_videos')} videos; source: {first.fact('data_source')}.",
    ]
    found = {metric: table.published_column(metric) for _, metric in columns}
    if not any(found.values()):
        return [*lines, "", "No published numbers are known for these metrics."]
    sets = sorted({f"{METRICS[metric].title}: {f[1].window_set} windows" for metric, f in found.items() if f})
    lines += ["", f"Published numbers are in the unit of ours and rest on these windows: {'; '.join(sets)}."]
    lines += [line for f in found.values() if f for line in _other_windows(table, f[1])]
    assert table.published is not None
    if table.published.note:
        lines += ["", table.published.note]
    statuses = dict.fromkeys(row.status for row in table.published.rows)
    for status in statuses:
        lines += ["", f"{MARKS[status]} {FOOTNOTES[status]}."] if status in FOOTNOTES else []
    return lines


def _other_windows(table: Table, column: PublishedColumn) -> list[str]:
    """A warning where our set of the published windows has another size than theirs."""
    results = [result for result in table.results if column.window_set in result.window_sets()]
    n_ours = results[0].n_windows(column.window_set) if results else column.n_windows
    if column.n_windows in (None, n_ours):
        return []
    return [
        "",
        f"Not comparable: theirs are {column.n_windows:,} windows, ours {n_ours:,}, because the data were prepared "
        "with other settings.",
    ]


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
