"""Locks of a pipeline: who holds them, and how to clear those whose process is gone."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline_lib.cli.findings import Finding
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.runtime.lock_holders import LockState, is_running, lock_state, processes_in

TOPIC = "locks"
OF_SNAKEMAKE = Path(".snakemake") / "locks"


def lock_findings(pipeline: Pipeline, working_folder: Path) -> Iterator[Finding]:
    """The lock on the results, Snakemake's on the working folder, those on runs, data and store."""
    found = list(_of_snakemake(working_folder))
    free = 0
    for path in lock_files(pipeline):
        try:
            state = lock_state(path)
        except OSError as error:
            found.append(
                Finding(
                    "warning",
                    TOPIC,
                    f"{path} cannot be asked who holds it ({os.strerror(error.errno or 0)}).",
                    "Make it readable for you; a lock file may be removed while no pipeline runs.",
                )
            )
            continue
        if state.is_held or state.text:
            found.append(of_lock(state))
        else:
            free += 1
    yield from found
    if not found:
        yield Finding("ok", TOPIC, f"Nobody holds a lock ({free} lock files are free).")


def lock_files(pipeline: Pipeline) -> list[Path]:
    """The lock files that are there."""
    paths = pipeline.paths
    patterns = [
        (paths.results_dir, (".lock", ".*.lock")),
        (paths.runs_dir, ("*/*/.*.lock", "*/*/*/state/*/.lock", "*/*/*/state/*/.*.lock")),
        (paths.prepared_dir, ("*/.*.lock",)),
        (paths.data_dir / "raw", (".*.lock", "*/.*.lock")),
    ]
    found = (path for folder, each in patterns for pattern in each for path in folder.glob(pattern))
    return sorted({path for path in found if path.is_file()})


def of_lock(state: LockState) -> Finding:
    """What a lock that is held, or was left by a process that was killed, means."""
    if not state.is_held:
        what = f"{state.path} is free; its last holder was killed: {state.text}."
        return Finding("note", TOPIC, what, "Nothing: the lock went with the process, and the next start takes it.")
    if state.pid is None or state.host is None:
        what = f"{state.path} is held by a process that does not say which."
        return Finding("note", TOPIC, what, f"Wait for it; `lsof {state.path}` names it.")
    if not state.is_of_this_machine:
        what = f"{state.path} is held by {state.text}."
        return Finding("note", TOPIC, what, f"Wait for it, or look after process {state.pid} on {state.host}.")
    if is_running(state.pid):
        what = f"{state.path} is held by {state.text}."
        return Finding("note", TOPIC, what, f"Wait for it, or end it: `kill -INT {state.pid}` lets it save.")
    return Finding(
        "problem",
        TOPIC,
        f"{state.path} is held, but process {state.pid}, which took it, is gone: one that it started goes on.",
        f"`lsof {state.path}` names it; end it with `kill -INT`, and the lock is free.",
    )


def _of_snakemake(working_folder: Path) -> Iterator[Finding]:
    """Snakemake's locks are files that stay when it is killed, and say nothing of who made them."""
    folder = working_folder / OF_SNAKEMAKE
    if not any(folder.glob("*.lock")):
        return
    if running := processes_in(working_folder, "snakemake"):
        what = f"{folder} is locked by Snakemake, process {', '.join(map(str, running))}."
        yield Finding("note", TOPIC, what, f"Wait for it, or end it: `kill -INT {running[0]}`.")
    else:
        yield Finding(
            "problem",
            TOPIC,
            f"{folder} is locked, and no Snakemake of yours runs in {working_folder} on this machine: it was killed.",
            "`snakemake --unlock`, if none runs there on another machine; then start as before.",
        )
