"""List every run of a configuration with iterations, state, estimated time, GPU hours and disk; start none of them.

Times rest on what `benchmark` has measured on this machine, else on a few iterations of each kind of training, run here
and remembered in the user's cache.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline_lib.cli.iteration_timing import answer_request
from pipeline_lib.cli.overlays import add_overlays, given_pipeline
from pipeline_lib.cli.plan_table import as_text
from pipeline_lib.cli.run_estimates import DatasetEstimate, RunEstimate, estimate_dataset, estimate_run
from pipeline_lib.cli.timing_cache import ExperimentTime, IterationTimes
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import ResultPaths

TOTALS = ("remaining_iterations", "seconds", "gpu_hours", "bytes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `plan`."""
    add_overlays(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    timing = parser.add_mutually_exclusive_group()
    timing.add_argument("--no-timing", action="store_true", help="time nothing: use what is remembered")
    timing.add_argument("--refresh", action="store_true", help="time anew what is remembered")
    timing.add_argument("--time-iterations", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Print the plan; 1 where it does not fit on the disk, or `train` would refuse a run."""
    if args.time_iterations:
        print(answer_request(sys.stdin.read()))
        return 0
    pipeline = given_pipeline(args)
    runs = [estimate_run(pipeline, run) for run in pipeline.runs()]
    datasets = [estimate_dataset(pipeline, name) for name in pipeline.datasets]
    times = IterationTimes(measures=not args.no_timing, reads=not args.refresh)
    plan = make_plan(runs, datasets, times, pipeline.paths)
    print(json.dumps(plan, indent=2) if args.json else as_text(plan))
    refused = any(each["state"] == "refused" for each in plan["runs"])
    return 0 if plan["fits"] and not refused else 1


def make_plan(
    runs: Sequence[RunEstimate], datasets: Sequence[DatasetEstimate], times: IterationTimes, paths: ResultPaths
) -> dict[str, Any]:
    """All that is known of what is to come, as plain types; what is not known is null, with a reason."""
    rows = [_row(each, _time(each, times)) for each in runs]
    disks = disks_to_fill(runs, datasets, paths)
    return {
        "runs": rows,
        "datasets": [{"dataset": each.name, "is_prepared": each.is_prepared, "bytes": each.bytes} for each in datasets],
        "total": {key: _sum(row[key] for row in rows) for key in TOTALS},
        "disks": disks,
        "fits": all(disk["fits"] for disk in disks),
    }


def _time(needs: RunEstimate, times: IterationTimes) -> ExperimentTime | None:
    """The time of an iteration of a run; None where none is left to be computed."""
    if needs.remaining == 0:
        return None
    if needs.frame_shape is None:
        return ExperimentTime(None, reason="only its data tell the shape of a frame")
    return times.of(needs.run.experiment, needs.frame_shape)


def _row(needs: RunEstimate, time: ExperimentTime | None) -> dict[str, Any]:
    """A run's line of the plan."""
    experiment, seconds = needs.run.experiment, _seconds(needs, time)
    n_gpus = experiment.training.n_processes if experiment.training else 1
    reasons = [needs.reason, time.reason if time else ""]
    return {
        "experiment": experiment.name,
        "seed": needs.run.seed,
        "is_baseline": experiment.is_baseline,
        "state": needs.state,
        "iterations": needs.iterations,
        "done_iterations": needs.done,
        "remaining_iterations": needs.remaining,
        "seconds": seconds,
        "gpu_hours": 0.0 if time is None or time.on_cpu else None if seconds is None else n_gpus * seconds / 3600,
        "bytes": needs.bytes,
        "timing": _timing(time, experiment) if time and time.timing else None,
        "unknown_because": "; ".join(reason for reason in reasons if reason),
    }


def _seconds(needs: RunEstimate, time: ExperimentTime | None) -> float | None:
    """Wall time of the training that is left; 0 where none is, None where it is not known."""
    if time is None:
        return 0.0
    return None if time.timing is None or needs.remaining is None else needs.remaining * time.timing.seconds


def _timing(time: ExperimentTime, experiment: Experiment) -> dict[str, Any]:
    """What an estimate rests on."""
    assert time.timing is not None and experiment.training is not None
    return {
        "measurement": time.measurement,
        "seconds_per_iteration": time.timing.seconds,
        "n_timed": time.timing.n_timed,
        "others_share_of_processor": time.timing.others,
        "is_remembered": time.is_remembered,
        "by_benchmark": time.timing.by_benchmark,
        "device": time.device,
        "on_cpu": time.on_cpu,
        "n_threads": experiment.training.n_threads,
    }


def _sum(values: Iterable[float | None]) -> dict[str, Any]:
    """Sum of what is known, and whether that is all."""
    known = list(values)
    return {"sum": sum(value for value in known if value is not None), "is_complete": None not in known}


def disks_to_fill(
    runs: Sequence[RunEstimate], datasets: Sequence[DatasetEstimate], paths: ResultPaths
) -> list[dict[str, Any]]:
    """What each disk must take for these runs and datasets, as far as it is known, and has free."""
    return _disks(
        [(paths.results_dir, [each.bytes for each in runs]), (paths.data_dir, [each.bytes for each in datasets])]
    )


def _disks(needs: Sequence[tuple[Path, Sequence[int | None]]]) -> list[dict[str, Any]]:
    """What each disk must take and has free; folders on one disk share it."""
    disks: dict[int, dict[str, Any]] = {}
    for folder, sizes in needs:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
        disk = disks.setdefault(
            os.stat(there).st_dev, {"folders": [], "bytes": 0, "is_complete": True, "free_bytes": _free(there)}
        )
        needed = _sum(sizes)
        disk["folders"].append(str(folder))
        disk["bytes"] += needed["sum"]
        disk["is_complete"] &= needed["is_complete"]
    return [{**disk, "fits": disk["bytes"] <= disk["free_bytes"]} for disk in disks.values()]


def _free(folder: Path) -> int:
    """Bytes that this user may still fill."""
    return shutil.disk_usage(folder).free
