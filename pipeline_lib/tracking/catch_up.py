"""Tracking everything in a results folder: after an outage, after a crash, or to rebuild a store that was deleted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline_lib.config.paths import ResultPaths, RunPaths
from pipeline_lib.runtime.atomic import write_json
from pipeline_lib.runtime.locks import LockHeldError
from pipeline_lib.tracking.complete import complete
from pipeline_lib.tracking.connection import StoreUnavailableError
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.tracking.parent import track_parent
from pipeline_lib.tracking.run_folder import RunFolder, read_run_folder, read_state_folder
from pipeline_lib.tracking.store import Store


@dataclass
class Outcome:
    """What `track_all` did: names of the runs tracked, and a sentence for each that was skipped or failed.

    without_scores: those tracked runs that no evaluation stands beside.
    """

    tracked: list[str] = field(default_factory=list)
    without_scores: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def track_all(results_dir: Path, store: Store, options: StoreOptions, say: Callable[[str], None] = print) -> Outcome:
    """Track every run under a results folder, finished or not, and the parents of those that are evaluated.

    Runs that a process is shipping now are skipped. One that fails does not keep the others from being tracked;
    a store that cannot be reached raises StoreUnavailableError.
    """
    check_results_dir(results_dir)
    outcome = Outcome()
    for experiment_dir in sorted(path for path in _runs_dir(results_dir).glob("*/*") if path.is_dir()):
        evaluated = []
        for folder in sorted(path for path in experiment_dir.iterdir() if path.is_dir()):
            for run in _runs_in(folder, outcome):
                if _track(run, store, options, outcome, say) and run.metrics is not None:
                    evaluated.append(run)
        if evaluated:
            _track_parent(evaluated, store, options, experiment_dir, outcome)
    return outcome


def check_results_dir(results_dir: Path) -> None:
    """Raises ValueError where a folder holds no runs."""
    runs_dir = _runs_dir(results_dir)
    if not runs_dir.is_dir():
        raise ValueError(f"{results_dir}: not a results folder, it has no {runs_dir.name}/")


def _runs_dir(results_dir: Path) -> Path:
    return ResultPaths(results_dir, results_dir).runs_dir


def _runs_in(folder: Path, outcome: Outcome) -> Iterator[RunFolder]:
    """The run that a folder was published for, and those of other configurations, or unfinished, in its states."""
    published = None
    try:
        if RunPaths(folder).journal.is_file():
            published = read_run_folder(folder)
            yield published
    except ValueError as error:
        outcome.failed.append(str(error))
    for state in sorted(RunPaths(folder).state_root.glob("*/")):
        try:
            run = read_state_folder(state)
        except ValueError as error:
            outcome.failed.append(str(error))
            continue
        if run is not None and (published is None or run.head.fingerprint != published.head.fingerprint):
            yield run


def _track(run: RunFolder, store: Store, options: StoreOptions, outcome: Outcome, say: Callable[[str], None]) -> bool:
    try:
        content = complete(run, store, options, say=say)
        if run.training is not None:
            write_json(RunPaths(run.folder).tracked, content)
    except StoreUnavailableError:
        raise
    except LockHeldError as error:
        outcome.skipped.append(f"{run.label}: being shipped now: {error}")
        return False
    except (ValueError, OSError) as error:
        outcome.failed.append(f"{run.label}: {error}")
        return False
    outcome.tracked.append(run.label)
    if run.metrics is None:
        outcome.without_scores.append(run.label)
    return True


def _track_parent(
    runs: list[RunFolder], store: Store, options: StoreOptions, experiment_dir: Path, outcome: Outcome
) -> None:
    try:
        content = track_parent(runs, store, options, experiment_dir)
        write_json(experiment_dir / "tracked.json", content)
    except StoreUnavailableError:
        raise
    except (ValueError, OSError) as error:
        outcome.failed.append(f"{experiment_dir}: {error}")
