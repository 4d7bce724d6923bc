"""`doctor`: what of a machine does not fit a configuration is named, with what to do; nothing is left or waited for."""

import argparse
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from pipeline_lib.cli import accelerators, doctor, folder_findings, main, plan, service_findings
from pipeline_lib.cli.accelerators import judged
from pipeline_lib.cli.findings import Finding, summary
from pipeline_lib.cli.folder_findings import of_folder
from pipeline_lib.cli.installed_packages import is_within, package_findings, python_findings
from pipeline_lib.cli.service_findings import of_server, of_sqlite, partitions_named, slurm_findings
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.data.hdf5 import VideoDescription, write_videos
from pipeline_lib.runtime.file_systems import Trial
from pipeline_lib.runtime.locks import FileLock
from tests.tracking.silent_server import SilentServer

DATASET, COPY = "wave_eq_100", "wave_eq_100/copy_last"
TORCH = {"version": "2.13.0+cu130", "cuda": "13.0", "architectures": ["sm_80", "sm_90", "compute_90"], "devices": []}
GPU = {"name": "G", "capability": [9, 0], "free_bytes": 78e9, "total_bytes": 80e9}


class Project:
    """A folder with a configuration of one baseline, in which tests ask."""

    def __init__(self, folder, experiment):
        self.paths = ResultPaths(Path("results"), Path("data"))
        self.preparation = experiment.dataset.preparation.model_dump(mode="json")
        baseline = {"name": COPY, "model": {"name": "copy_last"}, "training": None}
        path = folder / "config" / "experiments" / f"{COPY}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(experiment.model_dump(mode="json") | baseline))
        (folder / "config" / "config.yaml").write_text(yaml.safe_dump({"experiments": [COPY]}))
        self.overlay = folder / "overlay.yaml"

    def ask(self, capsys, *options, **overlay):
        """What is found, by topic: a list of (level, what, do)."""
        self.overlay.write_text(yaml.safe_dump(overlay))
        capsys.readouterr()
        code = main(["doctor", str(self.overlay), "--json", *options])
        found = json.loads(capsys.readouterr().out)["findings"]
        assert code == any(each["level"] == "problem" for each in found)
        topics = {}
        for each in found:
            assert each["do"] or each["level"] in ("ok", "note"), each
            topics.setdefault(each["topic"], []).append((each["level"], each["what"], each["do"]))
        return topics

    def prepare(self, part="train", **preparation):
        path = self.paths.prepared_dir / DATASET / f"{part}.h5"
        videos = np.random.default_rng(0).random((2, 30, 1, 1, 10), dtype=np.float32)
        description = VideoDescription(DATASET, part, "noise", self.preparation | preparation)
        write_videos(path, videos.shape, [videos], description)
        return path


@pytest.fixture
def project(tmp_path, tiny_experiment, monkeypatch):
    """torch is not started: most tests are about the rest."""
    folder = tmp_path / "project"
    made = Project(folder, tiny_experiment)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(accelerators, "_asked_apart", lambda: (TORCH, ""))
    monkeypatch.setattr(accelerators, "machine_gpus", list)
    return made


def levels(findings):
    return [finding.level for finding in findings]


def files(folder):
    return sorted((str(path), path.stat().st_mtime_ns) for path in Path(folder).rglob("*"))


def test_a_machine_that_is_ready_has_no_problem_and_is_left_as_it_was(project, capsys, tmp_path):
    project.prepare("train"), project.prepare("test")
    project.overlay.write_text("{}")
    before = files(tmp_path)
    assert main(["doctor", str(project.overlay)]) == 0
    assert files(tmp_path) == before
    shown = capsys.readouterr().out
    assert re.search(r"ok       packages  (\d+) of \1 packages are there, within their bounds\.", shown)
    for said in ("ok       Python", "no GPU: device auto takes the CPU", "no SLURM here"):
        assert said in shown
    for said in (
        "to be filled",
        "train.h5 and test.h5 are of the settings",
        "is made when the pipeline starts",
        "locks",
    ):
        assert said in shown
    assert shown.splitlines()[-1].endswith("0 warnings, 0 problems")


def test_a_configuration_that_is_wrong_is_a_problem_and_the_rest_is_checked(project, capsys):
    topics = project.ask(capsys, seeds=[-1], nonsense=1)
    assert {level for level, *_ in topics["configuration"]} == {"problem"}
    assert "nonsense" in str(topics["configuration"]) and "Python" in topics and "disk" not in topics


