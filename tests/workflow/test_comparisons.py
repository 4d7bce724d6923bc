"""Tables over several datasets in the workflow: what they ask for, and what makes them again."""

from collections import Counter
from contextlib import ExitStack

import pytest

from tests.workflow.conftest import CONFIGURATION

COMPARISON = """\
comparisons:
  waves:
    title: Waves, "long" and short
    n_frames: 5
    models: [pde, pde_no_s, copy_last]
    datasets: [wave_eq_100, wave_eq]
"""
TABLE = [f"results/the tests/tables/waves.{suffix}" for suffix in ("csv", "md", "html")]


@pytest.fixture(scope="module")
def compared(finished):
    """A configuration with a comparison, beside runs that are finished; its table is not."""
    finished.write("compared.yaml", CONFIGURATION + COMPARISON)
    return finished


@pytest.fixture(scope="module")
def tabulated(compared):
    """The same with the table finished."""
    for file in TABLE:
        (compared.folder / file).write_text(file)
    done = compared.snakemake("--touch", "--forceall", configfile="compared.yaml")
    assert done.returncode == 0, done.stderr
    yield compared
    for file in TABLE:
        (compared.folder / file).unlink()


def test_a_comparison_reads_the_runs_that_there_are_and_asks_for_no_other(compared):
    (job,) = compared.plan(configfile="compared.yaml")
    assert job.rule == "compare" and job.list("output") == TABLE
    metrics = [file.split("/runs/")[1] for file in job.list("input") if file.endswith("metrics.json")]
    seeds = ("seed_0", "seed_1")
    assert metrics == [
        *(f"wave_eq_100/{model}/{seed}/metrics.json" for model in ("pde", "pde_no_s") for seed in seeds),
        "wave_eq_100/copy_last/no_seed/metrics.json",
    ]
    assert """compare 'Waves, "long" and short' --metric mse_per_pixel --n-frames 5""" in job.command
    assert "--models pde pde_no_s copy_last --datasets wave_eq_100 wave_eq " in job.command


def test_it_has_a_target_where_anything_of_it_is_run(compared):
    (job,) = compared.plan("table_waves", configfile="compared.yaml")
    assert job.rule == "compare"
    listed = compared.snakemake("--list-rules", configfile="compared.yaml").stdout.split()
    assert "table_waves" in listed and "table_across_papers" not in listed, "nothing of that one is run"


def test_without_the_comparison_nothing_is_to_be_done(compared):
    assert compared.plan() == []


def test_a_comparison_that_is_finished_is_made_again_for_what_it_shows(tabulated):
    def counts():
        return Counter(job.rule for job in tabulated.plan(configfile="compared.yaml"))

    with ExitStack() as edits:
        for module in ("config.comparisons", "cli.tabulate"):
            edits.enter_context(tabulated.appended(tabulated.module(module), "EDITED = True\n"))
        assert counts() == Counter(tabulate=1)
    with tabulated.appended(tabulated.module("reporting.comparisons"), "EDITED = True\n"):
        assert counts() == Counter(compare=1)
    for old, new in (("title: Waves", "title: Many waves"), ("models: [pde, pde_no_s,", "models: [pde,")):
        with tabulated.edited("compared.yaml", old, new):
            assert counts() == Counter(compare=1), new
    with tabulated.edited("pipeline_lib/config/registry.py", '"MSE per pixel"', '"MSE of a pixel"'):
        assert counts()["compare"] == counts()["tabulate"] == 1


def test_a_bad_comparison_is_an_error_before_any_job(workflow):
    workflow.write("bad.yaml", CONFIGURATION + COMPARISON.replace("n_frames: 5", "n_frames: 4"))
    done = workflow.snakemake("--dry-run", configfile="bad.yaml")
    message = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in message
    assert "bad.yaml: comparisons.waves.n_frames: 4 frames are neither task.n_pred_test nor among" in message
