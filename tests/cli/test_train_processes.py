"""`pipeline_lib train` on two processes: one journal, exact resume, and one that fails ends the run with its reason."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline_lib.cli import training_processes
from pipeline_lib.cli.training_processes import LOST, TrainingProcesses, tell_failure
from pipeline_lib.records.journal import metric_points, read_journal
from pipeline_lib.training.checkpoint import CheckpointStore
from tests.cli.test_train import (  # noqa: F401 - the fixtures
    command,
    configure,
    state_of,
    statuses,
    train,
    train_file,
    wait_for,
)

TWO = {"n_processes": 2, "iterations": 10**6, "checkpoint_interval": 1e-3, "logging_interval": 1, "batch_size": 4}


def losses(run: Path, last: int = 10**9):
    curve = metric_points(read_journal(run / "journal.jsonl"))["loss"]
    return [(step, value) for step, _, value in curve if step <= last]


def processes_of(supervisor: int) -> list[int]:
    """The training's processes, the first one first."""
    return [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]


def is_saved(run: Path) -> bool:
    return bool(list(run.glob("state/*/generation_*/state.json")))


def test_a_killed_process_ends_the_run_which_then_continues_bit_for_bit(configure, train_file, tmp_path):  # noqa: F811
    run = tmp_path / "killed"
    started = subprocess.Popen(command(configure(**TWO), train_file, run), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: started.poll() is not None or is_saved(run), seconds=300)
    first, second = processes_of(started.pid)
    os.kill(second, signal.SIGKILL)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 128 + signal.SIGKILL
    assert not Path(f"/proc/{first}").exists()
    ended = [each for each in statuses(state_of(run) / "journal.jsonl") if each[0] != "running"]
    assert len(ended) == 1 and ended[0][0] == "killed"
    assert "process 1 of the 2 of the training was ended by SIGKILL" in ended[0][1] and ended[0][1] in errors

    saved = CheckpointStore(state_of(run)).newest_iteration()
    config = configure(**(TWO | {"iterations": saved + 5, "checkpoint_interval": 300.0}))
    again = train(config, train_file, run)
    assert again.returncode == 0 and f"continues at iteration {saved}," in again.stderr
    assert "2 processes, the first on cpu" in again.stderr
    assert train(config, train_file, tmp_path / "whole").returncode == 0
    assert (run / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert losses(run, saved + 5) == losses(tmp_path / "whole") and len(losses(tmp_path / "whole")) == saved + 5


def test_asked_to_stop_the_first_saves_and_none_is_left(configure, train_file, tmp_path):  # noqa: F811
    started = subprocess.Popen(command(configure(**TWO), train_file, tmp_path), stderr=subprocess.DEVNULL)
    wait_for(lambda: started.poll() is not None or is_saved(tmp_path), seconds=300)
    pids = processes_of(started.pid)
    started.send_signal(signal.SIGTERM)
    assert started.wait(timeout=60) == 128 + signal.SIGTERM
    assert len(pids) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in pids)
    status, reason = statuses(state_of(tmp_path) / "journal.jsonl")[-1]
    assert status == "stopped" and reason.startswith("received SIGTERM; saved at iteration ")


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Processes that do nothing but what a shell script says, one for each rank."""

    def start(*scripts: str) -> TrainingProcesses:
        ranks = iter(scripts)
        popen = subprocess.Popen
        monkeypatch.setattr(
            training_processes.subprocess, "Popen", lambda command, **options: popen(["sh", "-c", next(ranks)])
        )
        return TrainingProcesses(len(scripts), tmp_path, {}, [])

    return start


@pytest.mark.parametrize(
    "scripts, cause",
    [
        (["exit 0", "exit 0"], (0, 0)),
        (["exit 1", "exec sleep 60"], (0, 1)),  # the first has failed: the others wait for it in vain
        ([f"exit {LOST}", "sleep 1; exit 1"], (1, 1)),  # the cause ends after the one that noticed
        (["exec sleep 60", "exec sleep 60", "kill -9 $$"], (2, -9)),
        (["sleep 1; exit 143", f"exit {LOST}"], (0, 143)),  # the first was asked to stop
        (["exec sleep 60", f"exit {LOST}"], (1, LOST)),
    ],
)
def test_the_cause_of_an_end_is_found_and_nobody_is_left(scripted, monkeypatch, scripts, cause):
    monkeypatch.setattr(training_processes, "PATIENCE_SECONDS", 3.0)
    processes = scripted(*scripts)
    began = time.monotonic()
    assert processes.wait() == cause
    assert all(process.poll() is not None for process in processes._all)
    assert time.monotonic() - began < 30


def test_a_process_that_fails_tells_why(configure, train_file, tmp_path, repository):  # noqa: F811
    """The second process finds no memory, at its third step; the run is journalled as failed, in its words."""
    failing = f"""
import sys
from pipeline_lib.cli import main

sys.executable = {str(tmp_path / "python")!r}
sys.argv = ["pipeline_lib", *sys.argv[3:]]

if "--process" in sys.argv:
    from pipeline_lib.training.steps import Steps

    step = Steps._step

    def failing_step(self):
        if self.ranks.rank == 1 and self.iteration == 2:
            raise MemoryError("no more of it")
        step(self)

    Steps._step = failing_step
sys.exit(main())
"""
    script = tmp_path / "failing.py"
    script.write_text(failing)
    # Stands for Python: the training's processes are started with what makes the second fail.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    python.chmod(0o755)
    arguments = command(configure(**TWO), train_file, tmp_path / "run")[1:]
    environ = {**os.environ, "PYTHONPATH": str(repository)}
    failed = subprocess.run([python, *arguments], capture_output=True, text=True, env=environ)
    assert failed.returncode == 1, failed.stderr
    status, reason = statuses(state_of(tmp_path / "run") / "journal.jsonl")[-1]
    assert status == "failed"
    assert reason.startswith("process 1 of the 2 of the training: out of memory while training: the CPU had ")
    assert "training.n_processes 2; try training.batch_size 2" in reason and "config.yaml" in reason
    assert reason in failed.stderr and "Traceback" not in failed.stderr


def test_what_a_process_says_of_its_failure_is_found(scripted, tmp_path):
    processes = scripted("exit 0")
    tell_failure(tmp_path, 3, "no more of it")
    assert processes.failure(3) == "no more of it" and processes.failure(1) is None
    processes.wait()


@pytest.mark.gpu
def test_two_gpus_train_as_one_does(configure, train_file, tmp_path):  # noqa: F811
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    curves = []
    for n_processes in (1, 2):
        run = tmp_path / str(n_processes)
        done = train(configure(n_processes=n_processes, device="cuda", logging_interval=1), train_file, run)
        assert done.returncode == 0, done.stderr
        curves.append([value for _, value in losses(run)])
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
