"""No training ends without its reason in its log, in its journal, and as the status of its run in MLflow."""

import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline_lib import cli
from pipeline_lib.records.journal import GONE
from pipeline_lib.tracking.ship import STATUS
from pipeline_lib.tracking.store import StoredRun, open_store
from tests.cli.test_train import command, state_of, statuses, train
from tests.reliability.faulty_python import faulty_python, train_with
from tests.reliability.sessions import assert_nothing_lost
from tests.tracking.conftest import empty_database, results_dir  # noqa: F401 - fixtures


@dataclass(frozen=True)
class Ending:
    """fault: what happens in the training process when it takes `iteration`, or (None) before it does anything.

    code, status, reason (a pattern): what the command returns, and what is told of the end.
    """

    name: str
    fault: str
    code: int
    status: str
    reason: str
    iteration: int | None = 7
    is_slow: bool = False


KILL = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
LOADING = """\
import torch
from pipeline_lib.data.resident import ResidentWindows

def lacking(*_):
    raise torch.OutOfMemoryError("CUDA out of memory")

ResidentWindows.batch = ResidentWindows.sample = lacking
"""
ENDINGS = [
    Ending("finished", "pass", 0, "finished", "^$", is_slow=True),
    Ending("SIGTERM", "os.kill(os.getppid(), signal.SIGTERM); import time; time.sleep(1)", 143, "stopped",
           r"^received SIGTERM; saved at iteration 8, the same command continues$", is_slow=True),
    Ending("SIGKILL", KILL, 137, "killed", "^the training process was ended by SIGKILL; .* memory; ", is_slow=True),
    Ending("SIGKILL while it imports", KILL, 137, "killed", "ended by SIGKILL", iteration=None),
    Ending("an import that fails", "raise ImportError('libcudart.so.12 is missing')", 1, "failed",
           "^the training process: it ended with code 1, see its last words$", iteration=None, is_slow=True),
    Ending("diverged", "original = self.data.batch; self.data.batch = lambda *a: original(*a) * float('nan')", 1,
           "failed", "^the loss was not finite at iteration 7; .*, last good checkpoint: none was saved$"),
    Ending("out of memory while training", "raise MemoryError('no more of it')", 1, "failed",
           "^out of memory while training: .*; try training.accumulation 2 .*no more of it", is_slow=True),
    Ending("out of memory while loading", LOADING, 1, "failed", "^out of memory while loading data and model: ",
           iteration=None),
    Ending("a Python exception", "raise RuntimeError('shapes differ')", 1, "failed", "^RuntimeError: shapes differ$",
           is_slow=True),
    Ending("a segmentation fault", "os.kill(os.getpid(), signal.SIGSEGV)", 139, "killed", "was ended by SIGSEGV",
           is_slow=True),
]  # fmt: skip


PARAMS = [
    pytest.param(ending, id=ending.name, marks=[pytest.mark.slow] if ending.is_slow else []) for ending in ENDINGS
]


@pytest.fixture
def out(results_dir: Path) -> Path:  # noqa: F811
    return results_dir / "runs" / "wave_eq_100" / "pde" / "seed_0"


def tracked(results: Path, *more: str) -> StoredRun:
    """The one run that `track --all` finds in a results folder, as it is stored then."""
    uri = f"sqlite:///{results / 'mlflow.db'}"
    assert cli.main(["track", "--all", str(results), *more]) == 0
    store = open_store(more[1] if more else uri, 5)
    (run,) = store.find(store.experiments()["wave_eq_100"], "tags.level = 'run'")
    return run


def assert_told(out: Path, run: StoredRun, status: str, reason: str) -> None:
    """Log, journal and MLflow's run say the same."""
    found, why = statuses(state_of(out) / "journal.jsonl")[-1]
    assert found == status and re.search(reason, why), (found, why)
    assert (why or status) in (state_of(out) / "train.log").read_text()
    assert (run.status, run.tags["state"]) == (STATUS[status], status)
    assert run.tags.get("state_reason", "") == why


@pytest.mark.parametrize("ending", PARAMS)
def test_an_end_is_told_in_three_places(ending, configure, train_file, out, results_dir, tmp_path):  # noqa: F811
    python = faulty_python(tmp_path, ending.fault, ending.iteration)
    done = train_with(python, command(configure(), train_file, out))
    assert done.returncode == ending.code, done.stderr
    assert_told(out, tracked(results_dir), ending.status, ending.reason)
    assert not list(state_of(out).glob(".room*")), "room for last words was not given back"


def test_what_nobody_could_tell_is_told_by_track_and_by_the_next_start(
    configure,
    train_file,
    out,
    results_dir,  # noqa: F811
    tmp_path,
):
    both = "os.kill(os.getppid(), signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)"
    killed = train_with(faulty_python(tmp_path, both), command(configure(), train_file, out))
    assert killed.returncode == -signal.SIGKILL
    assert statuses(state_of(out) / "journal.jsonl")[-1] == ("running", "")
    run = tracked(results_dir)
    assert (run.status, run.tags["state"], run.tags["state_reason"]) == ("KILLED", "killed", GONE)

    again = train(configure(), train_file, out)
    assert again.returncode == 0 and GONE in again.stderr
    assert [status for status, _ in statuses(state_of(out) / "journal.jsonl")] == [
        *("running", "killed", "running", "finished"),
    ]
    assert ("killed", GONE) in statuses(state_of(out) / "journal.jsonl")
    assert f"killed: {GONE}" in (state_of(out) / "train.log").read_text()
    assert tracked(results_dir).status == "FINISHED"


FILL = """\
with open({filler!r}, "wb", buffering=0) as filler:
    try:
        while filler.write(bytes(4096)):
            pass
    except OSError:
        pass
"""


@pytest.mark.slow
def test_a_full_disk_is_told_too_and_once_there_is_room_nothing_was_lost(
    configure,
    train_file,
    small_disk,
    empty_database,  # noqa: F811
    tmp_path,
):
    """The journal, the log and the results are on the disk that is full; the store is elsewhere."""
    results = small_disk / "results"
    out, uri = results / "runs" / "wave_eq_100" / "pde" / "seed_0", f"sqlite:///{empty_database}"
    filler = small_disk / "filler"
    python = faulty_python(tmp_path, FILL.format(filler=str(filler)))
    config = configure(logging_interval=1)
    failed = train_with(python, command(config, train_file, out))
    assert failed.returncode == 1
    told = "^OSError: .*No space left on device .*MB are free on the disk of "
    assert_told(out, tracked(results, "--tracking", uri), "failed", told)
    assert "Traceback" not in failed.stderr, failed.stderr

    filler.unlink()
    assert train(config, train_file, out).returncode == 0
    assert train(config, train_file, tmp_path / "whole").returncode == 0
    assert_nothing_lost(out, tmp_path / "whole")
    assert tracked(results, "--tracking", uri).status == "FINISHED"


@pytest.mark.slow
def test_a_supervisor_s_time_out_is_told(configure, train_file, out, results_dir):  # noqa: F811
    """As a scheduler does it: SIGTERM, and SIGKILL for who does not heed it."""
    endless = command(configure(iterations=10**7), train_file, out)
    done = subprocess.run(["timeout", "--kill-after=120", "60", *endless], capture_output=True)
    assert done.returncode == 124
    assert_told(out, tracked(results_dir), "stopped", "^received SIGTERM; saved at iteration ")
