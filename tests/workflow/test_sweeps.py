"""A sweep in the workflow: its points are runs like any other, and finished runs stay as they are."""

from collections import Counter

import pytest

from tests.workflow.conftest import CONFIGURATION

SWEEP = (
    CONFIGURATION
    + """\
  - {experiment: wave_eq_100/pde_learning_rate_1e_3, times_best_baseline: 1000}
sweeps:
  wave_eq_100/pde: {training.optimiser.learning_rate: [1.0e-3, 1.0e-4]}
"""
)
POINTS = {"pde_learning_rate_1e_3", "pde_learning_rate_1e_4"}


@pytest.fixture(scope="module")
def planned(finished):
    """The jobs of a sweep beside runs that are finished."""
    finished.write("sweep.yaml", SWEEP)
    return finished.plan(configfile="sweep.yaml")


def test_every_point_is_trained_once_per_seed_and_nothing_else_is(planned):
    trained = {(job.wildcards["model"], job.wildcards["seed"]) for job in planned if job.rule in ("train", "fit")}
    assert trained == {(point, seed) for point in POINTS for seed in "01"}
    counts = Counter(job.rule for job in planned)
    assert "prepare" not in counts and counts["train"] == counts["evaluate"] == 4
    assert counts["track"] == 2, "each point has a parent run of its own"


def test_points_have_folders_and_configurations_of_their_own(planned):
    for job in planned:
        if job.rule == "train":
            point, seed = job.wildcards["model"], job.wildcards["seed"]
            assert f"results/the tests/configs/wave_eq_100/{point}.yaml" in job.command
            folder = f"results/the tests/runs/wave_eq_100/{point}/seed_{seed}"
            assert all(output.startswith(f"{folder}/") for output in job.list("output"))


def test_tables_figures_and_bars_take_the_points_in(planned):
    for rule in ("tabulate", "draw_horizon"):
        (job,) = (job for job in planned if job.rule == rule)
        for point in POINTS:
            assert f"results/the tests/runs/wave_eq_100/{point}/seed_1/metrics.json" in job.list("input")
    checked = [job.list("output") for job in planned if job.rule == "check"]
    assert ["results/the tests/checks/wave_eq_100-pde_learning_rate_1e_3-mse_per_pixel.txt"] in checked


def test_without_the_sweep_nothing_is_to_be_done(finished):
    assert finished.plan() == []


def test_a_bad_sweep_is_an_error_before_any_job(workflow):
    workflow.write("bad.yaml", SWEEP.replace("learning_rate:", "learning_rat:"))
    done = workflow.snakemake("--dry-run", configfile="bad.yaml")
    message = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in message
    assert "bad.yaml: sweeps.wave_eq_100/pde.training.optimiser.learning_rat: unknown key; did you mean" in message


def test_a_bad_value_on_the_command_line_is_called_so(workflow):
    done = workflow.snakemake("--dry-run", "--config", "seeds=3")
    assert done.returncode == 1
    assert "--config: seeds: given 3; input should be a valid list" in done.stdout + done.stderr
