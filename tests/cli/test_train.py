"""`pipeline_lib train` as a process: killed, stopped, started twice, restored; nothing is lost, reasons are left."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from pipeline_lib.config.loading import write_experiment
from pipeline_lib.data import wave_eq
from pipeline_lib.records.journal import metric_points, read_journal


@pytest.fixture(scope="module")
def train_file(tmp_path_factory):
    from pipeline_lib.config.wave_eq import WaveEq100Settings

    folder = tmp_path_factory.mktemp("prepared")
    preparation = {"n_simulations": 4, "n_train_simulations": 3, "n_pixels": 10}
    settings = WaveEq100Settings.model_validate({"preparation": preparation})
    wave_eq.prepare(settings, folder / "train.h5", folder / "test.h5")
    return folder / "train.h5"


@pytest.fixture
def configure(tiny_experiment, tmp_path):
    def write(**changes):
        training = type(tiny_experiment.training)(**(tiny_experiment.training.model_dump() | changes))
        path = tmp_path / "pde.yaml"
        write_experiment(tiny_experiment.model_copy(update={"training": training}), path)
        return path

    return write


def command(config, train_file, out, seed=0):
    arguments = ["train", str(config), "--seed", str(seed), "--train-file", str(train_file), "--out", str(out)]
    return [sys.executable, "-m", "pipeline_lib", *arguments]


def train(*arguments, **options):
    return subprocess.run(command(*arguments, **options), capture_output=True, text=True)


def state_of(out: Path) -> Path:
    (state,) = (out / "state").iterdir()
    return state


def statuses(journal: Path):
    return [(e.content["status"], e.content["reason"]) for e in read_journal(journal) if e.kind == "state"]


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def training_process_of(parent: int) -> int | None:
    """The process that computes, which the started one supervises."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(children[0]) if children else None


def test_killed_at_ten_random_moments_the_weights_are_bit_identical(configure, train_file, tmp_path):
    """SIGKILL to the whole process group, at any moment: while importing, training, saving, publishing."""
    config = configure(iterations=800, checkpoint_interval=0.05, logging_interval=10)
    assert train(config, train_file, tmp_path / "whole").returncode == 0
    moments = random.Random(0)
    out, kills = tmp_path / "killed", 0
    while kills < 10:
        process = subprocess.Popen(command(config, train_file, out), stderr=subprocess.DEVNULL, start_new_session=True)
        began = kills == 0 or moments.random() < 0.8
        journal = out / "state"
        if began:  # most kills fall into the training itself, some into the start
            wait_for(lambda p=process, j=journal: p.poll() is not None or _is_running(j, p.pid))
        time.sleep(moments.uniform(0, 0.3))
        if process.poll() is not None:
            assert process.returncode == 0
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills == 10, "the training is too short to be killed ten times"
    assert train(config, train_file, out).returncode == 0
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    curves = [metric_points(read_journal(run / "journal.jsonl")) for run in (tmp_path / "whole", out)]
    for key in ("loss", "loss_forecast", "train_sample_mse_per_pixel"):
        whole, killed = ([(step, value) for step, _, value in curve[key]] for curve in curves)
        assert killed == whole
    assert not list(out.rglob("*.tmp")), "half-written files are left"


def _is_running(state_root: Path, pid: int) -> bool:
    """Whether the newest session has begun to train."""
    journals = list(state_root.glob("*/journal.jsonl"))
    if not journals or training_process_of(pid) is None:
        return False
    last = [entry for entry in read_journal(journals[0]) if entry.kind in ("session", "state", "metrics")]
    started = Path(f"/proc/{pid}").stat().st_ctime
    if not last or last[-1].time_ms / 1000 <= started:
        return False
    return last[-1].kind == "metrics" or last[-1].content.get("status") == "running"


