"""From files to validated settings: merging, honest labels, and errors that say where and what."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import (
    configuration_files,
    load_pipeline,
    read_experiment,
    read_run,
    write_experiments,
    write_run,
)
from pipeline_lib.config.problems import ConfigurationError
from pipeline_lib.config.registry import DATASETS
from pipeline_lib.config.yaml_files import read_mapping

PDE, COPY = "wave_eq_100/pde", "wave_eq_100/copy_last"


def problems_of(project, *contents):
    """What is wrong with configuration files of these contents, merged."""
    files = [project.write(f"config/part_{i}.yaml", content) for i, content in enumerate(contents)]
    with pytest.raises(ConfigurationError) as error:
        load_pipeline(files, project.root)
    return list(error.value.problems)


def test_every_shipped_experiment_is_valid_and_named_after_its_path(repository):
    paths = sorted((repository / "config" / "experiments").glob("*/*.yaml"))
    assert len(paths) >= 4
    for path in paths:
        assert read_experiment(path).name == f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("overlay", ["demo.yaml", "demo_real.yaml"])
def test_the_shipped_configuration_and_the_demos_are_valid_and_apart(repository, overlay):
    config = repository / "config"
    default = load_pipeline([config / "config.yaml"], repository)
    demo = load_pipeline(configuration_files([config / overlay], repository), repository)
    for pipeline, schedule in ((default, "published"), (demo, "demo")):
        trained = [experiment for experiment in pipeline.experiments.values() if experiment.training]
        of_papers = [experiment for experiment in trained if experiment.paper != "none" or schedule == "demo"]
        assert {experiment.training.schedule_name for experiment in of_papers} == {schedule}
    # Every dataset of a demo has a bar that its model must pass.
    assert {bar.experiment.split("/")[0] for bar in demo.settings.require} == set(demo.datasets)
    runs = [
        {pipeline.paths.run(run.experiment.name, run.seed).folder for run in pipeline.runs()}
        for pipeline in (default, demo)
    ]
    assert not runs[0] & runs[1]
    assert default.paths.lock != demo.paths.lock


def test_files_merge_over_each_other_and_overrides_over_the_experiment(project):
    base = {"experiments": [PDE, COPY], "overrides": {PDE: {"training": {"batch_size": 4}}}}
    over = {"seeds": [1, 2], "overrides": {PDE: {"training": {"n_threads": 1}, "title": "Mine"}}}
    files = [project.write("config/a.yaml", base), project.write("config/b.yaml", over)]
    pipeline = load_pipeline(files, project.root)
    experiment = pipeline.experiments[PDE]
    assert (experiment.training.batch_size, experiment.training.n_threads) == (4, 1)
    assert (experiment.title, experiment.training.iterations) == ("Mine", 100)
    assert [(run.experiment.name, run.seed) for run in pipeline.runs()] == [(PDE, 1), (PDE, 2), (COPY, None)]
    # What Snakemake has merged by itself gives the same.
    mapping = {
        **over,
        "experiments": [PDE, COPY],
        "overrides": {PDE: {**over["overrides"][PDE], "training": {"batch_size": 4, "n_threads": 1}}},
    }
    assert load_pipeline(mapping, project.root, files) == pipeline


def test_an_experiment_may_have_seeds_of_its_own(project):
    mapping = {"experiments": [PDE, COPY], "seeds": [0], "seeds_by_experiment": {PDE: [1, 2]}}
    pipeline = load_pipeline(mapping, project.root)
    assert [(run.experiment.name, run.seed) for run in pipeline.runs()] == [(PDE, 1), (PDE, 2), (COPY, None)]
    for seeds, told in (({"wave_eq_100/pd": [1]}, f"did you mean '{PDE}'"), ({PDE: [1, 1]}, "a seed more than once")):
        with pytest.raises(ValueError, match=told):
            load_pipeline(mapping | {"seeds_by_experiment": seeds}, project.root)


@pytest.mark.parametrize(
    ("override", "label"),
    [
        ({}, "published"),
        ({"title": "Another title"}, "published"),
        ({"training": {"n_threads": 1, "device": "cpu", "logging_interval": 7}}, "published"),
        ({"evaluation": {"batch_size": 3}}, "published"),
        ({"training": {"iterations": 100}}, "published"),
        ({"training": {"iterations": 99}}, "custom"),
        ({"training": {"batch_size": 64}}, "custom"),
        ({"training": {"precision": "bf16"}}, "custom"),
        ({"model": {"objective": {"lambda_forecast": 1.0}}}, "custom"),
        ({"task": {"n_pred_test": 10}}, "custom"),
        ({"dataset": {"windows": "published"}}, "custom"),
        ({"training": {"iterations": 99, "schedule_name": "short"}}, "short"),
    ],
)
def test_a_changed_schedule_loses_its_label_unless_it_gets_one(project, override, label):
    pipeline = load_pipeline({"experiments": [PDE], "overrides": {PDE: override}}, project.root)
    assert pipeline.experiments[PDE].training.schedule_name == label


def test_all_problems_of_all_files_are_listed_at_once_with_file_and_key(project):
    project.write(
        "config/experiments/wave_eq_100/copy_last.yaml", "dataset: {name: wave_eq_10}\ntask: {n_con: 5}\nmodel: {}\n"
    )
    found = problems_of(
        project,
        {"experiments": [PDE, COPY, "wave_eq/pde"]},
        {"seeds": [-1], "overrides": {PDE: {"training": {"batch_size": 0, "precision": "bf61"}, "modle": {}}}},
    )
    experiment = "config/experiments/wave_eq_100/copy_last.yaml"
    override = f"config/part_1.yaml: overrides.{PDE}"
    assert sorted(found) == sorted(
        [
            "config/part_1.yaml: seeds.0: given -1; input should be greater than or equal to 0",
            f"{experiment}: dataset.name: given 'wave_eq_10'; allowed are {', '.join(DATASETS)}; "
            "did you mean 'wave_eq_100'?",
            f"{experiment}: task.n_con: unknown key; did you mean 'n_cond'? Allowed here: n_cond, n_pred, n_pred_test",
            f"{experiment}: model: missing key 'name', which says which one it is",
            f"{override}.training.batch_size: given 0; input should be greater than or equal to 1",
            f"{override}.training.precision: given 'bf61'; input should be 'float32', 'tf32', 'bf16', 'fp16' or 'auto'"
            "; did you mean 'bf16'?",
            f"{override}.modle: unknown key; did you mean 'model'? Allowed here: "
            "dataset, evaluation, model, name, paper, task, title, training",
        ]
    )


def overridden(override):
    return {"experiments": [PDE], "overrides": {PDE: override}}


def overridden_horizon():
    return {"overrides": {PDE: {"evaluation": {"horizons": [10]}}}}


def barred(**bar):
    return {"experiments": [PDE, COPY], "require": [{"experiment": PDE, "times_best_baseline": 1, **bar}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "config/part_0.yaml: experiments: missing; it must be given"),
        ({"experiments": [PDE], "sedes": [1]}, "sedes: unknown key; did you mean 'seeds'?"),
        ({"experiments": [PDE], "seeds": "[0,1]"}, "seeds: given '[0,1]'; input should be a valid list"),
        ({"experiments": [PDE], "seeds": [0, -1]}, "seeds.1: given -1; input should be greater than or equal to 0"),
        ({"experiments": [PDE], "seeds": [0, 0]}, "seeds: given [0, 0]; more than once: [0]"),
        ({"experiments": [PDE, PDE]}, "more than once: ['wave_eq_100/pde']"),
        (
            {"experiments": ["wave_eq_100/pd"]},
            "no config/experiments/wave_eq_100/pd.yaml; did you mean 'wave_eq_100/pde'?",
        ),
        ({"experiments": [PDE], "overrides": {COPY: {}}}, f"overrides.{COPY}: not among experiments"),
        ({"experiments": [PDE], "tracking": {"uri": "mlruns"}}, "tracking.uri: given 'mlruns'"),
        (overridden({"name": "wave_eq_100/other"}), "an experiment cannot be renamed"),
        (overridden({"training": None}), "model pde needs a training section"),
        (overridden({"training": {"epochs": 3}}), "exactly one of iterations and epochs"),
        (overridden({"model": {"offset": 3}}), "model.offset must be 0 or task.n_cond (5), got 3"),
        (overridden({"evaluation": {"metrics": ["mse"]}}), "unknown ['mse'], registered are"),
        ({"experiments": [COPY], "overrides": {COPY: {"training": {"epochs": 3}}}}, "takes no training section"),
        (barred(experiment="wave_eq/pde"), "not among experiments"),
        (barred() | {"experiments": [PDE]}, "best baseline, but none of wave_eq_100"),
        (barred(metric="psnr"), "psnr is not among evaluation.metrics of wave_eq_100/pde, wave_eq_100/copy_last"),
        (
            barred(n_frames=10) | overridden_horizon(),
            f"10 frames are neither task.n_pred_test nor among evaluation.horizons of {COPY}",
        ),
        (overridden({"evaluation": {"horizons": [10, 41]}}), "41 frames are more than are predicted (task.n_pred_test"),
        (overridden({"evaluation": {"horizons": [10, 10]}}), "the numbers of frames must increase"),
        (overridden({"evaluation": {"horizons": [0, 10]}}), "horizons.0: given 0; input should be greater than or"),
        (overridden({"evaluation": {"metrics": ["mse_per_pixel"] * 2}}), "more than once: mse_per_pixel"),
        (
            overridden({"evaluation": {"metrics": ["ssim_gauss11"]}}),
            "at least 11x11 pixels, those of wave_eq_100 have 1",
        ),
        (overridden({"evaluation": {"protocols": ["swap"]}}), "forecast must be among them"),
        (
            overridden({"evaluation": {"protocols": ["forecast", "swap"]}}),
            "wave_eq_100 has no content-swap test: leave swap out",
        ),
        ("experiments: [wave_eq_100/pde]\nseeds: [0]\nseeds: [1]\n", "line 3: key 'seeds' is given twice"),
    ],
)
def test_a_bad_value_is_an_error_that_says_where_and_what_is_allowed(project, content, message):
    (found,) = problems_of(project, content)
    assert "config/part_0.yaml" in found or "require" in found
    assert message in found


def test_what_was_given_on_the_command_line_is_called_so(project):
    file = project.write("config/config.yaml", {"experiments": [PDE], "seeds": [0], "tracking": {"timeout": 1}})
    for given, message in [
        ({"seeds": "[1]"}, r"--config: seeds: given '\[1\]'"),
        ({"seeds": 3}, "--config: seeds: given 3; input should be a valid list"),
        ({"tracking": {"timeout": -1}}, "--config: tracking.timeout: given -1"),
        ({"overrides": {"wave_eq/pde": {}}}, "--config: overrides.wave_eq/pde: not among experiments"),
        # Beside it, what stands in the file is still the file's.
        ({"seeds": [1], "experiments": [PDE]}, None),
    ]:
        merged = {"experiments": [PDE], "seeds": [0], "tracking": {"timeout": 1}} | given
        if message is None:
            load_pipeline(merged, project.root, [file])
            continue
        with pytest.raises(ConfigurationError, match=message):
            load_pipeline(merged, project.root, [file])
    file.write_text(file.read_text().replace("timeout: 1", "timeout: -1"))
    with pytest.raises(ConfigurationError, match=r"config/config\.yaml: tracking\.timeout: given -1"):
        load_pipeline({"experiments": [PDE], "seeds": [4], "tracking": {"timeout": -1}}, project.root, [file])
    with pytest.raises(ConfigurationError, match=r"config/config\.yaml: .*key 'experiments' is given twice"):
        file.write_text("experiments: [wave_eq_100/pde]\nexperiments: [wave_eq_100/pde]\n")
        load_pipeline({"experiments": [PDE]}, project.root, [file])


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        # Without its override, the experiment would also be said to prepare the dataset differently.
        (
            {
                "experiments": [PDE, COPY],
                "overrides": {name: {"dataset": {"preparation": {"seed": 1}}} for name in (COPY, "wave_eq_100/pd")},
            },
            "overrides.wave_eq_100/pd: not among experiments; did you mean 'wave_eq_100/pde'?",
        ),
        # The override is right, and what it is meant for is not there.
        (
            {"experiments": ["wave_eq_100/pd"], "overrides": {PDE: {"title": "T"}}},
            "experiments: given 'wave_eq_100/pd', but there is no config/experiments/wave_eq_100/pd.yaml; "
            "did you mean 'wave_eq_100/pde'?",
        ),
    ],
)
def test_of_one_wrong_name_only_the_cause_is_told(project, content, cause):
    assert problems_of(project, content) == [f"config/part_0.yaml: {cause}"]


def test_one_dataset_cannot_be_prepared_in_two_ways(project):
    override = {"dataset": {"preparation": {"seed": 1}}}
    (found,) = problems_of(project, {"experiments": [PDE, COPY], "overrides": {PDE: override}})
    assert f"{PDE} and {COPY} prepare wave_eq_100 differently" in found
    both = {"experiments": [PDE, COPY], "overrides": {PDE: override, COPY: override}}
    assert load_pipeline(both, project.root).experiments[COPY].dataset.preparation.seed == 1


def test_experiments_that_share_a_table_are_scored_on_the_same_windows(project):
    override = {"evaluation": {"n_windows": 5}}
    (found,) = problems_of(project, {"experiments": [PDE, COPY], "overrides": {PDE: override}})
    assert f"{PDE} and {COPY} are scored on other numbers of windows (evaluation.n_windows 5 / None)" in found
    both = {"experiments": [PDE, COPY], "overrides": {PDE: override, COPY: override}}
    assert load_pipeline(both, project.root).experiments[COPY].evaluation.n_windows == 5


def test_resolved_experiments_read_back_equal_and_are_written_only_when_they_differ(project):
    settings = {"experiments": [PDE, COPY], "results_dir": str(project.root / "results")}
    pipeline = load_pipeline(settings, project.root)
    files = write_experiments(pipeline)
    assert [path.relative_to(project.root / "results" / "configs") for path in files] == [
        Path("wave_eq_100/pde.yaml"),
        Path("wave_eq_100/copy_last.yaml"),
    ]
    assert [read_experiment(path) for path in files] == list(pipeline.experiments.values())
    assert write_experiments(pipeline) == []
    changed = load_pipeline({**settings, "overrides": {PDE: {"title": "T"}}}, project.root)
    assert write_experiments(changed) == [files[0]]


def test_a_run_keeps_its_seed_with_its_experiment(project):
    experiment = read_experiment(project.root / "config/experiments/wave_eq_100/pde.yaml")
    path = project.root / "run" / "config.yaml"
    for seed in (3, None):
        write_run(experiment, seed, path)
        assert read_run(path) == (experiment, seed)
    text = path.read_text()
    path.write_text(text.replace("seed: null\n", "", 1))
    with pytest.raises(ConfigurationError, match=r"config\.yaml: seed: missing"):
        read_run(path)
    path.write_text(text.replace("seed: null\n", "seed: -3\n", 1))
    with pytest.raises(ConfigurationError, match="seed: given -3"):
        read_run(path)
    # An experiment has no seed: it would be ignored there.
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="seed: unknown key"):
        read_experiment(path)


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        ({"name": "pde"}, None),
        ({"name": "pde", "use_static_code": False}, "model pde cannot swap contents"),
        ({"name": "black"}, "model black cannot swap contents"),
    ],
)
def test_only_a_model_with_a_static_code_can_be_evaluated_on_content_swaps(model, verdict):
    training = {"schedule_name": "published", "epochs": 1} if model["name"] == "pde" else None
    experiment = {
        "name": "moving_mnist/any",
        "dataset": {"name": "moving_mnist"},
        "task": {"n_cond": 5, "n_pred": 10, "n_pred_test": 95},
        "model": model,
        "training": training,
        "evaluation": {"protocols": ["forecast", "swap"], "horizons": [10, 95], "metrics": ["ssim_gauss11"]},
    }
    if verdict is None:
        assert Experiment.model_validate(experiment).evaluation.horizons == (10, 95)
    else:
        with pytest.raises(ValidationError, match=verdict):
            Experiment.model_validate(experiment)


def test_an_architecture_for_other_frames_is_refused_before_anything_runs(project):
    found = problems_of(project, {"experiments": [PDE], "overrides": {PDE: {"model": {"encoder": "dcgan"}}}})
    assert "dcgan is for frames of 64x64 pixels, those of this dataset have 1x100" in found[0]


@pytest.mark.parametrize(
    ("overlay", "folder", "n_experiments"), [("short.yaml", ".", 9), ("one_digit.yaml", "one_digit", 4)]
)
def test_the_short_trainings_are_those_that_are_published(repository, overlay, folder, n_experiments):
    """Data, model and training, key by key; of keys that came later, the published ones say nothing."""
    short = load_pipeline(configuration_files([repository / "config" / overlay], repository), repository)
    assert len(short.experiments) == n_experiments
    for run in short.runs():
        seed = "no_seed" if run.seed is None else f"seed_{run.seed}"
        published = read_mapping(
            repository / "results" / "published" / folder / "runs" / run.experiment.name / seed / "config.yaml"
        )
        resolved = leaves(run.experiment.model_dump(mode="json"))
        for key, value in leaves(published).items():
            if key[0] not in ("seed", "evaluation"):
                assert resolved[key] == value, (run.experiment.name, key)


def test_precisions_are_compared_on_trainings_that_differ_in_nothing_else(repository):
    compared = load_pipeline(configuration_files([repository / "config" / "precision.yaml"], repository), repository)
    trained = {name: each.model_dump(mode="json") for name, each in compared.experiments.items() if each.training}
    assert len(trained) == 6
    for name, resolved in trained.items():
        base, precision = name.split("_precision_")
        differing = {key: leaves(trained[f"{base}_precision_float32"])[key] for key in leaves(resolved)}
        changed = {key for key, value in leaves(resolved).items() if differing[key] != value}
        assert resolved["training"]["precision"] == precision
        named = {("name",), ("title",), ("training", "schedule_name")}
        assert changed - named == ({("training", "precision")} if precision == "bf16" else set()), name


def test_a_single_digit_is_prepared_apart_from_two(repository):
    default, single = (
        load_pipeline(configuration_files([repository / "config" / overlay], repository), repository)
        for overlay in ("short.yaml", "one_digit.yaml")
    )
    assert {each.dataset.preparation.n_digits for each in single.experiments.values()} == {1}
    assert default.paths.test_file("moving_mnist") != single.paths.test_file("moving_mnist")


@pytest.mark.parametrize("overlay", ["gpu.yaml", "cpu_bf16.yaml"])
def test_switches_go_over_every_trained_experiment_and_change_nothing_else(repository, overlay):
    default, switched = (
        load_pipeline(configuration_files(overlays, repository), repository).experiments
        for overlays in ([], [repository / "config" / overlay])
    )
    switches = {("training", name) for name in ("precision", "cuda_graphs", "channels_last")}
    for name, experiment in default.items():
        before, after = (leaves(each.model_dump(mode="json")) for each in (experiment, switched[name]))
        changed = {key for key, value in before.items() if after[key] != value}
        assert changed <= switches and bool(changed) is not experiment.is_baseline, name


def leaves(tree, at=()):
    """Values by their keys."""
    if not isinstance(tree, dict):
        return {at: tree}
    return {key: value for name, below in tree.items() for key, value in leaves(below, (*at, name)).items()}
