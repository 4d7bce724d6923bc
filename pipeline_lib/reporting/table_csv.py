"""A table as CSV: everything that is known of every number, in full precision."""

import csv
import io
import math
from collections.abc import Iterator
from typing import Any

from pipeline_lib.config.registry import METRICS
from pipeline_lib.reporting.results import ExperimentResult, Measure, SeedStatistics
from pipeline_lib.reporting.tables import Table


def as_csv(table: Table) -> str:
    """One line per experiment and measure; lists are separated by `;`."""
    stream = io.StringIO()
    rows = [row for result in table.results for row in _rows(table, result)]
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _rows(table: Table, result: ExperimentResult) -> Iterator[dict[str, Any]]:
    for measure in (measure for part in table.parts for measure in part.measures if measure in result.measures):
        statistics, entry = result.statistics(measure), METRICS[measure.metric]
        counted = table.counted(measure.protocol, measure.window_set) or ("", "")
        n_windows, n_available = table.n_windows(measure.protocol, measure.window_set)
        yield {
            "dataset": table.dataset,
            "experiment": result.fact("experiment"),
            "title": result.fact("title"),
            "paper": result.fact("paper"),
            "protocol": measure.protocol,
            "n_frames": measure.n_frames,
            "window_set": measure.window_set,
            "n_windows": n_windows,
            "n_available": n_available,
            "n_windows_counted": counted[0],
            "n_frames_counted": counted[1],
            "metric": measure.metric,
            "unit": entry.unit,
            "direction": entry.direction,
            **mean_of(result, measure, statistics),
            **_published_cells(table, result, measure),
            **facts_of(result),
        }


def mean_of(result: ExperimentResult, measure: Measure, statistics: SeedStatistics) -> dict[str, Any]:
    """The mean of a measure, its spreads, and what each seed has."""
    return {
        "mean": number_text(statistics.mean),
        "std_over_seeds": number_text(statistics.std),
        "n_seeds": len(result.seeds),
        "seeds": joined(result.seeds),
        "values": joined(number_text(value) for value in statistics.values),
        "std_over_windows": joined(result.std_over_windows(measure)),
    }


def facts_of(result: ExperimentResult) -> dict[str, Any]:
    """What the numbers of an experiment rest on."""
    return {
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
        "wall_seconds": joined(run.fact("training.wall_seconds") for run in result.runs),
        "gpu_hours": joined(run.fact("training.gpu_hours") for run in result.runs),
        "git_commit": _distinct(result, "training.git_commit"),
        "git_dirty": _distinct(result, "training.git_dirty"),
        "digests": joined(run.fact("digest") for run in result.runs),
    }


def _published_cells(table: Table, result: ExperimentResult, measure: Measure) -> dict[str, Any]:
    """The published number in the unit of our metric, on the window set that it was computed on."""
    found = table.published_column(measure.protocol, measure.metric, measure.n_frames)
    row, value = table.published_row(result), None
    if found and row and found[1].window_set == measure.window_set:
        value = row.values[found[0]]
    if value is None or found is None or row is None:
        return {"published": "", "published_status": "", "published_source": ""}
    return {
        "published": repr(value / found[1].factor),
        "published_status": row.status,
        "published_source": row.source,
    }


def number_text(value: float | None) -> str:
    """In full precision; nothing where it is not defined."""
    return "" if value is None or math.isnan(value) else repr(value)


def joined(values: Any) -> str:
    return ";".join("" if value is None else str(value) for value in values)


def _distinct(result: ExperimentResult, key: str) -> str:
    return joined(dict.fromkeys(run.fact(key) for run in result.runs))
