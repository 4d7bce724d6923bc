"""Train one run, or fit a baseline; a run that was finished before is restored from its kept weights.

This process computes nothing: it holds the run's lock and the lease of a GPU, starts the training process, passes
signals on to it, and writes the end state where that process was killed before it could.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from pipeline_lib.cli.training_request import TrainingRequest, publish, training_request
from pipeline_lib.config.dotted_keys import parse_assignments
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.atomic import remove_leftovers
from pipeline_lib.runtime.gpus import lease_gpu
from pipeline_lib.runtime.locks import FileLock, LockHeldError
from pipeline_lib.tracking import live
from pipeline_lib.tracking.options import StoreOptions, add_store_arguments, store_options

# A process that was told to stop may still be writing its checkpoint.
LOCK_PATIENCE_SECONDS = 60.0
PARENT_CHECK_SECONDS = 1.0
# What is not in the store by then, `track` brings there.
LAST_SHIPMENT_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="YAML of the experiment")
    parser.add_argument("--seed", type=int, help="seed of the run; baselines take none")
    parser.add_argument("--train-file", type=Path, required=True, help="the dataset's prepared train.h5")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting that goes over the experiment's, such as training.iterations=100; can be repeated",
    )
    parser.add_argument("--live", action="store_true", help="ship the journal to the tracking store meanwhile")
    parser.add_argument("--process", action="store_true", help=argparse.SUPPRESS)
    add_store_arguments(parser)


def run(args: argparse.Namespace) -> int:
    request = _request(args)
    store = store_options(args) if args.live else None
    if args.process:
        from pipeline_lib.cli.train_process import run_process  # here, because the supervising process needs no torch

        return run_process(request, store)
    lock = _lock(request)
    try:
        if request.is_finished:
            publish(request)
            print(f"{request.experiment.name}: restored finished weights of digest {request.digest}", file=sys.stderr)
            return 0
        remove_leftovers(request.out)
        variables, lease = lease_gpu(request.device)
        locks = [lock] + ([lease] if lease else [])
        return _supervise(request, variables, locks, store)
    finally:
        lock.release()


def _request(args: argparse.Namespace) -> TrainingRequest:
    experiment = read_experiment(args.config, parse_assignments(args.set))
    if experiment.is_baseline and args.seed is not None:
        raise ValueError(f"{experiment.name} is a baseline and takes no seed; leave --seed out")
    if not experiment.is_baseline and (args.seed is None or not 0 <= args.seed < 2**32):
        raise ValueError(f"{experiment.name} needs --seed N with 0 <= N < 2**32, got {args.seed}")
    return training_request(experiment, args.seed, args.train_file, args.out)


def _lock(request: TrainingRequest) -> FileLock:
    lock = FileLock(request.state / ".lock")
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while True:
        try:
            lock.acquire()
            return lock
        except LockHeldError as error:
            if time.monotonic() > deadline:
                raise ValueError(f"this run is being trained already: {error}") from None
            time.sleep(0.5)


def _supervise(
    request: TrainingRequest, variables: dict[str, str], locks: list[FileLock], store: StoreOptions | None
) -> int:
    """Run the training process to its end, whatever that is; its exit code, 128 + n where signal n ended it.

    The process inherits the locks, so they hold as long as either of the two lives.
    """
    descriptors = [lock.descriptor for lock in locks]
    command = [sys.executable, "-m", "pipeline_lib", *sys.argv[1:], "--process"]
    process = subprocess.Popen(command, env={**os.environ, **variables}, pass_fds=descriptors)

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    code = _wait(process)
    if code >= 0:
        return code
    _report_death(request, code, store)
    return 128 - code


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process; where our own parent dies (a workflow that was killed), ask it to save and stop."""
    parent = os.getppid()
    while True:
        try:
            return process.wait(timeout=PARENT_CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                process.terminate()
                parent = os.getppid()


def _report_death(request: TrainingRequest, code: int, store: StoreOptions | None) -> None:
    """Journal, and ship, the end of a process that a signal ended before it could do so itself."""
    name = signal.Signals(-code).name
    hint = "; the system may have been out of memory" if name == "SIGKILL" else ""
    reason = f"the training process was ended by {name}{hint}; the same command continues from the last checkpoint"
    journal = Journal(request.journal)
    if journal.last_status not in ("stopped", "finished"):
        journal.state("killed", reason)
    journal.close()
    print(f"{request.experiment.name}: {reason}", file=sys.stderr)
    with open(request.state / "train.log", "a") as log:
        print(reason, file=log)
    if store is not None and (shipper := live.start(request.journal, request.out, store)):
        shipper.stop(LAST_SHIPMENT_SECONDS)
