"""The baseline of a week before: what the dataset knows, and an error where it does not."""

import pytest
import torch

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.model import WeekBeforeSettings
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.protocols import ContextForecaster, Fittable, Trainable

TASK = TaskSettings(n_cond=3, n_pred=4, n_pred_test=4)


@pytest.fixture
def model():
    return load(MODELS["week_before"].build)(WeekBeforeSettings(), TASK, (2, 3, 5), "cpu", "auto")


def test_it_forecasts_what_the_dataset_knows(model):
    weeks_before = torch.rand(6, 4, 2, 3, 5)
    assert isinstance(model, ContextForecaster) and not isinstance(model, Fittable | Trainable)
    assert model.state_dict() == {}
    found = model.forecast_in_context(
        torch.rand(6, 3, 2, 3, 5), 4, {"week_before": weeks_before, "other": weeks_before}
    )
    assert torch.equal(found, weeks_before)


def test_it_says_where_it_cannot(model):
    cond = torch.rand(6, 3, 2, 3, 5)
    with pytest.raises(ValueError, match="not from frames alone"):
        model.forecast(cond, 4)
    with pytest.raises(ValueError, match="which this dataset does not know"):
        model.forecast_in_context(cond, 4, {})


def test_a_dataset_that_knows_no_weeks_is_refused_when_the_experiment_is_read(tiny_experiment):
    content = {**tiny_experiment.model_dump(), "name": "wave_eq_100/week_before", "training": None}
    with pytest.raises(ValueError, match="model week_before needs what wave_eq_100 does not know of its windows"):
        Experiment.model_validate({**content, "model": {"name": "week_before"}})
