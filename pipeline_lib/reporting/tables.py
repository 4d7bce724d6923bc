"""The table of a dataset: one row per experiment, beside the published numbers; in parts where it has many columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline_lib.config.published import PublishedColumn, PublishedResults, PublishedRow
from pipeline_lib.records.scores import n_frames_of
from pipeline_lib.reporting.results import ExperimentResult, Measure, read_results


@dataclass(frozen=True)
class Part:
    """The columns of one protocol and number of frames; a metric's window sets stand side by side."""

    protocol: str
    n_frames: int
    measures: tuple[Measure, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(measure.metric for measure in self.measures))

    @property
    def window_sets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(measure.window_set for measure in self.measures))


@dataclass(frozen=True)
class Table:
    """Results of a dataset, and what is published on it."""

    dataset: str
    results: list[ExperimentResult]
    published: PublishedResults | None

    def n_frames(self, protocol: str) -> int:
        """Frames that a protocol scores in all."""
        return n_frames_of(self.results[0].runs[0].record, protocol)

    @cached_property
    def parts(self) -> list[Part]:
        """Parts and their metrics in the order of the published columns, then those that are ours alone."""
        measures = list(dict.fromkeys(measure for result in self.results for measure in result.measures))
        protocols = list(dict.fromkeys(measure.protocol for measure in measures))
        keys = sorted({(m.protocol, m.n_frames) for m in measures}, key=lambda key: (protocols.index(key[0]), key[1]))
        columns = self.published.columns.values() if self.published else ()
        places = [(column.protocol, column.n_frames or self.n_frames(column.protocol)) for column in columns]
        return [self._part(measures, *key) for key in sorted(keys, key=lambda key: _place(places, key))]

    def _part(self, measures: list[Measure], protocol: str, n_frames: int) -> Part:
        of_part = [measure for measure in measures if (measure.protocol, measure.n_frames) == (protocol, n_frames)]
        ours = list(dict.fromkeys(measure.metric for measure in of_part))
        sets = list(dict.fromkeys(measure.window_set for measure in of_part))
        columns = list(self.published.columns) if self.published else []
        found = {metric: self.published_column(protocol, metric, n_frames) for metric in ours}
        metrics = sorted(ours, key=lambda metric: _place(columns, column[0] if (column := found[metric]) else ""))
        of_part.sort(key=lambda measure: (metrics.index(measure.metric), sets.index(measure.window_set)))
        return Part(protocol, n_frames, tuple(of_part))

    def of_measure(self, measure: Measure) -> list[ExperimentResult]:
        """The experiments that were measured so."""
        return [result for result in self.results if measure in result.measures]

    def n_windows(self, protocol: str, window_set: str) -> tuple[int, int]:
        """How many windows of a set were scored, and how many there are; experiments agree on it."""
        result = next(result for result in self.results if window_set in result.window_sets(protocol))
        return result.n_windows(window_set, protocol), result.n_available(window_set, protocol)

    def counted(self, protocol: str, window_set: str) -> tuple[int, int] | None:
        """How many windows of a set, and frames in them, count; None where all do."""
        result = next(result for result in self.results if window_set in result.window_sets(protocol))
        return result.counted(window_set, protocol)

    def published_column(self, protocol: str, metric: str, n_frames: int) -> tuple[str, PublishedColumn] | None:
        """The published numbers that are comparable to our means of this metric over these frames."""
        n_all = self.n_frames(protocol)
        return self.published.column(protocol, metric, n_frames, n_all) if self.published else None

    def published_row(self, result: ExperimentResult) -> PublishedRow | None:
        """The published row of the same model."""
        rows = self.published.rows if self.published else ()
        return next((row for row in rows if result.fact("model") in (row.variant, *row.same_as)), None)

    def other_published_rows(self) -> list[PublishedRow]:
        """Published models that no experiment here reproduces."""
        ours = [self.published_row(result) for result in self.results]
        return [row for row in (self.published.rows if self.published else ()) if row not in ours]


def _place(order: Sequence[object], item: object) -> int:
    """Where an item stands in an order; what is not in it comes last."""
    return order.index(item) if item in order else len(order)


def read_table(dataset: str, folders: Sequence[Path], published: PublishedResults | None) -> Table:
    """The evaluated runs in `folders` as the table of `dataset`.

    Raises ValueError where a run is of another dataset, and for what must not be mixed (reporting/results.py).
    """
    table = Table(dataset, read_results(folders), published)
    for result in table.results:
        if result.fact("dataset") != dataset:
            raise ValueError(f"{result.runs[0].folder}: a run on {result.fact('dataset')}, the table is of {dataset}")
    return table
