"""The climatology as a forecast: `daily_mean` of the day in °C, whatever the true frame's statistics are."""

import torch

from pipeline_lib.config.model import ClimatologySettings
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.metrics.sst import mse_celsius2
from pipeline_lib.models.protocols import ContextForecaster, Fittable, Trainable

N_VIDEOS, N_PRED = 3, 4


def context() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    names = ("climatology_mean", "climatology_std", "spatial_mean", "spatial_std")
    return {name: torch.rand(N_VIDEOS, N_PRED, generator=generator, dtype=torch.float64) + 0.5 for name in names}


def test_in_celsius_it_is_the_daily_mean_of_the_day() -> None:
    model = load(MODELS["climatology"].build)(ClimatologySettings(), TaskSettings(n_cond=2, n_pred=N_PRED), (1, 5, 6))
    assert isinstance(model, ContextForecaster) and not isinstance(model, (Fittable, Trainable))
    assert model.state_dict() == {}
    known = context()
    forecast = model.forecast_in_context(torch.rand(N_VIDEOS, 2, 1, 5, 6), N_PRED, known)
    assert forecast.shape == (N_VIDEOS, N_PRED, 1, 5, 6) and forecast.dtype == torch.float32
    spread = (of_day[..., None, None, None] for of_day in known.values())
    climatology_mean, climatology_std, spatial_mean, spatial_std = spread
    celsius = (forecast.double() * spatial_std + spatial_mean) * climatology_std + climatology_mean
    torch.testing.assert_close(celsius, climatology_mean.expand_as(celsius), rtol=1e-6, atol=0)


def test_its_error_is_the_distance_of_the_truth_from_the_daily_mean() -> None:
    model = load(MODELS["climatology"].build)(ClimatologySettings(), TaskSettings(n_cond=2, n_pred=N_PRED), (1, 5, 6))
    known = context()
    anomaly = torch.randn(N_VIDEOS, N_PRED, 1, 5, 6, dtype=torch.float64)  # of the truth, by the climatology
    spread = {name: values[..., None, None, None] for name, values in known.items()}
    truth = ((anomaly - spread["spatial_mean"]) / spread["spatial_std"]).float()
    forecast = model.forecast_in_context(torch.zeros(N_VIDEOS, 2, 1, 5, 6), N_PRED, known)
    expected = (anomaly * spread["climatology_std"]).square().mean(dim=(2, 3, 4))
    torch.testing.assert_close(mse_celsius2(forecast, truth, known), expected, rtol=1e-5, atol=0)
