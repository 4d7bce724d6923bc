"""Sweeps: every combination of values is an experiment of its own, legibly named and honestly labelled."""

import pytest

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import load_pipeline
from pipeline_lib.config.problems import ConfigurationError
from pipeline_lib.config.published import read_published
from pipeline_lib.config.sweeps import SweepPoint, expand

PDE, COPY = "wave_eq_100/pde", "wave_eq_100/copy_last"
RATE = "training.optimiser.learning_rate"


def loaded(project, *contents):
    """The pipeline of configuration files of these contents, merged."""
    files = [project.write(f"config/part_{i}.yaml", content) for i, content in enumerate(contents)]
    return load_pipeline(files, project.root)


def problems_of(project, *contents):
    with pytest.raises(ConfigurationError) as error:
        loaded(project, *contents)
    return list(error.value.problems)


def swept(sweep, base=PDE, **more):
    return {"experiments": [PDE, COPY], "sweeps": {base: sweep}, **more}


def test_every_combination_is_an_experiment_beside_those_listed(project):
    pipeline = loaded(project, swept({RATE: [1e-4, 4e-4], "model.encoder_n_layers": [2, 4]}, seeds=[0, 1]))
    assert list(pipeline.experiments) == [
        PDE,
        f"{PDE}_learning_rate_1e_4_encoder_n_layers_2",
        f"{PDE}_learning_rate_1e_4_encoder_n_layers_4",
        f"{PDE}_learning_rate_4e_4_encoder_n_layers_2",
        f"{PDE}_learning_rate_4e_4_encoder_n_layers_4",
        COPY,
    ]
    point = pipeline.experiments[f"{PDE}_learning_rate_1e_4_encoder_n_layers_4"]
    assert point.name == f"{PDE}_learning_rate_1e_4_encoder_n_layers_4"
    assert point.title == "PDE, learning rate 1e-4, encoder n layers 4"
    assert (point.training.optimiser.learning_rate, point.model.encoder_n_layers) == (1e-4, 4)
    assert pipeline.experiments[PDE].title == "PDE"
    folders = {pipeline.paths.run(run.experiment.name, run.seed).folder for run in pipeline.runs()}
    assert len(folders) == len(pipeline.runs()) == 2 * 5 + 1


def test_a_point_has_the_overrides_of_what_is_swept_and_then_its_own(project):
    base = swept(
        {"training.batch_size": [4, 8]},
        overrides={
            PDE: {"training": {"iterations": 7, "schedule_name": "short"}},
            f"{PDE}_batch_size_8": {"title": "Mine", "training": {"n_threads": 1}},
        },
        require=[{"experiment": f"{PDE}_batch_size_4", "times_best_baseline": 1}],
    )
    pipeline = loaded(project, base)
    four, eight = (pipeline.experiments[f"{PDE}_batch_size_{n}"] for n in (4, 8))
    assert four.training.iterations == eight.training.iterations == 7
    assert (eight.title, eight.training.n_threads, eight.training.batch_size) == ("Mine", 1, 8)
    assert four.training.n_threads == pipeline.experiments[PDE].training.n_threads == 2
    assert pipeline.experiments[PDE].training.schedule_name == "short"


@pytest.mark.parametrize(
    ("key", "value", "override", "label"),
    [
        (RATE, 4e-4, {}, "published"),  # what the experiment has already
        ("training.n_threads", 1, {}, "published"),
        (RATE, 1e-3, {}, "custom"),
        ("training.iterations", 5, {}, "custom"),
        ("training.schedule_name", "short", {}, "short"),
        (RATE, 1e-3, {"training": {"n_threads": 1}}, "custom"),
        (RATE, 1e-3, {"training": {"schedule_name": "fast"}}, "fast"),
    ],
)
def test_a_schedule_that_a_sweep_changes_loses_its_label_unless_it_gets_one(project, key, value, override, label):
    (point,) = expand({PDE: {key: [value]}})
    pipeline = loaded(project, swept({key: [value]}, overrides={point.name: override}))
    assert pipeline.experiments[point.name].training.schedule_name == label


