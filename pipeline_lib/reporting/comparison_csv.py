"""A table over several datasets as CSV: everything that is known of every cell, in full precision."""

import csv
import io
from typing import Any

from pipeline_lib.config.comparisons import is_sample
from pipeline_lib.config.registry import METRICS
from pipeline_lib.reporting.comparisons import Comparison
from pipeline_lib.reporting.results import ExperimentResult
from pipeline_lib.reporting.table_csv import facts_of, joined, mean_of


def as_csv(comparison: Comparison) -> str:
    """One line per cell, row by row; of what was not run, no more than its name; lists are separated by `;`."""
    cells = [(model, dataset) for model in comparison.models for dataset in comparison.datasets]
    lines = [
        _names(comparison, model, dataset) | (_scores(comparison, found) | facts_of(found) if found else {})
        for model, dataset in cells
        for found in [comparison.result(model, dataset)]
    ]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _names(comparison: Comparison, model: str, dataset: str) -> dict[str, Any]:
    entry = METRICS[comparison.metric]
    return {
        "model": model,
        "dataset": dataset,
        "is_sample": is_sample(dataset),
        "experiment": f"{dataset}/{model}",
        "protocol": "forecast",
        "metric": comparison.metric,
        "unit": entry.unit,
        "direction": entry.direction,
        "n_frames": comparison.n_frames,
    }


def _scores(comparison: Comparison, result: ExperimentResult) -> dict[str, Any]:
    statistics, measure = comparison.statistics(result), comparison.measure(result)
    rows = result.fact("visible_rows")
    return {
        "title": result.fact("title"),
        "paper": result.fact("paper"),
        "window_set": measure.window_set,
        "n_windows": result.n_windows(measure.window_set),
        "n_available": result.n_available(measure.window_set),
        "rows_counted": joined(rows) if rows else "",
        **mean_of(result, measure, statistics),
    }
