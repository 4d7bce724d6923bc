"""The metrics files of several runs, grouped by experiment; what must not be mixed is an error."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.scores import Score, scores

SEEDS_SHARE = (
    "settings_digest",
    "schedule_name",
    "iterations",
    "precision",
    "evaluation_precision",
    "title",
)
"""What the runs of an experiment must have in common for a mean over its seeds to mean something."""

ROWS_SHARE = ("dataset", "n_cond", "n_pred_test", "data_source", "test_data.content_sha256")
"""What all runs must have in common to stand in one table or figure."""


@dataclass(frozen=True)
class Measure:
    """What a number is: of which metric the mean, over how many first frames, and over which windows."""

    protocol: str
    n_frames: int
    metric: str
    window_set: str


@dataclass(frozen=True)
class RunResult:
    """Content of a run's metrics.json, and where it stands."""

    folder: Path
    record: dict[str, Any]

    def fact(self, key: str) -> Any:
        """Value at a dotted key; None where there is none."""
        value: Any = self.record
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


@dataclass(frozen=True)
class SeedStatistics:
    """Of one metric on one window set: a value per seed, their mean, and their standard deviation (None below 2).

    NaN where the metric is not defined for a seed.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    @property
    def std(self) -> float | None:
        """With n - 1 in the denominator."""
        if len(self.values) < 2:
            return None
        return math.sqrt(math.fsum((v - self.mean) ** 2 for v in self.values) / (len(self.values) - 1))


@dataclass(frozen=True)
class ExperimentResult:
    """The runs of one experiment, in the order of their seeds."""

    runs: tuple[RunResult, ...]

    def fact(self, key: str) -> Any:
        """What the runs have in common."""
        return self.runs[0].fact(key)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Empty for baselines."""
        return tuple(run.record["seed"] for run in self.runs if run.record["seed"] is not None)

    @property
    def protocols(self) -> tuple[str, ...]:
        """Evaluation protocols that were run."""
        return tuple(self.runs[0].record["protocols"])

    def window_sets(self, protocol: str = "forecast") -> tuple[str, ...]:
        """Names of the window sets, the main one first; none where the protocol was not run."""
        return tuple(_sets(self.runs[0], protocol))

    def metrics(self, window_set: str, protocol: str = "forecast") -> tuple[str, ...]:
        """Names of the metrics on a window set; none where the set was not evaluated."""
        return tuple(_sets(self.runs[0], protocol).get(window_set, {}).get("metrics", {}))

    def n_windows(self, window_set: str, protocol: str = "forecast") -> int:
        """Windows of the set that were scored."""
        return int(_sets(self.runs[0], protocol)[window_set]["n_windows"])

    def n_available(self, window_set: str, protocol: str = "forecast") -> int:
        """Windows that the set has, scored or not."""
        return int(_sets(self.runs[0], protocol)[window_set]["n_available"])

    def counted(self, window_set: str, protocol: str = "forecast") -> tuple[int, int] | None:
        """Windows, and frames in them, that count; None where all do."""
        counted = _sets(self.runs[0], protocol)[window_set].get("counted")
        return (int(counted["n_windows"]), int(counted["n_frames"])) if counted else None

    def horizons(self, window_set: str, metric: str, protocol: str = "forecast") -> list[list[float]]:
        """Mean over windows per predicted frame, (n_pred_test,) for each seed."""
        return [_sets(run, protocol)[window_set]["metrics"][metric]["horizon"] for run in self.runs]

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """Everything that was measured: by protocol, window set, metric, and number of frames."""
        return tuple(_measure(score) for score in scores(self.runs[0].record))

    def statistics(self, measure: Measure) -> SeedStatistics:
        """The means over frames and windows, by seed."""
        return SeedStatistics(tuple(score.mean for score in self._scores(measure)))

    def std_over_windows(self, measure: Measure) -> list[float | None]:
        """Spread over the windows, by seed."""
        return [score.std_over_windows for score in self._scores(measure)]

    def _scores(self, measure: Measure) -> list[Score]:
        return [score for run in self.runs for score in scores(run.record) if _measure(score) == measure]


