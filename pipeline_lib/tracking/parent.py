"""The parent run of an experiment: mean and spread over its seeds, with the runs as its children."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline_lib.runtime.locks import FileLock
from pipeline_lib.tracking.complete import SCHEMA_VERSION, as_param
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.tracking.points import Curves, Point, compare
from pipeline_lib.tracking.run_folder import RunFolder
from pipeline_lib.tracking.ship import experiment_name
from pipeline_lib.tracking.store import NOTE_TAG, PARENT_TAG, SOURCE_TAGS, DatasetInput, Store, StoredRun

LOCK_NAME = ".parent.lock"
SHARED_TAGS = ("paper", "dataset", "model", "variant", "schedule", "data_source", "title", "protocols", "precision")


def track_parent(runs: Sequence[RunFolder], store: Store, options: StoreOptions, folder: Path) -> dict[str, Any]:
    """Make the parent of these runs of one experiment hold what they have in common and link them to it.

    folder: the experiment's, for a lock. Returns the content of its tracked.json.
    Raises ValueError where the runs do not belong together, are not evaluated, or are not in the store yet.
    """
    _check_belong_together(runs)
    experiment_id = store.experiment(experiment_name(runs[0].head.content, options.experiment_prefix))
    with FileLock(folder / LOCK_NAME):
        children = [_stored_child(run, store, experiment_id) for run in runs]
        parent_id = _parent(runs, children, store, experiment_id)
        for child in children:
            if child.tags.get(PARENT_TAG) != parent_id:
                store.set_tags(child.run_id, {PARENT_TAG: parent_id})
    return {
        "schema_version": SCHEMA_VERSION,
        "uri": store.name,
        "experiment": experiment_name(runs[0].head.content, options.experiment_prefix),
        "experiment_id": experiment_id,
        "run_id": parent_id,
        "run_name": parent_name(runs),
        "children": [child.run_id for child in children],
        "points": Curves(summary_points(runs)).counts(),
    }


def parent_name(runs: Sequence[RunFolder]) -> str:
    """ "pde, 2 seeds"; a baseline has none."""
    variant = runs[0].head.content["model"]
    if runs[0].head.content["seed"] is None:
        return str(variant)
    return f"{variant}, {len(runs)} seed{'s' if len(runs) > 1 else ''}"


def summary_points(runs: Sequence[RunFolder]) -> list[Point]:
    """Means over the runs, under the names that the runs' own metrics have, so that both stand in the same charts.

    Where there are two runs or more, standard deviations (n - 1) too, on the main windows: `<metric>_std_over_seeds`.
    """
    time_ms = max(run.end_ms for run in runs)
    values: dict[tuple[str, int], list[float]] = {}
    for run in runs:
        for point in [*run.scores(), *run.horizons()]:
            values.setdefault((point.key, point.step), []).append(point.value)
    # What is not defined for one of the runs has no mean over them.
    values = {place: of_runs for place, of_runs in values.items() if len(of_runs) == len(runs)}
    points = [Point(key, step, time_ms, statistics.fmean(of_key)) for (key, step), of_key in values.items()]
    if len(runs) > 1:
        main = {(point.key, point.step) for point in runs[0].scores(main_only=True)} & values.keys()
        spread = {key: statistics.stdev(values[key, step]) for key, step in sorted(main)}
        points += [Point(f"{key}_std_over_seeds", 0, time_ms, value) for key, value in spread.items()]
    return points


def _check_belong_together(runs: Sequence[RunFolder]) -> None:
    if not runs:
        raise ValueError("a parent run needs the folders of its experiment's runs")
    first = runs[0]
    for run in runs:
        if run.metrics is None:
            raise ValueError(f"{run.folder}: has no metrics.json; evaluate the run first")
        for what in ("experiment", "settings_digest"):
            if run.metrics.get(what) != (first.metrics or {}).get(what):
                raise ValueError(
                    f"{run.folder}: has another {what} ({run.metrics.get(what)}) than {first.folder} "
                    f"({(first.metrics or {}).get(what)}); they have no mean. Run the pipeline to bring both up to date"
                )


def _stored_child(run: RunFolder, store: Store, experiment_id: str) -> StoredRun:
    found = store.find(experiment_id, f"tags.journal = '{run.head.fingerprint}'")
    if not found:
        raise ValueError(f"{run.folder}: tracking store {store.name} does not hold it; run `track --run` on it first")
    return found[0]


def _parent(runs: Sequence[RunFolder], children: Sequence[StoredRun], store: Store, experiment_id: str) -> str:
    """Id of the parent run, made if there is none, made anew where the stored one says something else."""
    points, params = summary_points(runs), _shared([run.params() for run in runs])
    tags = _tags(runs)
    for parent in _stored_parents(runs, store, experiment_id):
        keys = parent.metric_keys
        stored = Curves(point for key in keys for point in store.history(parent.run_id, key))
        same_params = parent.params == {key: as_param(value) for key, value in params.items()}
        same_tags = all(parent.tags.get(key) == value for key, value in tags.items() if key != NOTE_TAG)
        if compare(Curves(points), stored) == ([], []) and same_params and same_tags:
            return parent.run_id
        store.delete_run(parent)
    begin = min(run.head.time_ms for run in runs)
    parent_id = store.create_run(experiment_id, parent_name(runs), begin, tags)
    store.log_params(parent_id, params)
    store.log_datasets(parent_id, _datasets(runs))
    store.log_points(parent_id, points)
    store.set_status(parent_id, "FINISHED", max(run.end_ms for run in runs))
    return parent_id


def _stored_parents(runs: Sequence[RunFolder], store: Store, experiment_id: str) -> list[StoredRun]:
    """Parents that have one of these runs as a child: the same experiment, perhaps with fewer or more seeds."""
    found: dict[str, StoredRun] = {}
    for run in runs:
        query = f"tags.level = 'experiment' AND tags.children LIKE '%{run.head.fingerprint}%'"
        found |= {parent.run_id: parent for parent in store.find(experiment_id, query)}
    return list(found.values())


def _datasets(runs: Sequence[RunFolder]) -> list[DatasetInput]:
    return list(dict.fromkeys(dataset for run in runs for dataset in run.datasets()))


def _tags(runs: Sequence[RunFolder]) -> dict[str, str]:
    each = [{**run.head.content["tags"], **run.tags()} for run in runs]
    shared = {key: value for key, value in _shared(each).items() if key in SHARED_TAGS}
    return {
        **{key: str(value) for key, value in shared.items()},
        "level": "experiment",
        "experiment": str(runs[0].head.content["experiment"]),
        "seed": "mean",
        "seeds": ",".join(str(run.head.content["seed"]) for run in runs),
        "children": ",".join(run.head.fingerprint for run in runs),
        "state": "finished",
        NOTE_TAG: _note(runs),
        **SOURCE_TAGS,
    }


def _note(runs: Sequence[RunFolder]) -> str:
    seeds = ", ".join(str(run.head.content["seed"]) for run in runs)
    lines = [f"Means over the runs with seeds {seeds}, which are its children."] if len(runs) > 1 else []
    if len(runs) > 1:
        lines.append("`…_std_over_seeds` is their standard deviation (n - 1).")
    return " ".join(lines) + ("\n\n" if lines else "") + str(runs[0].note())


def _shared(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What all have in common."""
    return {key: value for key, value in each[0].items() if all(other.get(key) == value for other in each)}
