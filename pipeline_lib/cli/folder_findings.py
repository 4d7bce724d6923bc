"""Folders that a pipeline writes: whether they can be written and locked, and whether what is to come fits."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline_lib.cli.findings import Finding
from pipeline_lib.cli.plan_table import size
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.runtime.file_systems import file_system, is_network, nearest_folder, try_out
from pipeline_lib.runtime.locks import node_local_folder

FOLDERS, DISK = "folders", "disk"


def folder_findings(pipeline: Pipeline) -> Iterator[Finding]:
    """The folders of results and data, the one that gives raw data, and the one for locks on this machine's GPUs."""
    yield from of_folder("results_dir", pipeline.paths.results_dir)
    yield from of_folder("data_dir", pipeline.paths.data_dir)
    yield from of_folder("the folder of locks on GPUs", node_local_folder())
    mirror = pipeline.settings.mirror_dir
    if mirror is not None and not (mirror.is_dir() and os.access(mirror, os.R_OK | os.X_OK)):
        yield Finding(
            "warning",
            FOLDERS,
            f"mirror_dir {mirror} is no folder that you may read.",
            "Correct mirror_dir, or leave it out: what can be downloaded is downloaded.",
        )


def of_folder(label: str, folder: Path) -> Iterator[Finding]:
    """Whether a folder can be made and written to, and whether locks work in it."""
    blocking = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if blocking is not None:
        yield Finding("problem", FOLDERS, f"{label} {folder}: {blocking} is a file.", "Move it away, or set another.")
        return
    there = nearest_folder(folder)
    kind, trial = file_system(there), try_out(there)
    where = f"{label} {folder}" + ("" if there == folder.absolute() else f" (to be made in {there})")
    on = f" on {kind}" if kind else ""
    if trial.error is not None:
        yield Finding(
            "problem",
            FOLDERS,
            f"{where} cannot be written to: {trial.error}.",
            "Change its permissions, make room, or set another folder.",
        )
    elif not trial.locks:
        yield Finding(
            "problem",
            FOLDERS,
            f"{where}{on} does not lock files, and without locks two pipelines can spoil each other's results.",
            "Set a folder on another file system, or have this one mounted with locks (flock).",
        )
    elif is_network(kind):
        yield Finding(
            "note",
            FOLDERS,
            f"{where} is writable, on a network file system ({kind}), whose locks hold between machines only if its "
            "server keeps them.",
            "Run one pipeline per results_dir, from one machine.",
        )
    else:
        yield Finding("ok", FOLDERS, f"{where} is writable{on}, and locks work there.")


def disk_findings(pipeline: Pipeline) -> Iterator[Finding]:
    """Free disk against what the configuration still fills, by the estimates of `plan`."""
    try:
        from pipeline_lib.cli.plan import disks_to_fill  # here, because estimates build the models, which needs torch
        from pipeline_lib.cli.run_estimates import estimate_dataset, estimate_run
    except ModuleNotFoundError as error:
        yield from _free_alone(pipeline, f"{error.name} is missing")
        return
    runs = [estimate_run(pipeline, run) for run in pipeline.runs()]
    datasets = [estimate_dataset(pipeline, name) for name in pipeline.datasets]
    for disk in disks_to_fill(runs, datasets, pipeline.paths):
        least = "" if disk["is_complete"] else "at least "
        what = (
            f"{' and '.join(disk['folders'])}: {least}{size(disk['bytes'])} to be filled, "
            f"{size(disk['free_bytes'])} free."
        )
        do = "Make room, set results_dir or data_dir on another disk, or run fewer experiments or seeds."
        if not disk["fits"]:
            yield Finding("problem", DISK, what, do)
        elif disk["bytes"] > 0.8 * disk["free_bytes"]:
            yield Finding("warning", DISK, f"{what} Figures, logs and the tracking store come on top.", do)
        else:
            yield Finding("ok", DISK, what)
    for each in runs:
        if each.state == "refused":
            yield Finding("problem", "runs", f"{each.name}: {each.reason}.", "`python -m pipeline_lib plan` lists all.")


def _free_alone(pipeline: Pipeline, reason: str) -> Iterator[Finding]:
    for folder in (pipeline.paths.results_dir, pipeline.paths.data_dir):
        free = size(shutil.disk_usage(nearest_folder(folder)).free)
        what = f"{folder}: {free} free; what is to be filled cannot be estimated, because {reason}."
        yield Finding("note", DISK, what, "Install it, and ask again.")