def test_what_is_swept_need_not_run_itself_and_may_be_overridden(project):
    content = {
        "experiments": [COPY],
        "sweeps": {PDE: {"training.batch_size": [4]}},
        "overrides": {PDE: {"training": {"iterations": 3}}},
    }
    pipeline = loaded(project, content)
    assert list(pipeline.experiments) == [COPY, f"{PDE}_batch_size_4"]
    assert pipeline.experiments[f"{PDE}_batch_size_4"].training.iterations == 3


def test_overlays_add_keys_to_a_sweep_and_replace_their_values(project):
    keys = {RATE: [1e-4], "training.batch_size": [4, 8]}
    pipeline = loaded(project, swept(keys), {"sweeps": {PDE: {"training.batch_size": [16], "model.offset": [0]}}})
    assert list(pipeline.experiments) == [PDE, f"{PDE}_learning_rate_1e_4_batch_size_16_offset_0", COPY]


@pytest.mark.parametrize(
    ("values", "name", "title"),
    [
        ({RATE: 0.0001}, "learning_rate_1e_4", "learning rate 1e-4"),
        ({RATE: "1e-4"}, "learning_rate_1e_4", "learning rate 1e-4"),  # a text in YAML, a number in the settings
        ({RATE: 0.001}, "learning_rate_1e_3", "learning rate 1e-3"),
        ({RATE: 0.01}, "learning_rate_0_01", "learning rate 0.01"),
        ({RATE: 1.5e-5}, "learning_rate_1_5e_5", "learning rate 1.5e-5"),
        ({RATE: 0.25}, "learning_rate_0_25", "learning rate 0.25"),
        ({RATE: 2.0}, "learning_rate_2", "learning rate 2"),
        ({"a.n": 128}, "n_128", "n 128"),
        ({"a.n": 200_000}, "n_200000", "n 200000"),
        ({"a.n": 1e20}, "n_1e20", "n 1e20"),
        ({"a.n": 1e-20}, "n_1e_20", "n 1e-20"),
        ({"a.n": -3}, "n_minus_3", "n -3"),
        ({"a.n": 0}, "n_0", "n 0"),
        ({"a.clip": None}, "clip_null", "clip null"),
        ({"a.on": True}, "on_true", "on true"),
        ({"a.text": "Kaiming fan-in"}, "text_kaiming_fan_in", "text Kaiming fan-in"),
        ({"a.text": "nan"}, "text_nan", "text nan"),
        ({"a.milestones": [10, 20]}, "milestones_10_20", "milestones [10, 20]"),
        ({"a.size": 1, "b.size": 2}, "a_size_1_b_size_2", "a size 1, b size 2"),
        ({"a.b.size": 1, "b.size": 2}, "a_b_size_1_b_size_2", "a b size 1, b size 2"),
    ],
)
def test_names_are_legal_and_titles_are_written_as_people_do(values, name, title):
    point = SweepPoint(PDE, values)
    assert point.name == f"{PDE}_{name}"
    assert point.title("PDE") == f"PDE, {title}"


