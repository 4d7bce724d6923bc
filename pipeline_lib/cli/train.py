"""Train one run, or fit a baseline; a run that was finished before is restored from its kept weights.

This process computes nothing: it holds the run's lock and the lease of a GPU (or several), starts the training process
(or several), passes signals on, and writes the end state where the first of them could not.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType

from pipeline_lib.cli.last_words import begin_session, end_session, is_told, tell_end
from pipeline_lib.cli.training_processes import LOST, TrainingProcesses
from pipeline_lib.cli.training_request import TrainingRequest, publish, training_request
from pipeline_lib.config.dotted_keys import parse_assignments
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.atomic import remove_leftovers
from pipeline_lib.runtime.gpus import lease_gpus
from pipeline_lib.runtime.locks import FileLock, LockHeldError
from pipeline_lib.runtime.signals import leave_signals_to_the_first
from pipeline_lib.tracking import live
from pipeline_lib.tracking.options import StoreOptions, add_store_arguments, store_options

# A process that was told to stop may still be writing its checkpoint.
LOCK_PATIENCE_SECONDS = 60.0
# Followers of a training whose parent is gone, while the first saves.
ORPHAN_SECONDS = 30.0
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
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--meeting", type=Path, help=argparse.SUPPRESS)
    add_store_arguments(parser)


def run(args: argparse.Namespace) -> int:
    parent = os.getppid()  # now, for it may be gone when it is asked for again
    if args.rank > 0:
        leave_signals_to_the_first(ORPHAN_SECONDS, args.parent)
    request = _request(args)
    store = store_options(args) if args.live else None
    if args.process:
        return _run_process(args, request, store) if args.meeting is None else _run_rank(args, request, store)
    lock = _lock(request)
    try:
        if request.is_finished:
            publish(request)
            print(f"{request.experiment.name}: restored finished weights of digest {request.digest}", file=sys.stderr)
            return 0
        remove_leftovers(request.out)
        variables, leases = lease_gpus(request.device, request.n_processes)
        start = begin_session(request)
        return _supervise(request, variables, [lock, *leases], store, start, parent)
    finally:
        end_session(request)
        lock.release()


def _run_process(args: argparse.Namespace, request: TrainingRequest, store: StoreOptions | None) -> int:
    """The training itself, or one of its processes. Imported here, because the supervising process needs no torch."""
    if args.rank > 0:
        from pipeline_lib.cli.train_follower import run_follower

        return run_follower(request, args.rank, args.meeting)
    from pipeline_lib.cli.train_process import run_process

    return run_process(request, store, args.meeting, args.parent)


def _run_rank(args: argparse.Namespace, request: TrainingRequest, store: StoreOptions | None) -> int:
    """One of several processes. It ends without PyTorch's clean-up, whose threads sometimes abort what went well."""
    try:
        code = _run_process(args, request, store)
    except ValueError as error:
        print(f"pipeline_lib train: {error}", file=sys.stderr)
        code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
    request: TrainingRequest,
    variables: dict[str, str],
    locks: list[FileLock],
    store: StoreOptions | None,
    start: int,
    parent: int,
) -> int:
    """Run the training to its end, whatever that is; its exit code, 128 + n where signal n ended a process of it.

    The processes inherit the locks, so they hold as long as any of them or this one lives.
    start: where this session begins in the journal. parent: the process that started this one.
    """
    descriptors = [lock.descriptor for lock in locks]
    with tempfile.TemporaryDirectory(prefix="pipeline_lib-training-") as meeting:
        processes = TrainingProcesses(request.n_processes, Path(meeting), variables, descriptors)

        def pass_on(number: int, _: FrameType | None) -> None:
            processes.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, pass_on)
        rank, code = processes.wait(parent)
        told = processes.failure(rank)
    # Of another's failure the first process, which journals, knows nothing.
    is_of_another = code == LOST or (code > 0 and rank > 0)
    if code != 0 and (is_of_another or not is_told(request, start)):
        who = f"process {rank} of the {request.n_processes} of the training" if request.n_processes > 1 else None
        _report(request, who, code, told, store)
    return 128 - code if code < 0 else 1 if is_of_another else code


def _report(request: TrainingRequest, who: str | None, code: int, told: str | None, store: StoreOptions | None) -> None:
    """Journal, and ship, an end that the training could not journal itself.

    who: the process that ended with `code`, where there are several. told: what it said of it.
    """
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the system may have been out of memory" if name == "SIGKILL" else ""
        ended = f"{who or 'the training process'} was ended by {name}{hint}"
        status, reason = "killed", f"{ended}; the same command continues from the last checkpoint"
    else:
        status = "failed"
        reason = f"{who or 'the training process'}: {told or f'it ended with code {code}, see its last words'}"
    journal = Journal(request.journal)
    try:
        tell_end(request, journal, status, reason)
    finally:
        journal.close()
    if store is not None and (shipper := live.start(request.journal, request.out, store)):
        shipper.stop(LAST_SHIPMENT_SECONDS)
