"""A table over several datasets: models by datasets, one metric of the forecast over the same number of frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.records.scores import main_score
from pipeline_lib.reporting.results import ExperimentResult, Measure, SeedStatistics, read_results_by_dataset


@dataclass(frozen=True)
class Comparison:
    """`models` are rows and `datasets` columns, in their order; `results` by name of the experiment, where it was run.

    n_frames: first predicted frames that the metric is the mean over.
    """

    title: str
    metric: str
    n_frames: int
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    results: dict[str, ExperimentResult]

    def result(self, model: str, dataset: str) -> ExperimentResult | None:
        """What is in a cell; None where nothing was run."""
        return self.results.get(f"{dataset}/{model}")

    def of_dataset(self, dataset: str) -> list[ExperimentResult]:
        """What is in a column."""
        return [found for model in self.models if (found := self.result(model, dataset))]

    def row_title(self, model: str) -> str:
        """What its experiments call a model; the second part of their names where none was run."""
        found = [result for dataset in self.datasets if (result := self.result(model, dataset))]
        return " / ".join(dict.fromkeys(result.fact("title") for result in found)) or model

    def measure(self, result: ExperimentResult) -> Measure:
        """What is compared, on the main set of windows."""
        return Measure("forecast", self.n_frames, self.metric, result.window_sets()[0])

    def statistics(self, result: ExperimentResult) -> SeedStatistics:
        """The means over frames and windows, by seed."""
        return result.statistics(self.measure(result))


def read_comparison(
    title: str, metric: str, n_frames: int, models: Sequence[str], datasets: Sequence[str], folders: Sequence[Path]
) -> Comparison:
    """The evaluated runs in `folders` as a table of `models` by `datasets`.

    Raises ValueError where a run is none of these, or was not scored so; where the runs on a dataset have different
    main sets of windows; and for what must not be mixed within a dataset (reporting/results.py).
    """
    found = read_results_by_dataset(folders)
    for results in found.values():
        for result in results:
            _check(result, metric, n_frames, models, datasets)
            _agree_on_main_set(results[0], result)
    by_name = {result.fact("experiment"): result for results in found.values() for result in results}
    return Comparison(title, metric, n_frames, tuple(models), tuple(datasets), by_name)


def _check(
    result: ExperimentResult, metric: str, n_frames: int, models: Sequence[str], datasets: Sequence[str]
) -> None:
    folder, name = result.runs[0].folder, result.fact("experiment")
    if name not in [f"{dataset}/{model}" for dataset in datasets for model in models]:
        raise ValueError(
            f"{folder}: a run of {name}, the comparison is of {', '.join(models)} on {', '.join(datasets)}"
        )
    try:
        main_score(result.runs[0].record, "forecast", metric, n_frames)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}; change the experiment's evaluation section") from error


def _agree_on_main_set(one: ExperimentResult, other: ExperimentResult) -> None:
    main, others = one.window_sets()[0], other.window_sets()[0]
    if main != others:
        raise ValueError(
            f"{one.runs[0].folder} and {other.runs[0].folder} are not comparable: their main sets of windows are "
            f"{main} / {others}; give both the same first of evaluation.window_sets"
        )
