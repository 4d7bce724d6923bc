"""The plan of an untouched folder: jobs, inputs, commands, resources, targets."""

import argparse
import importlib
import re
import shlex
import time
from collections import Counter

import pytest
import yaml

from pipeline_lib.cli import STAGES
from pipeline_lib.config.raw import RAW_SOURCES


@pytest.fixture(scope="module")
def jobs(workflow):
    return workflow.plan()


def test_every_run_is_made_from_data_to_store(jobs):
    assert Counter(job.rule for job in jobs) == {
        "prepare": 1,
        "train": 4,
        "fit": 2,
        "evaluate": 4,
        "evaluate_baseline": 2,
        "check": 1,
        "draw_forecast": 4,
        "draw_loss_curves": 4,
        "draw_horizon": 1,
        "tabulate": 1,
        "track": 4,
    }


def test_training_never_sees_the_test_part(jobs):
    for job in jobs:
        if job.rule in ("train", "fit"):
            assert job.list("input") == ["data/prepared/wave_eq_100/train.h5"]
            assert "test.h5" not in job.command


def test_every_job_calls_a_stage_with_its_files_and_leaves_a_log(jobs, workflow):
    for job in jobs:
        words = shlex.split(job.command.removeprefix("exec "))
        assert words[1:3] == ["-m", "pipeline_lib"] and words[3] in STAGES
        (log,) = job.list("log")
        assert words[-3:] == [">", log, "2>&1"]
        folders = {output.rsplit("/", 1)[0] for output in job.list("output")}
        for output in job.list("output"):
            assert output in words or folders & set(words), job.command
    assert not workflow.results.exists(), "a dry run writes nothing"


def test_commands_are_those_that_the_stages_take(jobs):
    """Parsed by the stages' own parsers."""
    for rule in sorted({job.rule for job in jobs}):
        words = shlex.split(next(job.command for job in jobs if job.rule == rule).removeprefix("exec "))
        parser = argparse.ArgumentParser(exit_on_error=False)
        importlib.import_module(STAGES[words[3]][0]).add_arguments(parser)
        parser.parse_args(words[4:-3])


def test_every_table_and_figure_has_a_target_of_its_own(workflow):
    listed = workflow.snakemake("--list-rules").stdout.split()
    assert {
        "all",
        "figures",
        "tables",
        "tracking",
        "checks",
        "table_wave_eq_100",
        "figure_wave_eq_100_horizon",
        "figure_wave_eq_100_forecast",
        "figure_wave_eq_100_loss_curves",
    } <= set(listed)
    counts = workflow.counts("table_wave_eq_100")
    assert counts == {"prepare": 1, "train": 4, "fit": 2, "evaluate": 4, "evaluate_baseline": 2, "tabulate": 1}


def test_a_grid_of_every_experiment_and_fifty_seeds_is_planned_in_seconds(workflow, tmp_path):
    for source in RAW_SOURCES.values():  # what a person puts in place
        (tmp_path / source.name).mkdir()
        for file in source.files if source.is_placed_by_hand else ():
            place = tmp_path / source.name / file.name
            place.mkdir() if file.is_folder else place.touch()
    files = sorted((workflow.folder / "config" / "experiments").glob("*/*.yaml"))
    names = [f"{path.parent.name}/{path.stem}" for path in files]
    grid = {"experiments": names, "seeds": list(range(50)), "mirror_dir": str(tmp_path)}
    workflow.write("grid.yaml", yaml.safe_dump(grid))
    began = time.monotonic()
    jobs = workflow.plan(configfile="grid.yaml")
    print(f"{len(jobs)} jobs planned in {time.monotonic() - began:.1f} s")
    trained = {(job.wildcards["model"], int(job.wildcards["seed"])) for job in jobs if job.rule == "train"}
    assert trained >= {("pde", seed) for seed in range(50)} | {("pde_no_s", seed) for seed in range(50)}


def test_profiles_share_no_key(repository):
    profiles = [
        yaml.safe_load((repository / path / "config.yaml").read_text()) for path in ("profiles/default", "slurm")
    ]
    assert not set(profiles[0]) & set(profiles[1])
    assert profiles[0]["rerun-incomplete"] is profiles[0]["keep-going"] is profiles[0]["printshellcmds"] is True
    assert profiles[0]["max-checksum-file-size"] >= 10**12


def test_on_slurm_jobs_ask_for_partition_gpu_and_time(workflow):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    workflow.write(
        "on_gpu.yaml", workflow.folder.joinpath("test.yaml").read_text().replace("device: cpu", "device: auto")
    )
    for configfile, gpus in (("test.yaml", "0"), ("on_gpu.yaml", "1")):
        jobs = workflow.plan("--profile", "slurm", configfile=configfile)
        for job in jobs:
            if job.rule in ("train", "evaluate"):
                assert job.resources["slurm_partition"] == "gpu" and job.resources["gpu"] == gpus
            if job.rule in ("prepare", "fit", "evaluate_baseline"):
                assert job.resources["slurm_partition"] == "cpu" and job.resources.get("gpu", "0") == "0"
        assert {job.resources["runtime"] for job in jobs if job.rule == "train"} == {"720"}
        assert int(next(job for job in jobs if job.rule == "train").resources["mem_mb"]) >= 8000


def test_what_needs_a_network_or_takes_seconds_stays_on_the_login_node(repository):
    """All rules but these are local; and these share a job with something, but for `prepare`."""
    submitted = set()
    for file in (repository / "Snakefile", *sorted((repository / "workflow" / "rules").glob("*.smk"))):
        rules = re.split(r"^ *(?:use )?rule\b", file.read_text(), flags=re.MULTILINE)[1:]
        submitted |= {
            rule.split(":")[0].split(" with")[0].split()[-1] for rule in rules if "localrule: True" not in rule
        }
    assert submitted == {"prepare", "train", "evaluate", "fit", "evaluate_baseline"}
    profile = yaml.safe_load((repository / "slurm" / "config.yaml").read_text())
    assert {group.split("=")[0] for group in profile["groups"]} == submitted - {"prepare"}
