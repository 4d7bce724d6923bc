"""Comparisons: what is run of them, and errors that name file and key before anything runs."""

import json

import pytest

from pipeline_lib.config import slices
from pipeline_lib.config.comparisons import ComparisonSettings, is_sample
from pipeline_lib.config.loading import load_pipeline
from pipeline_lib.config.problems import ConfigurationError
from pipeline_lib.config.registry import DATASETS

PDE, COPY, OTHER = "wave_eq_100/pde", "wave_eq_100/copy_last", "wave_eq/pde"
DATASETS_OF_PROJECT = ["wave_eq_100", "wave_eq"]


def compared(settings=None, experiments=(PDE, COPY, OTHER), **more):
    """A configuration with a comparison `waves`; of the project's experiments, wave_eq/copy_last has no YAML."""
    comparison = {"title": "Waves", "n_frames": 40, "models": ["pde", "copy_last"], "datasets": DATASETS_OF_PROJECT}
    return {"experiments": [*experiments], "comparisons": {"waves": comparison | (settings or {})}, **more}


def loaded(project, *contents):
    files = [project.write(f"config/part_{i}.yaml", content) for i, content in enumerate(contents)]
    return load_pipeline(files, project.root)


def problems_of(project, *contents):
    with pytest.raises(ConfigurationError) as error:
        loaded(project, *contents)
    return list(error.value.problems)


def test_what_is_compared_are_the_experiments_that_are_run_column_by_column(project):
    pipeline = loaded(project, compared())
    waves = pipeline.comparisons["waves"]
    assert (waves.metric, waves.n_frames) == ("mse_per_pixel", 40)
    assert [each.name for each in pipeline.compared(waves)] == [PDE, COPY, OTHER]
    assert waves.experiments == (PDE, COPY, OTHER, "wave_eq/copy_last")
    fewer = loaded(project, compared(experiments=[PDE]))
    assert [each.name for each in fewer.compared(fewer.comparisons["waves"])] == [PDE]
    assert list(fewer.experiments) == [PDE], "a comparison asks for no run"


def test_a_point_of_a_sweep_may_be_a_row(project):
    settings = {"models": ["pde_batch_size_4"]}
    pipeline = loaded(project, compared(settings, sweeps={PDE: {"training.batch_size": [4]}}))
    assert [each.name for each in pipeline.compared(pipeline.comparisons["waves"])] == [f"{PDE}_batch_size_4"]


def test_a_comparison_of_which_nothing_is_run_is_none_and_an_overlay_can_leave_one_out(project):
    of_one = {"models": ["pde"], "datasets": ["wave_eq"]}
    assert loaded(project, compared(of_one, experiments=[PDE])).comparisons == {}
    assert loaded(project, compared(), {"comparisons": {"waves": None}}).comparisons == {}
    changed = loaded(project, compared(), {"comparisons": {"waves": of_one}})
    assert changed.comparisons["waves"].datasets == ("wave_eq",) and changed.comparisons["waves"].title == "Waves"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"datasets": ["wave_eq_10"]}, "datasets: given ['wave_eq_10']; 'wave_eq_10' is no dataset; allowed are"),
        ({"metric": "mse"}, "metric: given 'mse'; no metric of forecasts; allowed are mse_per_pixel, "),
        ({"metric": "auroc"}, "metric: given 'auroc'; no metric of forecasts; allowed are"),
        (
            {"metric": "psnr_frame_mean"},
            f"metric: psnr_frame_mean is not among evaluation.metrics of {PDE}, {COPY}, {OTHER}: add it there",
        ),
        (
            {"n_frames": 10},
            "n_frames: 10 frames are neither task.n_pred_test nor among evaluation.horizons of "
            f"{PDE}, {COPY}, {OTHER}: add them there",
        ),
        ({"n_frames": 0}, "n_frames: given 0; input should be greater than or equal to 1"),
        (
            {"models": ["pde", "copy_lst"]},
            "models: given 'copy_lst', of which there is no experiment on wave_eq_100, wave_eq: leave it out; did "
            "you mean 'copy_last'?",
        ),
        ({"models": ["pde", "pde"]}, "models: given ['pde', 'pde']; more than once: pde"),
        ({"models": []}, "models: given []; "),
        ({"model": ["pde"]}, "model: unknown key; did you mean 'models'? Allowed here: datasets, metric, models, "),
    ],
)
def test_a_bad_comparison_is_one_error_that_says_where_and_what_is_allowed(project, settings, message):
    (found,) = problems_of(project, compared(), {"comparisons": {"waves": settings}})
    assert found.startswith(f"config/part_1.yaml: comparisons.waves.{message}")


def test_what_must_be_given_is_told(project):
    found = problems_of(project, {"experiments": [PDE], "comparisons": {"waves": {"metric": "mse_per_pixel"}}})
    assert found == [
        f"config/part_0.yaml: comparisons.waves.{key}: missing; it must be given"
        for key in ("title", "n_frames", "models", "datasets")
    ]


def test_a_horizon_that_one_experiment_lacks_names_it_alone(project):
    horizons = {name: {"evaluation": {"horizons": [10]}} for name in (PDE, COPY)}
    (found,) = problems_of(project, compared({"n_frames": 10}, overrides=horizons))
    assert f"of {OTHER}: add them there" in found
    assert loaded(project, compared({"n_frames": 10}, experiments=[PDE, COPY], overrides=horizons)).comparisons


def test_a_column_has_one_main_set_of_windows(project):
    override = {COPY: {"evaluation": {"window_sets": ["published", "all"]}}}
    (found,) = problems_of(project, compared(overrides=override))
    assert found.startswith("config/part_0.yaml: comparisons.waves.datasets: experiments on wave_eq_100 have different")
    assert f"({PDE} all, {COPY} published)" in found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wave_eq", "comparisons.wave_eq: given 'wave_eq'; the table of the dataset wave_eq bears this name"),
        ("Waves!", "comparisons.Waves!: given 'Waves!'; string should match pattern"),
    ],
)
def test_the_name_of_a_comparison_is_that_of_a_file_of_its_own(project, name, message):
    (found,) = problems_of(project, {"experiments": [PDE], "comparisons": {name: compared()["comparisons"]["waves"]}})
    assert f"config/part_0.yaml: {message}" in found


def test_samples_are_told_from_real_and_from_simulated_data():
    samples = {name for name in DATASETS if is_sample(name)}
    assert samples == {name for name in DATASETS if name.endswith("_sample")} and samples


def test_how_a_comparison_is_written_starts_its_table_again():
    settings = {"title": "T", "n_frames": 1, "models": ["pde"], "datasets": ["moving_mnist", "moving_mnist_sample"]}
    part = json.loads(slices.comparison(ComparisonSettings(**settings)))
    assert part == {
        "metric": ["mse_per_pixel", "MSE per pixel", "1", "lower"],
        "samples": ["moving_mnist_sample"],
    }


def test_the_shipped_comparison_is_over_both_papers(repository):
    config = repository / "config"
    for overlays, samples in (([], False), (["demo.yaml"], True)):
        pipeline = load_pipeline([config / "config.yaml", *(config / name for name in overlays)], repository)
        comparison = pipeline.comparisons["across_papers"]
        found = {each.name for each in pipeline.compared(comparison)}
        assert {model for name in found for model in name.split("/")[1:]} >= {"pde", "dive", "copy_last", "mean_frame"}
        assert {is_sample(dataset) for dataset in comparison.datasets} == {samples}
        assert {name.split("/")[0] for name in found} == set(comparison.datasets)
