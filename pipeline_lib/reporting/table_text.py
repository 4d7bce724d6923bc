"""A table to be read: rounded, best means in bold, published numbers with their marks, what they rest on in notes."""

from pipeline_lib.config.published import PublishedColumn, PublishedRow
from pipeline_lib.config.registry import METRICS
from pipeline_lib.records.scores import of_input
from pipeline_lib.reporting.published_marks import FOOTNOTES, MARKS, shown
from pipeline_lib.reporting.readable import (
    DASH,
    ReadablePart,
    ReadableTable,
    best_of,
    markdown_of,
    mean_and_spread,
    metric_heading,
    n_seeds,
    precision,
    schedule,
)
from pipeline_lib.reporting.results import ExperimentResult, Measure
from pipeline_lib.reporting.tables import Part, Table

PROTOCOLS = {
    "forecast": "Forecast",
    "whole_forecast": "Forecast, hidden rows too",
    "swap": "Content swap",
    "reconstruction": "Reconstruction",
    "whole_reconstruction": "Reconstruction, hidden rows too",
    "imputation": "Imputation",
    "missingness": "Missing objects",
}


def readable(table: Table) -> ReadableTable:
    """What Markdown and web page show."""
    title = table.published.title if table.published else table.dataset
    return ReadableTable(title, [_part(table, part) for part in table.parts], [note for note in _notes(table) if note])


def as_markdown(table: Table) -> str:
    """The readable table in Markdown."""
    return markdown_of(readable(table))


def _part(table: Table, part: Part) -> ReadablePart:
    """Columns name their windows, unless a heading does, which has room for one set of them."""
    heading = ""
    names_windows = True
    if len(table.parts) > 1:
        heading = f"{PROTOCOLS.get(part.protocol, part.protocol)}, {_frames(table, part)}"
        if len(part.window_sets) == 1:
            heading += f", {_windows(table, part.measures[0])}"
            names_windows = False
    header, alignment = ["Model", "Seeds", "Schedule", "Precision"], "lrll"
    for measure in part.measures:
        entry = METRICS[measure.metric]
        header.append(metric_heading(measure.metric))
        header[-1] += f", {_windows(table, measure)}" if names_windows else ""
        alignment += "r"
        if _published_after(table, part, measure):
            header.append(f"Published {entry.title}")
            alignment += "r"
    rows = [_row(table, part, result) for result in table.results if _has_a_place(table, part, result)]
    rows += [_published_only_row(table, part, row) for row in _published_only(table, part)]
    return ReadablePart(heading, [header, *rows], alignment)


def _frames(table: Table, part: Part) -> str:
    if part.protocol == "imputation":
        return "input frames in which something is missing"
    if of_input(part.protocol):
        return f"{part.n_frames} input frames"
    return f"{'all' if part.n_frames == table.n_frames(part.protocol) else 'first'} {part.n_frames} frames"


def _windows(table: Table, measure: Measure) -> str:
    n_windows, n_available = table.n_windows(measure.protocol, measure.window_set)
    of_all = "" if n_windows == n_available else f" of {n_available:,}"
    return f"{measure.window_set} windows ({n_windows:,}{of_all})"


def _published_after(table: Table, part: Part, measure: Measure) -> tuple[str, PublishedColumn] | None:
    """The published numbers, which follow the last column of their metric."""
    last = [other for other in part.measures if other.metric == measure.metric][-1]
    return table.published_column(part.protocol, measure.metric, part.n_frames) if measure == last else None


def _has_a_place(table: Table, part: Part, result: ExperimentResult) -> bool:
    """Whether the part has a number of this experiment, its own or a published one."""
    if any(measure in result.measures for measure in part.measures):
        return True
    row = table.published_row(result)
    columns = [column[0] for measure in part.measures if (column := _published_after(table, part, measure))]
    return row is not None and any(row.values[name] is not None for name in columns)


def _row(table: Table, part: Part, result: ExperimentResult) -> list[str]:
    cells = [result.fact("title"), n_seeds(result), schedule(result), precision(result)]
    row = table.published_row(result)
    for measure in part.measures:
        cells.append(_mean_and_spread(table, result, measure))
        if found := _published_after(table, part, measure):
            cells.append(_published_cell(row, *found))
    return cells


def _published_only(table: Table, part: Part) -> list[PublishedRow]:
    """Published models without an experiment here, where something is published of them."""
    columns = [column[0] for measure in part.measures if (column := _published_after(table, part, measure))]
    return [row for row in table.other_published_rows() if any(row.values[name] is not None for name in columns)]


def _published_only_row(table: Table, part: Part, row: PublishedRow) -> list[str]:
    cells = [row.title, DASH, DASH, DASH]
    for measure in part.measures:
        cells.append(DASH)
        if found := _published_after(table, part, measure):
            cells.append(_published_cell(row, *found))
    return cells


