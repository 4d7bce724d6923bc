"""Settings of SST: zones that there are, files that they need, models and metrics that go with them."""

import pytest
from pydantic import ValidationError

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.config.sst import SstSampleSettings, SstSettings

EXPERIMENT = {
    "name": "sst_sample/climatology",
    "dataset": {"name": "sst_sample"},
    "task": {"n_cond": 4, "n_pred": 6, "n_pred_test": 10},
    "model": {"name": "climatology"},
    "evaluation": {"metrics": ["mse_celsius2"]},
}


def test_zones_and_days_are_as_published() -> None:
    made = SstSettings().preparation
    assert made.train_zones == tuple(range(1, 30)) and made.test_zones == (17, 18, 19, 20)
    assert str(made.first_day) == "2006-12-28" and made.n_days is None
    assert SstSettings().raw_files == tuple(f"data_{zone}.nc" for zone in range(1, 30))
    assert [file.name for file in RAW_SOURCES["sst"].files] == list(SstSettings().raw_files)


def test_only_the_files_of_the_wanted_zones_are_needed() -> None:
    settings = SstSettings.model_validate({"preparation": {"train_zones": [4, 2], "test_zones": [17]}})
    assert settings.raw_files == ("data_2.nc", "data_4.nc", "data_17.nc")


def test_the_sample_has_zones_of_its_own_and_says_how_large_it_is() -> None:
    settings = SstSampleSettings()
    assert settings.raw_source == "sst_sample" and set(settings.preparation.test_zones) == {17, 18, 19, 20}
    assert set(settings.raw_files) == {file.name for file in RAW_SOURCES["sst_sample"].files}
    assert settings.n_training_windows(10) == 6 * (876 - 9)
    assert settings.model_copy(update={"windows": "published"}).n_training_windows(10) == 6 * (876 - 11)
    assert settings.prepared_bytes == 4 * 4096 * (6 * 876 + 4 * 220)


@pytest.mark.parametrize(
    ("settings", "preparation", "what"),
    [
        (SstSettings, {"train_zones": [1, 30]}, "sst has no zone 30"),
        (SstSampleSettings, {"test_zones": [3]}, "sst_sample has no zone 3, its zones are 1, 2, 17"),
        (SstSettings, {"test_zones": [17, 17]}, "given more than once: 17"),
        (SstSettings, {"train_zones": []}, "at least 1 item"),
        (SstSettings, {"n_days": 1}, "greater than or equal to 2"),
        (SstSettings, {"first_day": "yesterday"}, "date"),
    ],
)
def test_zones_that_there_are_not_are_refused(settings: type, preparation: dict, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        settings.model_validate({"preparation": preparation})


def test_climatology_and_metrics_in_celsius_are_for_datasets_that_know_them() -> None:
    assert Experiment.model_validate(EXPERIMENT).is_baseline
    elsewhere = {"name": "wave_eq/climatology", "dataset": {"name": "wave_eq"}}
    with pytest.raises(ValidationError, match="model climatology needs what wave_eq does not know"):
        Experiment.model_validate(EXPERIMENT | elsewhere)
    with pytest.raises(ValidationError, match="mse_celsius2 needs what wave_eq does not know"):
        Experiment.model_validate(EXPERIMENT | elsewhere | {"model": {"name": "copy_last"}})


@pytest.mark.parametrize("dataset", ["sst", "sst_sample"])
def test_experiments_are_the_published_ones(repository, dataset: str) -> None:
    folder = repository / "config" / "experiments" / dataset
    found = {path.stem: read_experiment(path) for path in folder.glob("*.yaml")}
    assert set(found) == {"pde", "pde_no_s", "copy_last", "climatology", "mean_frame"}
    for experiment in found.values():
        assert experiment.task.model_dump() == {"n_cond": 4, "n_pred": 6, "n_pred_test": 10}
        assert experiment.evaluation == found["pde"].evaluation and experiment.dataset == found["pde"].dataset
        assert experiment.evaluation.horizons == (6, 10)
    for name in ("pde", "pde_no_s"):
        model, training = found[name].model, found[name].training
        assert isinstance(model, PdeSettings) and training is not None
        assert (model.encoder, model.decoder, model.offset) == ("sst", "sst", 0)
        assert (model.code_size_dynamic, model.integrator_hidden_size, model.integrator_n_blocks) == (64, 512, 2)
        assert (model.gain_integrator, model.gain_encoder) == (0.71, 0.02)
        assert model.output_activation == "identity"
        weights = model.objective
        assert (weights.lambda_autoencode, weights.lambda_forecast) == (1.0, 45.0)
        assert (training.epochs, training.batch_size, training.optimiser.learning_rate) == (30, 128, 4e-4)
        assert (training.optimiser.beta1, training.optimiser.beta2, training.optimiser.schedule) == (0.9, 0.99, None)
    model = found["pde"].model
    assert isinstance(model, PdeSettings) and model.use_skips and model.code_size_static == 196
    assert (model.objective.lambda_invariance, model.objective.lambda_regularisation) == (100.0, 5e-6)
    assert not found["pde_no_s"].model.use_static_code and not found["pde_no_s"].model.use_skips
