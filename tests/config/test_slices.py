"""What starts a rule again, and what does not."""

import json

import pytest

from pipeline_lib.config import slices
from pipeline_lib.config.experiment import Experiment


def changed_parts(slice_, experiment: Experiment, section: str, **changes) -> set[str]:
    """Names of the params that a change of a section changes."""
    content = experiment.model_dump()
    after = Experiment.model_validate({**content, section: {**content[section], **changes}})
    old, new = slice_(experiment), slice_(after)
    return {name for name in old | new if old.get(name) != new.get(name)}


@pytest.mark.parametrize(
    ("section", "changes", "prepare", "train", "evaluate"),
    [
        ("model", {"integrator_hidden_size": 17}, set(), {"model"}, set()),
        ("training", {"batch_size": 9}, set(), {"training"}, set()),
        ("training", {"n_processes": 2}, set(), {"training"}, set()),
        ("training", {"n_processes": 2, "batch_norm": "synchronised"}, set(), {"training"}, set()),
        ("training", {"optimiser": {"learning_rate": 0.1}}, set(), {"training"}, set()),
        ("training", {"iterations": 21}, set(), {"budget"}, set()),
        ("training", {"iterations": None, "epochs": 1}, set(), {"budget"}, set()),
        ("training", {"schedule_name": "other"}, set(), {"names"}, set()),
        ("training", {"device": "auto", "n_threads": 9, "deterministic": True}, set(), set(), set()),
        ("training", {"logging_interval": 9, "checkpoint_interval": 9, "validation": {}}, set(), set(), set()),
        ("dataset", {"windows": "published"}, set(), {"dataset"}, set()),
        ("dataset", {"preparation": {"seed": 9}}, {"preparation"}, {"dataset"}, set()),
        ("task", {"n_pred": 11}, set(), {"task"}, {"task"}),
        ("task", {"n_pred_test": 11}, set(), set(), {"task"}),
        ("evaluation", {"window_sets": ["all"]}, set(), set(), {"evaluation"}),
        ("evaluation", {"n_examples": 9}, set(), set(), {"evaluation"}),
        ("evaluation", {"batch_size": 9, "n_threads": 9, "device": "auto"}, set(), set(), set()),
    ],
)
def test_a_setting_concerns_the_rules_whose_results_it_changes(
    tiny_experiment, section, changes, prepare, train, evaluate
):
    found = [
        changed_parts(slice_, tiny_experiment, section, **changes)
        for slice_ in (slices.preparation, slices.training, slices.evaluation)
    ]
    assert found == [prepare, train, evaluate]


def test_parts_are_texts_whose_keys_are_in_order(tiny_experiment):
    """Snakemake compares texts."""
    for slice_ in (slices.preparation, slices.training, slices.evaluation):
        for text in slice_(tiny_experiment).values():
            assert text == json.dumps(json.loads(text), sort_keys=True)


def test_how_a_metric_is_written_is_part_of_tables_and_figures(tiny_experiment):
    assert json.loads(slices.metrics([tiny_experiment, tiny_experiment])) == {
        "mse_per_pixel": ["MSE per pixel", "1", "lower"]
    }