def read_results(folders: Sequence[Path]) -> list[ExperimentResult]:
    """The evaluated runs in these folders by experiment, in the order in which experiments first come.

    Raises ValueError, naming both folders, where runs of an experiment were configured, trained or evaluated
    differently, where a seed comes twice, and where experiments are not comparable.
    """
    by_experiment: dict[str, list[RunResult]] = {}
    for folder in folders:
        run = _read(folder)
        by_experiment.setdefault(run.record["experiment"], []).append(run)
    results = [_grouped(runs) for runs in by_experiment.values()]
    if not results:
        raise ValueError("there is no run to report on: give at least one --run")
    for result in results[1:]:
        _agree(results[0].runs[0], result.runs[0], ROWS_SHARE, "are not comparable")
    for one, other in combinations(results, 2):
        _agree_on_windows(one.runs[0], other.runs[0])
    return results


def metric_names(results: Sequence[ExperimentResult], protocol: str = "forecast") -> list[tuple[str, str]]:
    """(window set, metric) that any experiment has, the main set first, metrics side by side within a metric."""
    sets = list(dict.fromkeys(name for result in results for name in result.window_sets(protocol)))
    metrics = list(dict.fromkeys(m for result in results for name in sets for m in result.metrics(name, protocol)))
    return [
        (name, metric)
        for metric in metrics
        for name in sets
        if any(metric in result.metrics(name, protocol) for result in results)
    ]


def _read(folder: Path) -> RunResult:
    path = RunPaths(folder).metrics
    if not path.is_file():
        raise ValueError(f"{path}: does not exist; evaluate the run first")
    return RunResult(folder, read_metrics(path))


def _grouped(runs: list[RunResult]) -> ExperimentResult:
    ordered = sorted(runs, key=lambda run: -1 if run.record["seed"] is None else run.record["seed"])
    for run, following in zip(ordered, ordered[1:], strict=False):
        if run.record["seed"] == following.record["seed"]:
            raise ValueError(
                f"{run.folder} and {following.folder} are both runs of {run.record['experiment']} with seed "
                f"{run.record['seed']}: give one of them"
            )
        _agree(run, following, (*SEEDS_SHARE, *ROWS_SHARE), "must not be averaged")
        if _evaluated(run) != _evaluated(following):
            raise ValueError(
                f"{run.folder} and {following.folder} were evaluated on different windows or by different metrics: "
                f"{_evaluated(run)} / {_evaluated(following)}; evaluate both again"
            )
    return ExperimentResult(tuple(ordered))


def _sets(run: RunResult, protocol: str) -> dict[str, Any]:
    sets: dict[str, Any] = run.record["protocols"].get(protocol, {}).get("window_sets", {})
    return sets


def _measure(score: Score) -> Measure:
    return Measure(score.protocol, score.n_frames, score.metric, score.window_set)


def _agree_on_windows(one: RunResult, other: RunResult) -> None:
    """Means over other numbers of the same windows are no means over the same."""
    for protocol in one.record["protocols"]:
        for name, of_set in _sets(one, protocol).items():
            n_windows, n_others = of_set["n_windows"], _sets(other, protocol).get(name, of_set)["n_windows"]
            if n_windows != n_others:
                raise ValueError(
                    f"{one.folder} and {other.folder} are not comparable: the {protocol} was scored on {n_windows} / "
                    f"{n_others} of the {name} windows; give both the same evaluation.n_windows"
                )


def _evaluated(run: RunResult) -> set[tuple[Any, ...]]:
    return {(s.protocol, s.window_set, s.metric, s.n_frames, s.n_windows) for s in scores(run.record)}


def _agree(one: RunResult, other: RunResult, keys: Sequence[str], verdict: str) -> None:
    differing = [
        f"{key} {one.fact(key)!r} / {other.fact(key)!r}"
        for key in dict.fromkeys(keys)
        if one.fact(key) != other.fact(key)
    ]
    if differing:
        raise ValueError(f"{one.folder} and {other.folder} {verdict}: {'; '.join(differing)}")