def _mean_and_spread(table: Table, result: ExperimentResult, measure: Measure) -> str:
    if measure not in result.measures:
        return DASH
    statistics = result.statistics(measure)
    means = (other.statistics(measure).mean for other in table.of_measure(measure))
    return mean_and_spread(result, statistics, best_of(measure.metric, means))


def _published_cell(row: PublishedRow | None, name: str, column: PublishedColumn) -> str:
    value = row.values[name] if row else None
    return DASH if row is None or value is None else shown(value, column.factor, row.status)


def _notes(table: Table) -> list[str]:
    first = table.results[0]
    n_videos = first.fact("test_data.n_videos")
    return [
        f"Means over {_frames_of_means(table)} (after {first.fact('n_cond')} conditioning frames) and over all test "
        f"windows of the set, ± standard deviation over seeds (n − 1; {DASH} where there is one seed). Best mean in "
        f"bold. Evaluated in {first.fact('evaluation_precision')}.",
        *_notes_on_protocols(table),
        f"Test data: {n_videos} video{'s' if n_videos > 1 else ''}; source: {first.fact('data_source')}.",
        *_notes_on_published(table),
    ]


def _frames_of_means(table: Table) -> str:
    if len(table.parts) == 1 and not of_input(table.parts[0].protocol):
        return f"{table.parts[0].n_frames} predicted frames"
    if any(of_input(part.protocol) for part in table.parts):
        return "the predicted or input frames that a heading names"
    return "the predicted frames that a heading names"


def _notes_on_protocols(table: Table) -> list[str]:
    """What the protocols beside the forecast are."""
    protocols = {part.protocol for part in table.parts}
    rows = table.results[0].fact("visible_rows")
    lines = {
        "swap": "Content swap: what one video shows, moving as another does. The best assignment of the contents to "
        "the motions counts, for each video, metric and number of frames. What has no content to swap is left out.",
        "reconstruction": "Reconstruction: input frames without the objects that are judged missing, against the "
        "complete ones. What takes no video apart is left out.",
        "imputation": f"Imputation: input frames with every object drawn, where one is missing {_counted(table)}.",
        "missingness": "Missing objects: whether it is told which objects are missing in which input frames, of all "
        "windows together. Component gain: how many times smaller the squared error of the components is than that "
        "of an equal share of the image.",
    }
    found = [line for protocol, line in lines.items() if protocol in protocols]
    if rows is None:
        return found
    hidden = (
        f"Forecast and reconstruction count rows {rows[0]} to {rows[1] - 1} of a frame, where the others are hidden; "
        "headings say where these count too."
    )
    return [hidden, *found]


def _counted(table: Table) -> str:
    """Of how many windows and frames imputations are scored."""
    counted = {
        measure.window_set: table.counted(part.protocol, measure.window_set)
        for part in table.parts
        for measure in part.measures
        if part.protocol == "imputation"
    }
    found = [
        f"{window_set} windows: {n_frames:,} frames in {n_windows:,} of them"
        for window_set, numbers in counted.items()
        if numbers is not None
        for n_windows, n_frames in [numbers]
    ]
    return f"({'; '.join(found)})" if found else "(all of them)"


def _notes_on_published(table: Table) -> list[str]:
    columns = [(m, c[1]) for part in table.parts for m in part.measures if (c := _published_after(table, part, m))]
    if not columns:
        return ["No published numbers are known for these metrics."]
    assert table.published is not None
    sets = sorted({f"{METRICS[measure.metric].title}: {column.window_set} windows" for measure, column in columns})
    lines = [f"Published numbers are in the unit of ours and rest on these windows: {'; '.join(sets)}."]
    lines += dict.fromkeys(line for measure, column in columns if (line := _other_windows(table, measure, column)))
    lines += [table.published.note] if table.published.note else []
    statuses = dict.fromkeys(row.status for row in table.published.rows)
    return lines + [f"{MARKS[status]} {FOOTNOTES[status]}." for status in statuses if status in FOOTNOTES]


def _other_windows(table: Table, measure: Measure, column: PublishedColumn) -> str:
    """A warning where our set of the published windows has another size than theirs."""
    if not any(column.window_set in result.window_sets(measure.protocol) for result in table.results):
        return ""
    n_ours, n_available = table.n_windows(measure.protocol, column.window_set)
    n_theirs = column.n_windows or n_available
    if n_ours == n_theirs:
        return ""
    why = "fewer were scored" if n_theirs == n_available else "the data were prepared with other settings"
    return f"Not comparable: theirs are {n_theirs:,} windows, ours {n_ours:,}, because {why}."