def test_an_experiment_without_a_title_is_called_by_its_name(project):
    assert loaded(project, swept({"task.n_cond": [4]}, base=COPY)).experiments[f"{COPY}_n_cond_4"].title == (
        "copy_last, n cond 4"
    )


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"training.optimiser.learning_rat": [1, 2]}, "training.optimiser.learning_rat: unknown key; did you mean 'l"),
        ({"training.batch_size": [0, 0.5, 4]}, "training.batch_size: given 0; input should be greater"),
        ({"training.batch_size": 4}, "training.batch_size: given 4; a dotted key has a list of values"),
        ({"training": {"batch_size": [4]}}, "training: a dotted key has a list of values to try, such as"),
        ({"training.optimiser": [{"beta1": 0.5}]}, "a dotted key has a list of values"),
        ({"training.batch_size": []}, "training.batch_size: given []; "),
        ({}, f"sweeps.{PDE}: "),
        ({"Training.Batch": [4]}, "Training.Batch: given 'Training.Batch'; string should match pattern"),
        ({RATE: [1e-4, "1e-4"]}, "two points are called wave_eq_100/pde_learning_rate_1e_4; give each value once"),
        ({"name": ["wave_eq_100/other"]}, "name: an experiment cannot be renamed"),
        ({"training.epochs": [2, 3]}, "exactly one of iterations and epochs"),
        ({"dataset.preparation.seed": [1]}, "prepare wave_eq_100 differently"),
        ({"title": ["a" * 200]}, "has more than 200 characters; sweep fewer keys at a time"),
    ],
)
def test_a_bad_sweep_is_one_error_that_says_where(project, sweep, message):
    found = [problem for problem in problems_of(project, swept(sweep)) if "given 0.5" not in problem]
    assert len(found) == 1 and message in found[0]
    assert f"config/part_0.yaml: sweeps.{PDE}" in found[0] or "differently" in found[0]


def test_a_sweep_of_what_is_not_there_is_told_once(project):
    content = swept({"training.batch_size": [1, 2]}, base="wave_eq_100/pd", overrides={"wave_eq_100/pd": {}})
    there_is_none = "there is no config/experiments/wave_eq_100/pd.yaml; did you mean 'wave_eq_100/pde'?"
    assert problems_of(project, content) == [
        f"config/part_0.yaml: sweeps.wave_eq_100/pd: given 'wave_eq_100/pd', but {there_is_none}"
    ]


def test_a_point_that_is_called_like_an_experiment_is_an_error_listed_or_not(project):
    taken = "config/experiments/wave_eq_100/pde_batch_size_4.yaml"
    project.write(taken, (project.root / "config/experiments/wave_eq_100/pde.yaml").read_text())
    (found,) = problems_of(project, swept({"training.batch_size": [4, 8]}))
    assert f"sweeps.{PDE}: a point is called {PDE}_batch_size_4, as an experiment is already" in found


def test_a_typo_in_the_name_of_a_point_is_told(project):
    content = swept({"training.batch_size": [4]}, overrides={f"{PDE}_batch_sze_4": {"title": "T"}})
    (found,) = problems_of(project, content)
    assert found.endswith(f"overrides.{PDE}_batch_sze_4: not among experiments; did you mean '{PDE}_batch_size_4'?")


def test_a_sweep_on_the_command_line_is_called_so(project):
    file = project.write("config/config.yaml", {"experiments": [PDE], "sweeps": {PDE: {"training.batch_size": [4]}}})
    merged = {"experiments": [PDE], "sweeps": {PDE: {"training.batch_size": [4], "training.n_thread": [1]}}}
    with pytest.raises(ConfigurationError, match=r"--config: sweeps\.wave_eq_100/pde\.training\.n_thread: unknown key"):
        load_pipeline(merged, project.root, [file])


def test_no_published_number_is_that_of_a_point(repository):
    """Tables find a published row by the whole name of a variant."""
    variants = {
        row.variant
        for path in (repository / "config/published").glob("*.yaml")
        for row in read_published(path).rows
        if row.variant
    }
    points = expand({f"d/{variant}": {RATE: [1e-4], "model.use_static_code": [False]} for variant in variants})
    assert variants and not variants & {point.name.split("/")[1] for point in points}


def test_points_are_valid_experiments_whatever_their_order_of_keys(project):
    one = loaded(project, swept({RATE: [1e-3], "training.batch_size": [4]}))
    other = loaded(project, swept({"training.batch_size": [4], RATE: [1e-3]}))
    (a,), (b,) = (
        [e for name, e in pipeline.experiments.items() if name.startswith(f"{PDE}_")] for pipeline in (one, other)
    )
    assert isinstance(a, Experiment) and a.identity(0) == b.identity(0)
