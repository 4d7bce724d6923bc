"""`track`: make the tracking store hold what runs left. A view: whatever is in the store can be made again by this.

Four ways to call it: --initialise before many processes begin to ship, --run for one finished run, --runs for all of
an experiment with the parent that has the mean over its seeds, --all for a whole results folder.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.tracking import TrackingSettings, without_credentials
from pipeline_lib.runtime.atomic import write_json
from pipeline_lib.tracking.catch_up import check_results_dir, track_all
from pipeline_lib.tracking.complete import complete
from pipeline_lib.tracking.connection import (
    MIGRATION_SECONDS,
    StoreUnavailableError,
    load_mlflow,
    sqlite_path,
    within,
)
from pipeline_lib.tracking.options import StoreOptions, add_store_arguments, store_options
from pipeline_lib.tracking.parent import track_parent
from pipeline_lib.tracking.run_folder import read_run_folder
from pipeline_lib.tracking.store import Store, initialise, open_store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `track`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--initialise", action="store_true", help="make the store ready; a server that is dead is only warned of"
    )
    what.add_argument("--run", type=Path, metavar="DIR", help="complete the run in this folder, and check it")
    what.add_argument(
        "--runs", type=Path, nargs="+", metavar="DIR", help="complete the runs of an experiment, then their parent run"
    )
    what.add_argument(
        "--all", type=Path, metavar="RESULTS_DIR", help="track every run there, finished or not: to catch up or rebuild"
    )
    parser.add_argument(
        "--experiment", nargs="+", default=[], metavar="NAME", help="with --initialise: datasets that come"
    )
    parser.add_argument(
        "--figures",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="with --run and --runs: figures to keep too, those in a run's folder with that run",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="tracked.json to write: of the run, or with --runs of the parent"
    )
    add_store_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """0: the store holds what it should; 1: it does not, or cannot be asked; --initialise only warns of that.

    Raises ValueError for a difference between store and files, naming each curve with its counts.
    """
    if (args.run or args.runs) and args.out is None:
        raise ValueError("--out is missing: the tracked.json to write")
    options = store_options(args) or _default_options(args)
    if args.initialise:
        return _initialise(options, args.experiment)
    store = open_store(options.uri, options.timeout)
    if args.all:
        return _all(args.all, store, options)
    if args.run:
        _write(complete(read_run_folder(args.run), store, options, args.figures), args.out, store)
        return 0
    for folder in args.runs:
        figures = [figure for figure in args.figures if figure.is_relative_to(folder)]
        _write(complete(read_run_folder(folder), store, options, figures), RunPaths(folder).tracked, store)
    runs = [read_run_folder(folder) for folder in args.runs]
    _write(track_parent(runs, store, options, args.out.parent), args.out, store)
    return 0


def _write(content: dict[str, Any], path: Path, store: Store) -> None:
    write_json(path, content)
    points = sum(content["points"].values())
    print(f"{content['run_name']}: {points:,} points of {len(content['points'])} curves are in {store.name}")
    for thinned in content.get("thinned", []):
        print(f"  thinned in the store, whole in the journal: {thinned}")


def _default_options(args: argparse.Namespace) -> StoreOptions:
    """The results folder that --all names has a store of its own."""
    if args.all is None:
        raise ValueError("no store: give --tracking, or set MLFLOW_TRACKING_URI")
    check_results_dir(args.all)  # before a store is made where nothing is to be tracked
    args.tracking = TrackingSettings().resolved_uri(args.all)
    options = store_options(args)
    assert options is not None
    return options


def _initialise(options: StoreOptions, datasets: list[str]) -> int:
    """A database file is made, however long that takes; a server has `timeout` seconds in all, nothing waits for it."""
    names = [f"{options.experiment_prefix}{dataset}" for dataset in datasets]
    seconds = MIGRATION_SECONDS if sqlite_path(options.uri) else options.timeout
    load_mlflow(options.timeout)
    try:
        within(
            seconds,
            lambda: initialise(options.uri, names, options.timeout),
            f"tracking store {without_credentials(options.uri)}",
        )
    except StoreUnavailableError as error:
        print(f"warning: {error}; journals are kept, and `track` ships them later", file=sys.stderr)
    return 0


def _all(results_dir: Path, store: Store, options: StoreOptions) -> int:
    outcome = track_all(results_dir, store, options)
    for label in outcome.without_scores:
        print(f"without scores (not evaluated, or its metrics.json is gone): {label}")
    for sentence in outcome.skipped:
        print(f"skipped {sentence}")
    for sentence in outcome.failed:
        print(f"failed: {sentence}", file=sys.stderr)
    print(
        f"{len(outcome.tracked)} runs are in {store.name}, {len(outcome.skipped)} were skipped, "
        f"{len(outcome.failed)} problems"
    )
    return 1 if outcome.failed else 0