def test_without_torch_all_but_what_needs_it_is_checked(project, repository):
    """In a Python to which torch is as good as not installed."""
    program = """
        import sys

        class Blocked:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in ("torch", "mlflow", "snakemake"):
                    raise ModuleNotFoundError(f"{name} is blocked", name=name)

        import importlib.util
        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *more: None if name == "torch" else found(name, *more)
        sys.meta_path.insert(0, Blocked())
        from pipeline_lib.cli import main
        sys.exit(main(["doctor", "--json"]))
        """
    environ = {**os.environ, "PYTHONPATH": str(repository)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)["findings"]
    assert [each["topic"] for each in found if each["level"] == "problem"] == ["torch"]
    assert any(each["topic"] == "disk" and "torch is missing" in each["what"] for each in found)


@pytest.mark.parametrize(
    ("found", "bounds", "fits"),
    [
        ("3.11.7", ">=3.11,<3.14", True),
        ("3.14.0", ">=3.11,<3.14", False),
        ("2.13.0+cpu", ">=2.6,<3", True),
        ("1.26", ">=1.26.0", True),
        ("10.0", ">=9.5", True),
        ("2.0.0rc1", "!=2.0", False),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(found, bounds, fits):
    assert is_within(found, bounds) is fits


def test_packages_are_held_against_the_bounds_and_the_tested_pins(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        textwrap.dedent("""
        [project]
        requires-python = ">=3.0,<3.5"
        dependencies = ["numpy>=1,<99", "no-such-package>=1,<2", "pydantic>=99"]
        [project.optional-dependencies]
        tracking = ["no-such-tracker>=1"]
        lint = ["no-such-linter>=1"]
        all = ["x[tracking]"]
        """)
    )
    (tmp_path / "constraints.txt").write_text("# pins\nnumpy==1.0\npydantic==99.1\n")
    assert levels(python_findings(tmp_path)) == ["problem"]
    found = list(package_findings(tmp_path))
    assert [(each.level, each.what.split(" ")[0]) for each in found[:3]] == [
        ("problem", "no-such-package"),
        ("problem", "pydantic"),
        ("warning", "no-such-tracker"),
    ]
    assert "99.1" in found[1].do and "tested: 1.0" in found[3].what and "1 of 5" in found[4].what
    with pytest.raises(ValueError, match="cannot be read"):
        list(python_findings(tmp_path / "nowhere"))


def test_gpus_are_judged_by_what_torch_and_the_driver_say():
    def said(*devices, machine=(), asked=(), **report):
        return list(judged(TORCH | {"devices": list(devices)} | report, machine, asked))

    assert levels(said(GPU)) == ["ok"] and "capability 9.0, 78 GB of 80 GB free" in said(GPU)[0].what
    assert levels(said(GPU | {"capability": [10, 0]})) == ["ok"], "what is compiled when loaded runs on later devices"
    (old,) = said(GPU | {"capability": [6, 1]})
    assert old.level == "problem" and "no kernels" in old.what
    turing = said(GPU | {"capability": [7, 5]}, architectures=["sm_75"])
    assert levels(turing) == ["ok", "note"] and "fp16" in turing[1].what
    assert levels(said(GPU | {"free_bytes": 1e9})) == ["ok", "warning"]
    (hidden,) = said(machine=["G (driver 1)"])
    assert hidden.level == "warning" and "driver" in hidden.do
    (build,) = said(machine=["G (driver 1)"], cuda=None)
    assert "Install one for CUDA" in build.do
    assert levels(said(asked=[(COPY, "cuda")])) == ["note", "problem"]
    assert levels(said(GPU, asked=[(COPY, "cuda:1"), (COPY, "cuda:0")])) == ["ok", "problem"]


def test_a_torch_that_fails_or_hangs_is_a_problem_and_not_waited_for(project, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(project.overlay.parent)
    monkeypatch.setattr(accelerators, "TORCH_SECONDS", 1e-3)
    ((level, what, _),) = project.ask(capsys)["torch"]
    assert level == "problem" and "no answer within" in what
    monkeypatch.setattr(accelerators, "TORCH_SECONDS", 60)
    monkeypatch.setattr(accelerators.sys, "executable", "/bin/false")
    assert "exit code 1" in project.ask(capsys)["torch"][0][1]


def test_what_a_disk_lacks_is_a_problem(project, capsys, monkeypatch):
    assert project.ask(capsys)["disk"][0][0] == "ok"
    monkeypatch.setattr(plan, "_free", lambda folder: 1000)
    ((level, what, do),) = project.ask(capsys)["disk"]
    assert level == "problem" and "1.0 kB free" in what and "Make room" in do


def test_folders_are_tried_and_left_empty(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (good,) = of_folder("results_dir", tmp_path / "new" / "folder")
    assert good.level == "ok" and f"to be made in {tmp_path}" in good.what
    (blocked,) = of_folder("results_dir", tmp_path / "file" / "results")
    assert blocked.level == "problem" and "is a file" in blocked.what
    for trial, level, said in [
        (Trial("Read-only file system", None), "problem", "cannot be written to: Read-only"),
        (Trial(None, False), "problem", "does not lock files"),
    ]:
        monkeypatch.setattr(folder_findings, "try_out", lambda folder, trial=trial: trial)
        (found,) = of_folder("data_dir", tmp_path)
        assert found.level == level and said in found.what
    monkeypatch.undo()
    monkeypatch.setattr(folder_findings, "file_system", lambda folder: "nfs4")
    (shared,) = of_folder("data_dir", tmp_path)
    assert shared.level == "note" and "network file system (nfs4)" in shared.what
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_prepared_files_are_opened_and_compared_with_the_settings(project, capsys):
    project.prepare("train")
    assert "Not prepared yet: wave_eq_100" in project.ask(capsys)["prepared"][0][1]
    test = project.prepare("test", seed=7)
    ((level, what, _),) = project.ask(capsys)["prepared"]
    assert level == "warning" and str(test) in what and "(seed)" in what
    project.prepare("test")
    with h5py.File(test, "r+") as file:
        file["video"][1, 3] += 1
    assert project.ask(capsys)["prepared"][0][0] == "ok"
    ((level, what, _),) = project.ask(capsys, "--full")["prepared"]
    assert level == "problem" and "other contents than were written" in what
    for content in (b"", test.read_bytes()[:3000], b"text"):
        test.write_bytes(content)
        assert [level for level, *_ in project.ask(capsys)["prepared"]] == ["problem"]
    shutil.copy(project.prepare("train"), test)
    assert "is the train part" in project.ask(capsys)["prepared"][0][1]


def test_raw_files_are_looked_for_and_summed(repository, tmp_path, monkeypatch, capsys):
    shutil.copytree(repository / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "disk_findings", lambda pipeline: [])
    monkeypatch.setattr(doctor, "gpu_findings", lambda pipeline: [])
    experiments = ["taxibj/copy_last", "moving_mnist/copy_last", "mnist_out_of_scene/copy_last"]

    def raw():
        (tmp_path / "o.yaml").write_text(yaml.safe_dump({"experiments": experiments, "comparisons": {}}))
        main(["doctor", "o.yaml", "--json"])
        found = json.loads(capsys.readouterr().out)["findings"]
        return {each["what"].split(":")[0]: each for each in found if each["topic"] == "raw data"}

    (by_hand, downloaded) = raw().values()
    assert by_hand["level"] == "problem" and "taxibj_sample/" in by_hand["do"]
    assert downloaded["level"] == "note" and "downloads" in downloaded["do"]
    folder = tmp_path / "data/raw/mnist"
    folder.mkdir(parents=True)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"other")
    wrong = list(raw().values())[-1]
    assert wrong["level"] == "problem" and "sha256" in wrong["what"] and wrong["do"].startswith("Move or remove it")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    assert any("is empty" in what for what in map(str, raw().values()))


def test_a_store_in_a_file_is_read_and_not_written(tmp_path, monkeypatch):
    path = tmp_path / "mlflow.db"
    assert levels(of_sqlite(path)) == ["ok"] and not path.exists()
    path.write_bytes(b"")
    assert levels(of_sqlite(path)) == ["warning"]
    path.write_bytes(b"no database at all, but longer than a header" * 9)
    assert levels(of_sqlite(path)) == ["problem"]
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE runs (id)")
    database.close()
    before = files(tmp_path)
    (found,) = of_sqlite(path)
    assert found.level == "ok" and "has 0 runs" in found.what and files(tmp_path) == before
    monkeypatch.setattr(service_findings, "file_system", lambda folder: "nfs4")
    assert levels(of_sqlite(path)) == ["warning", "ok"]
    monkeypatch.setattr(service_findings.os, "access", lambda path, mode: False)
    assert levels(of_sqlite(path)) == ["warning", "problem"]


def test_a_store_that_is_dead_silent_or_another_server_is_told_in_time():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        assert levels(of_server(f"postgresql://user:secret@127.0.0.1:{port}/db", 1)) == ["ok"]
    for address in (f"http://user:secret@127.0.0.1:{port}", f"postgresql+x://127.0.0.1:{port}/db"):
        (dead,) = of_server(address, 1)
        assert dead.level == "problem" and "does not answer" in dead.what and "secret" not in str(dead)
    silent = SilentServer()
    try:
        began = time.monotonic()
        (found,) = of_server(silent.uri, 0.5)
        assert found.level == "problem" and time.monotonic() - began < 5
    finally:
        silent.close()


def test_tracking_that_is_off_is_a_note(project, capsys):
    assert project.ask(capsys, tracking={"enabled": False})["tracking"][0][0] == "note"


def commands(folder, monkeypatch, **scripts):
    """Programs of these names, found before any other."""
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_partitions_of_the_profile_are_looked_for(tmp_path, monkeypatch, repository):
    profile = repository / "slurm" / "config.yaml"
    assert partitions_named(yaml.safe_load(profile.read_text())) == {"cpu", "gpu"}
    assert partitions_named({"default-resources": ["a=1"], "set-resources": None}) == set()
    monkeypatch.setattr(service_findings, "SLURM_SECONDS", 5)
    commands(tmp_path, monkeypatch, sinfo="echo cpu; echo gpu", squeue="true")
    (found,) = slurm_findings(profile)
    assert found.level == "ok" and "(cpu, gpu)" in found.what
    assert levels(slurm_findings(tmp_path / "none.yaml")) == ["note"]
    commands(tmp_path, monkeypatch, sinfo="echo cpu; echo long")
    (found,) = slurm_findings(profile)
    assert found.level == "problem" and "names the partitions gpu; this cluster has cpu, long" in found.what
    commands(tmp_path, monkeypatch, squeue="echo slurm_load_jobs error: Unable to contact >&2; exit 1")
    (found,) = slurm_findings(profile)
    assert found.level == "problem" and "Unable to contact" in found.what


def test_slurm_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(service_findings, "SLURM_SECONDS", 0.3)
    commands(tmp_path, monkeypatch, sinfo="exec sleep 30", squeue="exec sleep 30")
    began = time.monotonic()
    (found,) = slurm_findings(Path("slurm/config.yaml"))
    assert found.level == "problem" and "no answer of sinfo within 0.3 s" in found.what
    assert time.monotonic() - began < 10


def test_locks_of_the_living_the_dead_and_snakemake_are_told(project, capsys):
    assert project.ask(capsys)["locks"][0][0] == "ok"
    run_lock = project.paths.run(COPY, None).state("0123") / ".lock"
    with FileLock(project.paths.lock):
        ((level, what, do),) = project.ask(capsys)["locks"]
        assert level == "note" and f"process {os.getpid()} on" in what and f"kill -INT {os.getpid()}" in do
        left = project.paths.lock.read_text()
        # A child that outlives its parent keeps the lock that it was handed.
        project.paths.lock.write_text(left.replace(f"process {os.getpid()} ", "process 999999999 "))
        ((level, what, do),) = project.ask(capsys)["locks"]
        assert level == "problem" and "is gone: one that it started goes on" in what and "lsof" in do
        project.paths.lock.write_text(left.replace(f" on {socket.gethostname()} ", " on elsewhere "))
        ((level, _, do),) = project.ask(capsys)["locks"]
        assert level == "note" and "on elsewhere" in do
        project.paths.lock.write_text("")
        assert "does not say which" in project.ask(capsys)["locks"][0][1]
    run_lock.parent.mkdir(parents=True)
    run_lock.write_text(left)
    ((level, what, do),) = project.ask(capsys)["locks"]
    assert level == "note" and str(run_lock) in what and "killed" in what and run_lock.read_text() == left
    run_lock.write_text("")
    Path(".snakemake/locks").mkdir(parents=True)
    Path(".snakemake/locks/0.output.lock").write_text("results/x\n")
    ((level, _, do),) = project.ask(capsys)["locks"]
    assert level == "problem" and "snakemake --unlock" in do
    program = [sys.executable, "-c", "import time; print('on', flush=True); time.sleep(60)", "snakemake"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"on\n"
        ((level, what, _),) = project.ask(capsys)["locks"]
        assert level == "note" and str(process.pid) in what
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_check_that_hangs_or_fails_stops_no_other(project, capsys, monkeypatch):
    def broken(*_):
        raise OSError(5, "Input/output error", "/far")

    monkeypatch.setattr(doctor, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr(doctor, "folder_findings", lambda pipeline: time.sleep(30))
    monkeypatch.setattr(doctor, "raw_findings", broken)
    began = time.monotonic()
    found = list(doctor.examine(argparse.Namespace(overlays=[], full=False)))
    assert time.monotonic() - began < 10
    by_topic = {each.topic: each for each in found}
    assert by_topic["folders"].level == "warning" and "did not end within 0.2 s" in by_topic["folders"].what
    assert by_topic["raw data"].level == "problem" and "/far" in by_topic["raw data"].what
    assert by_topic["locks"].level == "ok"


def test_findings_are_counted():
    found = [Finding("ok", "a", "b"), Finding("problem", "a", "b", "c"), Finding("problem", "a", "b", "c")]
    assert summary(found) == "1 ok, 0 notes, 0 warnings, 2 problems"
