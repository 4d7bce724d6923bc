"""Which figures the workflow draws of which data, and what they wait for: seen in dry runs."""

from collections import Counter

import pytest

CONFIGURATION = """\
results_dir: results
data_dir: data
seeds: [3, 4]
experiments: [moving_mnist_sample/pde, moving_mnist_sample/black, wave_eq_100/pde]
overrides:
  moving_mnist_sample/pde: {evaluation: {n_windows: 5}}
  moving_mnist_sample/black: {evaluation: {n_windows: 5}}
"""


SWAPS = ("swap", "swap_grid", "swap_animation")


@pytest.fixture(scope="module")
def jobs(workflow):
    workflow.write("figures.yaml", CONFIGURATION)
    return [job for job in workflow.plan("figures", configfile="figures.yaml") if job.rule.startswith("draw_")]


def test_each_run_has_the_figures_that_its_data_and_its_evaluation_allow(jobs):
    drawn = Counter((job.rule.removeprefix("draw_"), *sorted(job.wildcards.values())) for job in jobs)
    digits, waves = "moving_mnist_sample", "wave_eq_100"
    expected = [
        *((figure, digits, "pde", seed) for figure in SWAPS for seed in ("seed_3", "seed_4")),
        *(("forecast_animation", digits, "pde", seed) for seed in ("seed_3", "seed_4")),
        *((figure, digits, "pde", seed) for figure in ("forecast", "loss_curves") for seed in ("seed_3", "seed_4")),
        *((figure, "pde", seed, waves) for figure in ("forecast", "loss_curves") for seed in ("seed_3", "seed_4")),
        ("horizon", digits),
        ("horizon", waves),
        ("long_horizon", digits),
    ]
    assert drawn == Counter(expected)


def test_a_figure_that_shows_forecasts_waits_for_those_of_the_first_seed_and_others_do_not(jobs):
    (long_horizon,) = [job for job in jobs if job.rule == "draw_long_horizon"]
    predictions = [file for file in long_horizon.list("input") if file.endswith("predictions.h5")]
    runs = "results/runs/moving_mnist_sample"
    assert predictions == [f"{runs}/pde/seed_3/predictions.h5", f"{runs}/black/no_seed/predictions.h5"]
    assert "seed_4" not in long_horizon.command
    for job in jobs:
        if job.rule == "draw_horizon":
            assert not [file for file in job.list("input") if file.endswith("predictions.h5")]


def test_animations_are_written_as_a_page_for_the_report_and_as_a_file_for_all_else(jobs):
    files = {job.rule: job.list("output") for job in jobs}
    assert [file.rsplit(".")[-1] for file in files["draw_forecast_animation"]] == ["html", "gif"]
    assert [file.rsplit(".")[-1] for file in files["draw_forecast"]] == ["png", "pdf"]


def test_figures_of_a_run_are_tracked_with_it(workflow):
    workflow.write("figures.yaml", CONFIGURATION)
    tracked = [job for job in workflow.plan("tracking", configfile="figures.yaml") if job.rule == "track"]
    (job,) = [job for job in tracked if "moving_mnist_sample/pde/seed_3" in job.command]
    names = {file.rsplit("/")[-1] for file in job.list("input") if "/figures/" in file}
    stems = {name.split(".")[0] for name in names}
    assert stems == {"forecast", "loss_curves", "forecast_animation", *SWAPS}
    assert {"swap.png", "swap.pdf", "swap_animation.gif", "swap_animation.html"} <= names


def test_every_figure_has_a_target_where_there_is_one(workflow):
    workflow.write("figures.yaml", CONFIGURATION)
    listed = workflow.snakemake("--list-rules", configfile="figures.yaml").stdout.split()
    assert {"figure_moving_mnist_sample_long_horizon", "figure_moving_mnist_sample_swap"} <= set(listed)
    assert not {"figure_wave_eq_100_long_horizon", "figure_wave_eq_100_swap"} & set(listed)
