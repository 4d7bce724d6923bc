"""`prune`: remove training states that no run of the configuration uses any more.

A run folder keeps a state folder (checkpoints, finished weights) for every digest that it has been trained with, so
that going back to an earlier configuration restores instead of retraining. This removes all but the current ones.
"""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.cli.overlays import add_overlays, given_pipeline
from pipeline_lib.config.digests import run_digest
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.runtime.locks import FileLock, LockHeldError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `prune`."""
    add_overlays(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and leave it")
    parser.add_argument(
        "--unlisted", action="store_true", help="also states of runs that the configuration does not name at all"
    )


@dataclass(frozen=True)
class Survey:
    """State folders that nothing uses, and those that cannot be judged, with the reason."""

    obsolete: tuple[Path, ...]
    unclear: dict[Path, str]


def run(args: argparse.Namespace) -> int:
    """Remove what is obsolete and say how much that was; raises ValueError while a pipeline is running."""
    pipeline = given_pipeline(args)
    if not pipeline.paths.runs_dir.is_dir():
        print(f"nothing to remove: there are no runs in {pipeline.paths.results_dir}")
        return 0
    with FileLock(pipeline.paths.lock):
        found = survey(pipeline, args.unlisted)
        for folder, reason in found.unclear.items():
            print(f"kept {folder}: {reason}")
        sizes = []
        for folder in found.obsolete:
            size = _size(folder)
            if not args.dry_run and not _removed(folder):
                continue
            sizes.append(size)
            print(f"{'would remove' if args.dry_run else 'removed'} {folder} ({size / 1e6:.1f} MB)")
    verb = "would be" if args.dry_run else "were"
    print(f"{len(sizes)} state folders, {sum(sizes) / 1e6:.1f} MB {verb} removed")
    return 0


def _removed(folder: Path) -> bool:
    """Remove a state folder, unless a training that was started without the pipeline is at work in it."""
    try:
        with FileLock(folder / ".lock"):
            shutil.rmtree(folder)
    except LockHeldError as error:
        print(f"kept {folder}: {error}")
        return False
    return True


def survey(pipeline: Pipeline, unlisted: bool) -> Survey:
    """Which state folders are obsolete. Those of runs outside the configuration only count if `unlisted`."""
    runs = {pipeline.paths.run(run.experiment.name, run.seed).folder: run for run in pipeline.runs()}
    contents: dict[str, str | None] = {}
    obsolete: list[Path] = []
    unclear: dict[Path, str] = {}
    for folder in _run_folders(pipeline.paths.runs_dir):
        states = [path for path in sorted(RunPaths(folder).state_root.iterdir()) if path.is_dir()]
        if folder not in runs:
            if unlisted:
                obsolete += states
            else:
                unclear |= {state: "of a run that the configuration does not name" for state in states}
            continue
        experiment = runs[folder].experiment
        dataset = experiment.dataset.name
        if dataset not in contents:
            contents[dataset] = _content(pipeline.paths.train_file(dataset))
        content = contents[dataset]
        if content is None:
            reason = f"{pipeline.paths.train_file(dataset)} is not there, or damaged: nothing to compare with"
            unclear |= {state: reason for state in states}
        else:
            current = run_digest(experiment, runs[folder].seed, content)
            obsolete += [state for state in states if state.name != current]
    return Survey(tuple(obsolete), unclear)


def _run_folders(runs_dir: Path) -> Iterator[Path]:
    yield from (path.parent for path in sorted(runs_dir.glob("*/*/*/state")) if path.is_dir())


def _content(train_file: Path) -> str | None:
    if not train_file.is_file():
        return None
    try:
        with PreparedFile(train_file) as videos:
            return videos.content_sha256
    except ValueError:  # damaged: nothing can be judged by it
        return None


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
