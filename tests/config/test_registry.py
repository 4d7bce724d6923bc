"""What is registered can be loaded, and is all that a configuration may name."""

import pytest
from pydantic import ValidationError

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import DATASETS, FIGURES, METRICS, MODELS, load

FUNCTIONS = sorted(
    {
        *(entry.prepare for entry in DATASETS.values()),
        *(entry.training for entry in DATASETS.values()),
        *(entry.windows for entry in DATASETS.values()),
        *(entry.context for entry in DATASETS.values() if entry.context),
        *(entry.show for entry in DATASETS.values() if entry.show),
        *(entry.swap for entry in DATASETS.values() if entry.swap),
        *(entry.build for entry in MODELS.values()),
        *(function for entry in METRICS.values() for function in entry.functions),
        *(entry.draw for entry in FIGURES.values()),
    }
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_registered_function_is_there(function):
    assert load(function).__name__ == function.split(":")[1]


@pytest.mark.parametrize("table", [DATASETS, MODELS], ids=["datasets", "models"])
def test_settings_are_registered_under_the_name_that_they_give_themselves(table):
    assert {name: entry.settings.model_fields["name"].default for name, entry in table.items()} == {
        name: name for name in table
    }


def test_every_figure_has_its_caption(repository):
    for entry in FIGURES.values():
        assert (repository / "workflow" / "report" / entry.caption).read_text().strip()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("pipeline_lib.data.wave_eq", "expected 'package.module:function'"),
        ("pipeline_lib.data.wave_eq:", "expected 'package.module:function'"),
        ("pipeline_lib.data.none:prepare", "there is no module pipeline_lib.data.none"),
        ("pipeline_lib.data.wave_eq:none", "pipeline_lib.data.wave_eq has no function none"),
        ("pipeline_lib.data.wave_eq:SIZE", "pipeline_lib.data.wave_eq has no function SIZE"),
    ],
)
def test_what_cannot_be_loaded_is_an_error_that_says_why(function, message):
    with pytest.raises(ValueError, match=message):
        load(function)


def test_a_module_that_lacks_a_package_says_which(tmp_path, monkeypatch):
    """Not that the module itself is missing."""
    (tmp_path / "needs_something.py").write_text("import something_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_not_installed"):
        load("needs_something:function")


def test_names_choose_the_settings_class(tiny_experiment):
    content = tiny_experiment.model_dump()
    told = {
        "climatology": {"name": "sst/pde", "dataset": {"name": "sst"}},
        "week_before": {
            "name": "taxibj/pde",
            "dataset": {"name": "taxibj", "preparation": {"window_frames": 15}},
            "task": {"n_cond": 5, "n_pred": 10, "n_pred_test": 10},
        },
        "complete_video": {
            "name": "mnist_out_of_scene/pde",
            "dataset": {"name": "mnist_out_of_scene"},
            "task": {"n_cond": 10, "n_pred": 10, "n_pred_test": 10},
        },
    }
    for name, entry in MODELS.items():
        if not entry.settings.is_trained:
            changed = {**content, "model": {"name": name}, "training": None}
            changed |= told.get(entry.settings.context, {})
            assert type(Experiment.model_validate(changed).model) is entry.settings
    assert type(tiny_experiment.dataset) is DATASETS["wave_eq_100"].settings
    with pytest.raises(ValidationError, match=", ".join(map(repr, MODELS))):
        Experiment.model_validate({**content, "model": {"name": "none"}})
