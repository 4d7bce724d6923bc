"""What happens before the first job: bad configurations, the lock, resolved configurations; and after a failure."""

import hashlib

from pipeline_lib.config.loading import read_experiment
from pipeline_lib.runtime.locks import FileLock
from tests.workflow.conftest import Workflow

BROKEN = """\
seeds: [x]
experiments: [wave_eq_100/pde, wave_eq_100/pdf]
overrides: {wave_eq_100/pde: {training: {iteration: 3}}}
"""
RUN = "results/the tests/runs/wave_eq_100/pde/seed_0"


def test_a_broken_configuration_is_an_error_before_any_job(workflow):
    workflow.write("broken.yaml", BROKEN)
    done = workflow.snakemake(configfile="broken.yaml")
    assert done.returncode == 1
    message = done.stdout + done.stderr
    assert "WorkflowError" in message and "3 problems in the configuration:" in message
    assert "broken.yaml: seeds.0: given 'x'; input should be a valid integer" in message
    assert "no config/experiments/wave_eq_100/pdf.yaml; did you mean 'wave_eq_100/pde'?" in message
    assert (
        "broken.yaml: overrides.wave_eq_100/pde.training.iteration: unknown key; did you mean 'iterations'?" in message
    )
    assert "Building DAG" not in message and "Traceback" not in message
    assert not (workflow.folder / "results").exists()


def test_a_start_writes_the_resolved_configurations_and_nothing_to_do_does_nothing(finished):
    """`finished` was started once; no job of its own has run."""
    configs = finished.results / "configs" / "wave_eq_100"
    assert {path.stem for path in configs.iterdir()} == {"pde", "pde_no_s", "copy_last", "mean_frame"}
    resolved = read_experiment(configs / "pde.yaml")
    assert resolved.training.iterations == 4 and resolved.training.schedule_name == "test"
    # With nothing to do, not even the lock is wanted.
    with FileLock(finished.results / ".lock"):
        done = finished.snakemake()
    assert done.returncode == 0 and "Nothing to be done" in done.stderr + done.stdout


def test_two_pipelines_do_not_share_a_results_folder(finished):
    with FileLock(finished.results / ".lock"):
        done = finished.snakemake("--forcerun", "tabulate")
    message = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Another pipeline is at work in results/the tests" in message and "is held by process" in message
    assert "rule tabulate" not in message


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_rerun_that_fails_leaves_the_finished_weights_and_going_back_restores_them(tmp_path, repository):
    trained = Workflow(tmp_path, repository)
    arguments = (f"{RUN}/model.safetensors", "--config", "tracking={enabled: false}")
    done = trained.snakemake(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    weights = trained.folder / RUN / "model.safetensors"
    (kept,) = (trained.folder / RUN / "state").glob("*/finished/*/model.safetensors")
    before = checksum(weights)
    assert checksum(kept) == before

    data = trained.folder / "data/prepared/wave_eq_100/train.h5"
    content = data.read_bytes()
    data.write_bytes(content[: len(content) // 2])
    done = trained.snakemake(*arguments)
    assert done.returncode == 1 and "train.h5 is damaged or truncated" in done.stdout + done.stderr
    assert not weights.exists(), "Snakemake removes the outputs of a failed job"
    assert checksum(kept) == before

    data.write_bytes(content)
    done = trained.snakemake(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert checksum(weights) == before
    assert "restored" in (trained.results / "logs/train/wave_eq_100/pde/seed_0.log").read_text()
