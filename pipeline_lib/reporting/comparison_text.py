"""A table over several datasets to be read: the numbers, then what each column and each cell rests on."""

from collections.abc import Iterator

from pipeline_lib.config.comparisons import is_sample
from pipeline_lib.reporting.comparisons import Comparison
from pipeline_lib.reporting.readable import (
    DASH,
    ReadablePart,
    ReadableTable,
    best_of,
    mean_and_spread,
    metric_heading,
    n_seeds,
    precision,
    schedule,
)
from pipeline_lib.reporting.results import ExperimentResult

COMMIT_LENGTH = 12
"""Characters of a commit that tell it apart."""


def readable(comparison: Comparison) -> ReadableTable:
    """What Markdown and web page show."""
    parts = [_numbers(comparison), _test_data(comparison), _runs(comparison)]
    return ReadableTable(comparison.title, parts, list(_notes(comparison)))


def _numbers(comparison: Comparison) -> ReadablePart:
    columns = [_column(comparison, dataset) for dataset in comparison.datasets]
    rows = [
        [comparison.row_title(model), *(column[number] for column in columns)]
        for number, model in enumerate(comparison.models)
    ]
    heading = f"{metric_heading(comparison.metric)}, {_frames(comparison)}"
    return ReadablePart(heading, [["Model", *map(_marked, comparison.datasets)], *rows], "l" + "r" * len(columns))


def _column(comparison: Comparison, dataset: str) -> list[str]:
    means = (comparison.statistics(result).mean for result in comparison.of_dataset(dataset))
    best = best_of(comparison.metric, means)
    found = (comparison.result(model, dataset) for model in comparison.models)
    return [DASH if each is None else mean_and_spread(each, comparison.statistics(each), best) for each in found]


def _frames(comparison: Comparison) -> str:
    return "first predicted frame" if comparison.n_frames == 1 else f"first {comparison.n_frames} predicted frames"


def _marked(dataset: str) -> str:
    return f"{dataset} (sample data)" if is_sample(dataset) else dataset


def _test_data(comparison: Comparison) -> ReadablePart:
    """What the cells of a column share."""
    header = ["Dataset", "Test windows", "Test videos", "Conditioning frames", "Evaluated in", "Data source"]
    found = [(dataset, comparison.of_dataset(dataset)) for dataset in comparison.datasets]
    rows = [[_marked(dataset), *_facts_of_column(results)] for dataset, results in found]
    return ReadablePart("Test data", [header, *rows], "lrrrll")


def _facts_of_column(results: list[ExperimentResult]) -> list[str]:
    if not results:
        return [DASH] * 5
    first = results[0]
    main = first.window_sets()[0]
    n_windows, n_available = first.n_windows(main), first.n_available(main)
    of_all = "" if n_windows == n_available else f" of {n_available:,}"
    precisions = dict.fromkeys(result.fact("evaluation_precision") for result in results)
    return [
        f"{main}: {n_windows:,}{of_all}",
        f"{first.fact('test_data.n_videos'):,}",
        str(first.fact("n_cond")),
        " / ".join(precisions),
        first.fact("data_source"),
    ]


def _runs(comparison: Comparison) -> ReadablePart:
    """What a cell rests on beside its test data."""
    header = ["Model", "Dataset", "Seeds", "Schedule", "Precision", "Commit"]
    rows = [
        [result.fact("title"), _marked(dataset), n_seeds(result), schedule(result), precision(result), _commits(result)]
        for model in comparison.models
        for dataset in comparison.datasets
        if (result := comparison.result(model, dataset))
    ]
    return ReadablePart("Runs", [header, *rows], "llrlll")


def _commits(result: ExperimentResult) -> str:
    """Of the code that trained, or fitted."""
    found = ((run.fact("training.git_commit"), run.fact("training.git_dirty")) for run in result.runs)
    return " / ".join(
        f"{str(commit)[:COMMIT_LENGTH]}{' with changes' if dirty else ''}" for commit, dirty in dict.fromkeys(found)
    )


def _notes(comparison: Comparison) -> Iterator[str]:
    yield (
        f"Means over the {_frames(comparison)} and over the test windows of the main set, ± standard deviation over "
        f"seeds (n − 1; {DASH} where there is one seed). A cell with nothing but {DASH} was not run. "
        "Best mean of each dataset in bold; what stands in different columns was scored on different videos."
    )
    for dataset in comparison.datasets:
        results = comparison.of_dataset(dataset)
        rows = results[0].fact("visible_rows") if results else None
        if rows is not None:
            yield f"On {dataset}, rows {rows[0]} to {rows[1] - 1} of a frame count, where the others are hidden."
    if any(map(is_sample, comparison.datasets)):
        yield "Sample data stand in for the real ones, and their numbers say nothing of these."
    yield "A schedule is that of its paper only where it is called published. Commits are those of the training."
