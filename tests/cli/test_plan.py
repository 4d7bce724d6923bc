"""`plan`: what every run still needs, in iterations, time, GPU hours and disk, with nothing started or written."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from pipeline_lib.cli import iteration_timing, main, plan, timing_cache
from pipeline_lib.cli.iteration_timing import NotTimedError, Timing, measured, timed_apart
from pipeline_lib.cli.plan_table import duration, size
from pipeline_lib.cli.run_estimates import run_bytes
from pipeline_lib.cli.timing_cache import IterationTimes, timing_key
from pipeline_lib.cli.training_request import OUTPUTS, training_request
from pipeline_lib.config.loading import write_experiment
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.config.wave_eq import WaveEq100Settings
from pipeline_lib.data.hdf5 import VideoDescription, write_videos
from pipeline_lib.training.checkpoint import Checkpoint, CheckpointStore
from pipeline_lib.training.loop import Trainer

PDE, COPY = "wave_eq_100/pde", "wave_eq_100/copy_last"
SHAPE = (1, 1, 10)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def timed(monkeypatch):
    """In place of measurements: two seconds an iteration. The experiments that were measured."""
    experiments = []

    def fake(experiment, frame_shape):
        assert frame_shape == SHAPE
        experiments.append(experiment)
        return Timing(2.0, 3)

    monkeypatch.setattr(timing_cache, "timed_apart", fake)
    return experiments


class Project:
    """A folder with configuration and two experiments, in which tests plan."""

    def __init__(self, folder, experiment):
        self.experiment = experiment
        self.paths = ResultPaths(Path("results"), Path("data"))
        baseline = {"name": COPY, "model": {"name": "copy_last"}, "training": None}
        for name, content in {PDE: {}, COPY: baseline}.items():
            path = folder / "config" / "experiments" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(experiment.model_dump(mode="json") | content))
        self.overlay = folder / "overlay.yaml"
        (folder / "config" / "config.yaml").write_text(yaml.safe_dump({"experiments": [PDE, COPY], "seeds": [0, 1]}))

    def plan(self, capsys, *arguments, code=0, **overlay):
        """The plan as JSON."""
        self.overlay.write_text(yaml.safe_dump(overlay, sort_keys=False))
        capsys.readouterr()
        assert main(["plan", str(self.overlay), "--json", *arguments]) == code
        return json.loads(capsys.readouterr().out)

    def prepare(self, n_frames=150):
        """Training and test file, of noise."""
        videos = np.random.default_rng(0).random((3, n_frames, *SHAPE), dtype=np.float32)
        for part in ("train", "test"):
            path = self.paths.prepared_dir / "wave_eq_100" / f"{part}.h5"
            write_videos(path, videos.shape, [videos], VideoDescription("wave_eq_100", part, "noise", {}))

    def request(self, seed):
        return training_request(
            self.experiment, seed, self.paths.train_file("wave_eq_100"), self.paths.run(PDE, seed).folder
        )

    def reach(self, seed, iteration):
        """A checkpoint at an iteration."""
        state = Checkpoint({"weight": torch.zeros(3)}, {"iteration": iteration})
        CheckpointStore(self.request(seed).state).save(state)

    def finish(self, seed):
        for name in OUTPUTS:
            path = self.request(seed).kept / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")


@pytest.fixture
def project(tmp_path, tiny_experiment, monkeypatch, cache):
    folder = tmp_path / "project"
    made = Project(folder, tiny_experiment)
    monkeypatch.chdir(folder)
    return made


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def test_every_run_is_listed_with_what_it_needs_and_nothing_is_written(project, timed, capsys, cache):
    before = [*files("."), Path("overlay.yaml")]
    found = project.plan(capsys)
    runs = {(row["experiment"], row["seed"]): row for row in found["runs"]}
    assert list(runs) == [(PDE, 0), (PDE, 1), (COPY, None)]
    for seed in (0, 1):
        row = runs[PDE, seed]
        assert (row["state"], row["iterations"], row["remaining_iterations"]) == ("to do", 20, 20)
        assert (row["seconds"], row["gpu_hours"], row["timing"]["n_timed"]) == (40.0, 0.0, 3)
        assert row["bytes"] == run_bytes(project.experiment, SHAPE)
    assert runs[COPY, None]["seconds"] == runs[COPY, None]["iterations"] == 0
    assert found["total"]["seconds"] == {"sum": 80.0, "is_complete": True}
    assert found["total"]["remaining_iterations"]["sum"] == 40
    (data,) = found["datasets"]
    assert data == {"dataset": "wave_eq_100", "is_prepared": False, "bytes": 4 * 150 * 10 * 4}
    (disk,) = found["disks"]
    assert disk["folders"] == ["results", "data"] and disk["fits"]
    assert disk["bytes"] == sum(row["bytes"] for row in found["runs"]) + data["bytes"]
    assert set(files(".")) == set(before)
    assert len(timed) == len(files(cache)) == 1, "two seeds take the same time"


def test_the_table_says_the_same(project, timed, capsys):
    assert main(["plan"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split() == ["run", "iterations", "state", "s/iteration", "time", "GPU", "hours", "disk"]
    assert lines[1].split()[:9] == [PDE, "seed", "0", "20", "to", "do", "2", "40", "s"]
    assert lines[3].split()[:4] == [COPY, "–", "to", "do"]
    assert lines[4].split()[:7] == ["total,", "still", "to", "do", "40", "80", "s"]
    assert "wave_eq_100  to prepare  24 kB" in shown.out
    assert f"{PDE} seed 0 and 1 more: the median of 3 iterations, timed now on" in shown.out
    assert "evaluation and baselines are not estimated" in shown.out
    assert f"timing {PDE}" in shown.err
    assert main(["plan"]) == 0
    shown = capsys.readouterr()
    assert "the median of 3 iterations, timed earlier on" in shown.out and shown.err == ""


def test_finished_runs_cost_nothing_and_begun_ones_what_is_left(project, timed, capsys):
    project.prepare()
    project.finish(0)
    project.reach(1, 15)
    found = project.plan(capsys)
    finished, resumable, baseline = found["runs"]
    assert (finished["state"], finished["seconds"], finished["bytes"]) == ("finished", 0, 0)
    assert (resumable["state"], resumable["done_iterations"], resumable["seconds"]) == ("resumable", 15, 10.0)
    there = sum(path.stat().st_size for path in files(project.request(1).state))
    assert 0 < there and resumable["bytes"] == run_bytes(project.experiment, SHAPE) - there
    assert baseline["state"] == "to do"
    assert found["datasets"] == [{"dataset": "wave_eq_100", "is_prepared": True, "bytes": 0}]
    assert main(["plan"]) == 0
    shown = capsys.readouterr().out
    assert "finished" in shown and "resumable at 15" in shown


def test_other_settings_are_another_run_and_a_longer_training_extends(project, timed, capsys):
    project.prepare()
    project.finish(0)
    project.reach(0, 20)
    row = project.plan(capsys, overrides={PDE: {"training": {"batch_size": 4}}})["runs"][0]
    assert (row["state"], row["remaining_iterations"]) == ("to do", 20)
    row = project.plan(capsys, overrides={PDE: {"training": {"iterations": 50}}})["runs"][0]
    assert (row["state"], row["done_iterations"], row["remaining_iterations"]) == ("resumable", 20, 30)


def test_what_train_would_refuse_is_told(project, timed, capsys):
    project.prepare()
    project.reach(0, 25)
    row = project.plan(capsys, code=1)["runs"][0]
    assert (row["state"], row["seconds"], row["bytes"]) == ("refused", 0, 0)
    assert "at iteration 25, beyond the 20 asked for" in row["unknown_because"]
    task = {PDE: {"task": {"n_pred": 146}}}
    row = project.plan(capsys, code=1, overrides=task)["runs"][0]
    assert row["state"] == "refused" and "no window of 151 frames fits" in row["unknown_because"]


def test_epochs_are_counted_in_windows_of_the_settings_or_of_the_data(project, timed, capsys, monkeypatch):
    overrides = {PDE: {"training": {"iterations": None, "epochs": 2}}}
    n_windows = 3 * (150 - 15 + 1)
    row = project.plan(capsys, overrides=overrides)["runs"][0]
    assert row["iterations"] == 2 * n_windows // 8
    monkeypatch.setattr(WaveEq100Settings, "n_training_windows", lambda self, length: None)
    found = project.plan(capsys, overrides=overrides)
    row = found["runs"][0]
    assert row["iterations"] is row["remaining_iterations"] is row["seconds"] is None
    assert row["unknown_because"] == "only its data tell how long an epoch is"
    assert not found["total"]["seconds"]["is_complete"]
    assert main(["plan", "overlay.yaml"]) == 0
    assert "≥ 0 s" in capsys.readouterr().out
    project.prepare()
    assert project.plan(capsys, overrides=overrides)["runs"][0]["iterations"] == 2 * n_windows // 8


def test_frames_that_only_the_data_tell_are_unknown_until_then(project, timed, capsys, monkeypatch):
    monkeypatch.setattr(WaveEq100Settings, "frame_shape", None)
    monkeypatch.setattr(WaveEq100Settings, "prepared_bytes", None)
    found = project.plan(capsys)
    row = found["runs"][0]
    assert row["bytes"] is row["seconds"] is None and row["remaining_iterations"] == 20
    assert row["unknown_because"] == "only its data tell the shape of a frame"
    assert not found["disks"][0]["is_complete"] and not timed
    assert main(["plan"]) == 0
    assert "at least 0 B to be filled" in capsys.readouterr().out
    project.prepare()
    assert project.plan(capsys)["runs"][0]["seconds"] == 40


def test_points_of_a_sweep_share_measurements_where_only_the_rate_differs(project, timed, capsys):
    sweep = {"training.optimiser.learning_rate": [1e-4, 1e-3], "training.batch_size": [4, 8]}
    rows = project.plan(capsys, sweeps={PDE: sweep}, seeds=[0])["runs"]
    assert [row["experiment"] for row in rows[1:5]] == [
        f"{PDE}_learning_rate_{rate}_batch_size_{batch}" for rate in ("1e_4", "1e_3") for batch in (4, 8)
    ]
    assert [experiment.training.batch_size for experiment in timed] == [8, 4]


def test_what_is_remembered_is_used_refreshed_or_all_there_is(project, timed, capsys):
    row = project.plan(capsys, "--no-timing")["runs"][0]
    assert row["seconds"] is None and row["unknown_because"] == "not timed yet" and not timed
    assert row["gpu_hours"] == 0, "a CPU takes no GPU hours however long it takes"
    project.plan(capsys)
    assert project.plan(capsys, "--no-timing")["runs"][0]["timing"]["is_remembered"]
    assert len(timed) == 1
    assert not project.plan(capsys, "--refresh")["runs"][0]["timing"]["is_remembered"]
    assert len(timed) == 2


def test_gpu_hours_are_the_hours_on_a_gpu(project, timed, capsys, monkeypatch):
    key = timing_cache.timing_key
    monkeypatch.setattr(timing_cache, "timing_key", lambda *args: key(*args) | {"device_type": "cuda", "device": "G"})
    found = project.plan(capsys)
    assert found["runs"][0]["gpu_hours"] == 40 / 3600
    assert found["total"]["gpu_hours"]["sum"] == pytest.approx(80 / 3600)
    assert project.plan(capsys, "--refresh", overrides={PDE: {"training": {"n_threads": 2}}})["runs"][0]["timing"]
    assert main(["plan"]) == 0
    assert "0.011" in (shown := capsys.readouterr().out) and "timed earlier on G\n" in shown


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a CUDA device")
def test_a_device_that_is_not_here_is_a_reason(project, timed, capsys):
    row = project.plan(capsys, overrides={PDE: {"training": {"device": "cuda"}}})["runs"][0]
    assert row["seconds"] is row["gpu_hours"] is None and "sees no CUDA device" in row["unknown_because"]
    assert not timed


def test_a_plan_that_does_not_fit_is_a_warning_and_an_exit_code(project, timed, capsys, monkeypatch):
    monkeypatch.setattr(plan, "_free", lambda folder: 1000)
    assert project.plan(capsys, code=1)["disks"][0]["fits"] is False
    assert main(["plan"]) == 1
    shown = capsys.readouterr().out
    assert "1.0 kB free" in shown and "WARNING: this does not fit" in shown


def test_a_measurement_that_fails_leaves_the_rest_of_the_plan(project, capsys, monkeypatch, cache):
    def fails(experiment, frame_shape):
        raise NotTimedError("out of memory")

    monkeypatch.setattr(timing_cache, "timed_apart", fails)
    found = project.plan(capsys)
    assert found["runs"][0]["unknown_because"] == "out of memory" and found["runs"][0]["bytes"]
    assert not files(cache)
    assert main(["plan"]) == 0
    assert f"{PDE} seed 0 and 1 more: out of memory" in capsys.readouterr().out


def test_iterations_are_timed_in_a_process_of_their_own(tiny_experiment, cache):
    timing = timed_apart(tiny_experiment, SHAPE)
    assert 3 <= timing.n_timed <= 50 and 0 < timing.seconds < 20
    assert not files(cache)
    missing = tiny_experiment.training.model_copy(update={"device": "cuda:9"})
    with pytest.raises(NotTimedError, match="cuda:9 was asked for"):
        timed_apart(tiny_experiment.model_copy(update={"training": missing}), SHAPE)


def test_a_process_that_is_killed_or_endless_is_a_reason(tiny_experiment, monkeypatch):
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    sleep = "import time; time.sleep(60)"
    run = subprocess.run
    for program, message in ((kill, "ended by signal 9, perhaps for want of memory"), (sleep, "took longer than 0 s")):
        monkeypatch.setattr(
            subprocess, "run", lambda command, program=program, **o: run([sys.executable, "-c", program], **o)
        )
        if program == sleep:
            monkeypatch.setattr(iteration_timing, "LIMIT_SECONDS", 0.3)
        with pytest.raises(NotTimedError, match=message):
            timed_apart(tiny_experiment, SHAPE)


def test_the_real_loop_is_timed_after_a_warm_up_within_the_budget(tiny_experiment, monkeypatch):
    lengths = iter([0.2] + [0.03] * 1000)
    step, batches = Trainer._step, []

    def slow(trainer):
        step(trainer)
        batches.append(trainer.data.batch(0, np.arange(8)).shape)
        time.sleep(next(lengths))

    monkeypatch.setattr(Trainer, "_step", slow)
    timing = measured(tiny_experiment, SHAPE)
    assert 0.03 < timing.seconds < 2 and timing.n_timed >= 3
    assert len(batches) == timing.n_timed + 1 and set(batches) == {(8, 15, *SHAPE)}
    monkeypatch.setattr(iteration_timing, "BUDGET_SECONDS", 0.0)
    assert measured(tiny_experiment, SHAPE).n_timed == 1
    monkeypatch.setattr(iteration_timing, "BUDGET_SECONDS", 20.0)
    monkeypatch.setattr(iteration_timing, "ENOUGH_SECONDS", 100.0)
    monkeypatch.setattr(iteration_timing, "MOST", 5)
    assert measured(tiny_experiment, SHAPE).n_timed == 5


def test_a_measurement_on_a_busy_machine_says_so(project, tiny_experiment, capsys, monkeypatch):
    everyone = iter([100.0, 100_000.0])
    monkeypatch.setattr(iteration_timing, "processor_use", lambda: (time.perf_counter(), next(everyone), 0.0))
    monkeypatch.setattr(iteration_timing, "ENOUGH_SECONDS", 0.0)
    assert measured(tiny_experiment, SHAPE).others == 1.0
    monkeypatch.setattr(timing_cache, "timed_apart", lambda *_: Timing(2.0, 3, others=0.4))
    assert main(["plan"]) == 0
    assert "while other work had 40% of the processor" in capsys.readouterr().out


def test_the_use_of_the_processor_is_told():
    _, everyone, ours = iteration_timing.processor_use()
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
    _, everyone_later, ours_later = iteration_timing.processor_use()
    assert ours_later - ours >= 0.2
    assert everyone_later - everyone >= 0.15, "within the system's ticks"


def test_what_changes_the_time_changes_the_key_and_nothing_else_does(tiny_experiment):
    def key(shape=SHAPE, task=None, model=None, **training):
        updates = {
            "training": tiny_experiment.training.model_copy(update=training),
            "task": tiny_experiment.task.model_copy(update=task or {}),
            "model": tiny_experiment.model.model_copy(update=model or {}),
        }
        return timing_key(tiny_experiment.model_copy(update=updates), shape)

    assert key() == key(iterations=99, schedule_name="other", logging_interval=1, device="auto" if no_gpu() else "cpu")
    assert key() == key(optimiser=tiny_experiment.training.optimiser.model_copy(update={"learning_rate": 1.0}))
    assert key() == key(task={"n_pred_test": 99})
    others = [
        key(shape=(1, 1, 11)),
        key(task={"n_pred": 9}),
        key(model={"integrator_n_blocks": 2}),
        key(batch_size=9),
        key(accumulation=2),
        key(precision="bf16"),
        key(n_threads=2),
        key(gradient_clip_norm=1.0),
    ]
    assert all(other != key() for other in others)
    assert {"device", "torch", "source"} <= set(key())


def no_gpu():
    return not torch.cuda.is_available()


def test_a_damaged_or_foreign_entry_is_measured_anew_and_an_unwritable_cache_told(
    tiny_experiment, timed, cache, capsys, monkeypatch
):
    assert IterationTimes().of(tiny_experiment, SHAPE).timing == Timing(2.0, 3)
    (entry,) = files(cache)
    content = json.loads(entry.read_text())
    for text in ("", "[]", "{", json.dumps({**content, "timing": {}}), json.dumps({**content, "key": {}})):
        entry.write_text(text)
        assert not IterationTimes().of(tiny_experiment, SHAPE).is_remembered
    assert IterationTimes().of(tiny_experiment, SHAPE).is_remembered
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    assert timing_cache.cache_folder().is_relative_to(Path.home() / ".cache")
    in_the_way = cache / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_the_way))
    assert IterationTimes().of(tiny_experiment, SHAPE).timing == Timing(2.0, 3)
    assert "times are not remembered" in capsys.readouterr().err


def test_the_disk_that_a_training_fills_is_foretold(tiny_experiment, tmp_path, prepared):
    wide = {"encoder_hidden_size": 256, "decoder_hidden_size": 256, "integrator_hidden_size": 256}
    often = tiny_experiment.training.model_copy(update={"checkpoint_interval": 1e-6})
    model = tiny_experiment.model.model_copy(update=wide)
    experiment = tiny_experiment.model_copy(update={"model": model, "training": often})
    config = tmp_path / "pde.yaml"
    write_experiment(experiment, config)
    arguments = ["--seed", "0", "--train-file", str(prepared / "train.h5"), "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "pipeline_lib", "train", str(config), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    tensors = sum(path.stat().st_size for path in files(tmp_path / "run") if path.suffix == ".safetensors")
    examples = 2 * (5 + 2 * 15) * 10 * 4
    assert run_bytes(experiment, SHAPE) - examples == pytest.approx(tensors, rel=0.02)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89, "89 s"), (95, "2 min"), (5_400, "1 h 30 min"), (7_260, "2 h 01 min"), (440_000, "5.1 days")],
)
def test_durations_are_written_as_people_do(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (23e6, "23 MB"), (4.56e9, "4.6 GB")]
)
def test_sizes_are_written_as_people_do(n_bytes, text):
    assert size(n_bytes) == text