def test_the_parent_journals_the_death_of_the_training_process(configure, train_file, tmp_path):
    config = configure(iterations=10**6)
    process = subprocess.Popen(command(config, train_file, tmp_path / "run"), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: _is_running(tmp_path / "run" / "state", process.pid))
    os.kill(training_process_of(process.pid), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    state = state_of(tmp_path / "run")
    status, reason = statuses(state / "journal.jsonl")[-1]
    assert status == "killed" and "SIGKILL" in reason and "memory" in reason
    assert "SIGKILL" in errors and "SIGKILL" in (state / "train.log").read_text()
    assert not (tmp_path / "run" / "training.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_saves_and_continues_later(configure, train_file, tmp_path, number):
    config = configure(iterations=10**6)
    process = subprocess.Popen(command(config, train_file, tmp_path / "run"), stderr=subprocess.DEVNULL)
    wait_for(lambda: _is_running(tmp_path / "run" / "state", process.pid))
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    journal = state_of(tmp_path / "run") / "journal.jsonl"
    status, reason = statuses(journal)[-1]
    assert status == "stopped" and reason.startswith(f"received {number.name}; saved at iteration ")
    iteration = int(reason.split("iteration ")[1].split(",")[0])
    assert iteration > 0
    shorter = train(configure(iterations=iteration + 5), train_file, tmp_path / "run")
    assert shorter.returncode == 0 and f"continues at iteration {iteration}" in shorter.stderr


def test_an_orphan_saves_and_a_new_start_waits_for_it(configure, train_file, tmp_path):
    """Only the supervising process is killed: the lock holds until the training process has stopped by itself."""
    config = configure(iterations=10**6)
    process = subprocess.Popen(command(config, train_file, tmp_path / "run"), stderr=subprocess.DEVNULL)
    wait_for(lambda: _is_running(tmp_path / "run" / "state", process.pid))
    process.kill()
    process.wait()
    longer = subprocess.Popen(command(config, train_file, tmp_path / "run"), stderr=subprocess.PIPE, text=True)
    line = longer.stderr.readline()
    longer.send_signal(signal.SIGTERM)
    longer.communicate(timeout=60)
    assert "continues at iteration" in line
    reasons = [reason for _, reason in statuses(state_of(tmp_path / "run") / "journal.jsonl")]
    assert any(reason.startswith("the parent process is gone; saved") for reason in reasons)


def test_a_killed_workflow_takes_its_training_along(configure, train_file, tmp_path):
    """A SIGKILL of what started `train`: the training saves and stops by itself instead of going on unseen."""
    endless = command(configure(iterations=10**6), train_file, tmp_path)
    start = f"import subprocess, time; subprocess.Popen({endless!r}); time.sleep(600)"
    workflow = subprocess.Popen([sys.executable, "-c", start], stderr=subprocess.DEVNULL)
    wait_for(lambda: training_process_of(workflow.pid) and _is_running(tmp_path / "state", workflow.pid))
    supervisor = training_process_of(workflow.pid)
    workflow.kill()
    workflow.wait()
    wait_for(lambda: not Path(f"/proc/{supervisor}").exists())
    status, reason = statuses(state_of(tmp_path) / "journal.jsonl")[-1]
    assert status == "stopped" and "saved at iteration" in reason


def test_labels_are_those_of_today_after_a_restore(configure, train_file, tmp_path):
    assert train(configure(schedule_name="short"), train_file, tmp_path / "run").returncode == 0
    (tmp_path / "run" / "training.json").unlink()
    assert "restored" in train(configure(schedule_name="published"), train_file, tmp_path / "run").stderr
    assert json.loads((tmp_path / "run" / "training.json").read_text())["schedule_name"] == "published"


def test_a_run_is_trained_by_one_process_at_a_time(configure, train_file, tmp_path, monkeypatch):
    config = configure(iterations=10**6)
    first = subprocess.Popen(command(config, train_file, tmp_path / "run"), stderr=subprocess.DEVNULL)
    wait_for(lambda: _is_running(tmp_path / "run" / "state", first.pid))
    impatient = (
        "import sys; from pipeline_lib.cli import main, train; train.LOCK_PATIENCE_SECONDS = 0; sys.exit(main())"
    )
    arguments = command(config, train_file, tmp_path / "run")[3:]
    second = subprocess.run([sys.executable, "-c", impatient, *arguments], capture_output=True, text=True)
    first.terminate()
    first.wait()
    assert second.returncode == 1
    assert "being trained already" in second.stderr and f"process {first.pid}" in second.stderr


def test_a_finished_run_is_restored_and_a_longer_one_extends_it(configure, train_file, tmp_path):
    out = tmp_path / "run"
    assert train(configure(iterations=20), train_file, out).returncode == 0
    short = (out / "model.safetensors").read_bytes()
    extended = train(configure(iterations=40), train_file, out)
    assert "continues at iteration 20" in extended.stderr
    long = (out / "model.safetensors").read_bytes()
    assert train(configure(iterations=40), train_file, tmp_path / "whole").returncode == 0
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == long != short
    for name in ("model.safetensors", "training.json", "journal.jsonl"):
        (out / name).unlink()  # what a workflow does before it runs a rule again
    restored = train(configure(iterations=20), train_file, out)
    assert "restored finished weights" in restored.stderr
    assert (out / "model.safetensors").read_bytes() == short
    assert json.loads((out / "training.json").read_text())["iterations"] == 20
    assert max(step for step, _, _ in metric_points(read_journal(out / "journal.jsonl"))["loss"]) == 20


def test_another_configuration_leaves_the_finished_one_alone(configure, train_file, tmp_path):
    out = tmp_path / "run"
    assert train(configure(batch_size=8), train_file, out).returncode == 0
    first = (out / "model.safetensors").read_bytes()
    assert train(configure(batch_size=4), train_file, out).returncode == 0
    assert (out / "model.safetensors").read_bytes() != first
    assert "restored" in train(configure(batch_size=8), train_file, out).stderr
    assert (out / "model.safetensors").read_bytes() == first


def test_training_json_says_what_was_done(configure, train_file, tmp_path):
    assert train(configure(), train_file, tmp_path / "run", seed=3).returncode == 0
    summary = json.loads((tmp_path / "run" / "training.json").read_text())
    assert (summary["experiment"], summary["seed"], summary["iterations"]) == ("wave_eq_100/pde", 3, 20)
    assert summary["n_training_windows"] == 3 * (150 - 15 + 1) and summary["precision"] == "float32"
    assert summary["n_parameters"]["total"] == sum(v for k, v in summary["n_parameters"].items() if k != "total")
    assert summary["provenance"]["packages"]["torch"] and summary["provenance"]["hardware"]["cpu_count"]
    assert summary["wall_seconds"] > 0 and summary["schedule_name"] == "test"


def test_a_nan_in_the_data_ends_the_run_with_step_configuration_and_checkpoint(configure, train_file, tmp_path):
    poisoned = tmp_path / "train.h5"
    poisoned.write_bytes(train_file.read_bytes())
    with h5py.File(poisoned, "r+") as file:
        file["video"][1, 70:] = float("nan")
    failed = train(configure(iterations=500), poisoned, tmp_path / "run")
    assert failed.returncode == 1
    assert "not finite at iteration" in failed.stderr and "config.yaml" in failed.stderr
    assert "last good checkpoint" in failed.stderr and "Traceback" not in failed.stderr
    state = state_of(tmp_path / "run")
    status, reason = statuses(state / "journal.jsonl")[-1]
    assert status == "failed" and "not finite at iteration" in reason
    assert "not finite at iteration" in (state / "train.log").read_text()
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize(
    "changes, seed, message",
    [
        ({"device": "cuda:7"}, 0, "cuda:7 was asked for"),
        ({}, -1, "needs --seed N"),
        ({}, 2**32, "needs --seed N"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(configure, train_file, tmp_path, changes, seed, message):
    refused = train(configure(**changes), train_file, tmp_path / "run", seed=seed)
    assert refused.returncode == 1 and message in refused.stderr and "Traceback" not in refused.stderr


def test_a_missing_or_foreign_training_file_is_named(configure, train_file, tmp_path):
    foreign = tmp_path / "notes.h5"
    foreign.write_text("not HDF5")
    for path in (tmp_path / "nothing.h5", foreign, train_file.with_name("test.h5")):
        refused = train(configure(), path, tmp_path / "run")
        assert refused.returncode == 1 and path.name in refused.stderr and "Traceback" not in refused.stderr
