"""A table's CSV, of a dataset or of a comparison, against the metrics.json of the runs that it names."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.reporting.results import ExperimentResult, Measure, read_results
from pipeline_lib.reporting.table_csv import facts_of, mean_of

OF_A_ROW = ("experiment", "protocol", "n_frames", "window_set", "metric", "mean", "n_seeds", "seeds", "values")
IN_COMPARISONS_ALONE = "is_sample"


@dataclass(frozen=True)
class TableCheck:
    """wrong: what the runs do not say, in a sentence each. n_rows: rows that agree. experiments: that have a row."""

    wrong: tuple[str, ...]
    n_rows: int
    experiments: frozenset[str]


def check_table(path: Path, paths: ResultPaths) -> TableCheck:
    """Compare every cell that rests on runs with those of a results folder; published numbers are not looked at.

    Raises ValueError, naming file and line, where the CSV is no table.
    """
    rows = _read(path)
    wrong: list[str] = []
    n_rows = 0
    seen: dict[str, set[Measure]] = {}
    results: dict[tuple[str, str], ExperimentResult] = {}
    for number, row in rows.items():
        if not row["n_seeds"]:
            continue  # a cell of a comparison that was not run
        key = (row["experiment"], row["seeds"])
        try:
            measure = Measure(row["protocol"], int(row["n_frames"]), row["metric"], row["window_set"])
            if key not in results:
                results[key] = _result(paths, *key)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        measures = seen.setdefault(row["experiment"], set())
        problems = _of_row(row, results[key], measure, measure in measures)
        measures.add(measure)
        wrong += [f"line {number}: {problem}" for problem in problems]
        n_rows += not problems
    if rows and IN_COMPARISONS_ALONE not in next(iter(rows.values())):
        for (experiment, _), result in results.items():
            for measure in result.measures:
                if measure not in seen[experiment]:
                    wrong.append(f"no row for {experiment}: {_called(measure)}")
    return TableCheck(tuple(wrong), n_rows, frozenset(seen))


def _read(path: Path) -> dict[int, dict[str, str]]:
    """Rows by number of their line."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = dict((reader.line_num, row) for row in reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: no table ({error}); make it again") from error
    if not rows:
        raise ValueError(f"{path}: no table, it has no rows; make it again")
    if lacking := [name for name in OF_A_ROW if name not in next(iter(rows.values()))]:
        raise ValueError(f"{path}: no table, it lacks the columns {', '.join(lacking)}; make it again")
    for number, row in rows.items():
        if None in row or None in row.values():
            raise ValueError(f"{path}, line {number}: another number of columns than the first line; make it again")
    return rows


def _result(paths: ResultPaths, experiment: str, seeds: str) -> ExperimentResult:
    """The runs that a row names."""
    if experiment.count("/") != 1 or ".." in experiment:
        raise ValueError(f"{experiment!r} is not the name of an experiment")
    numbers: list[int | None] = [int(seed) for seed in seeds.split(";")] if seeds else [None]
    (result,) = read_results([paths.run(experiment, seed).folder for seed in numbers])
    return result


def _of_row(row: Mapping[str, str], result: ExperimentResult, measure: Measure, is_repeated: bool) -> list[str]:
    if is_repeated:
        return [f"{row['experiment']} a second time: {_called(measure)}"]
    if measure not in result.measures:
        return [f"{row['experiment']} was not measured so: {_called(measure)}"]
    expected = _expected(result, measure)
    return [
        f"{row['experiment']}, {_called(measure)}: {name} is {row[name]!r}, metrics.json gives {text!r}"
        for name, text in expected.items()
        if name in row and row[name] != text
    ]


def _expected(result: ExperimentResult, measure: Measure) -> dict[str, str]:
    """What a row must say of a measure, by column, as CSV writes it."""
    statistics = result.statistics(measure)
    counted = result.counted(measure.window_set, measure.protocol) or ("", "")
    cells = {
        "dataset": result.fact("dataset"),
        "experiment": result.fact("experiment"),
        "title": result.fact("title"),
        "paper": result.fact("paper"),
        "n_windows": result.n_windows(measure.window_set, measure.protocol),
        "n_available": result.n_available(measure.window_set, measure.protocol),
        "n_windows_counted": counted[0],
        "n_frames_counted": counted[1],
        **mean_of(result, measure, statistics),
        **facts_of(result),
    }
    return {name: "" if value is None else str(value) for name, value in cells.items()}


def _called(measure: Measure) -> str:
    return f"{measure.protocol}, {measure.window_set} windows, {measure.metric} over {measure.n_frames} frames"
