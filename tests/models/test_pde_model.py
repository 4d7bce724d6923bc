"""The PDE model: sizes as published, initialisation, forecasts, ablation, precision."""

from pathlib import Path

import pytest
import torch

from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde.initialisation import initialise
from pipeline_lib.models.pde.model import build
from pipeline_lib.models.protocols import n_parameters
from tests.reference.pde_objective import decode_one

EXPERIMENTS = Path(__file__).resolve().parents[2] / "config" / "experiments"


def published(name, frame_shape):
    experiment = read_experiment(EXPERIMENTS / f"{name}.yaml")
    return build(experiment.model, experiment.task, frame_shape)


def test_parameter_counts_of_wave_eq_100():
    model = published("wave_eq_100/pde", (1, 1, 100))
    networks = (model.static_encoder, model.dynamic_encoder, model.decoder, model.integrator)
    assert [n_parameters(network) for network in networks] == [7_041_632, 7_041_632, 42_700, 887_904]
    without = published("wave_eq_100/pde_no_s", (1, 1, 100))
    assert without.static_encoder is None
    assert n_parameters(without) == 7_041_632 + 42_700 + 887_904


def test_parameter_counts_of_wave_eq():
    wave_eq_100 = read_experiment(EXPERIMENTS / "wave_eq_100/pde.yaml").model
    settings = wave_eq_100.model_copy(
        update={"encoder_hidden_size": 1200, "decoder_hidden_size": 1200, "decoder_n_layers": 4}
    )
    model = build(settings, TaskSettings(n_cond=5, n_pred=20), (1, 64, 64))
    networks = (model.static_encoder, model.dynamic_encoder, model.decoder, model.integrator)
    assert [n_parameters(network) for network in networks] == [26_056_832, 26_056_832, 7_841_296, 887_904]


def test_initialisation():
    torch.manual_seed(0)
    model = published("wave_eq_100/pde", (1, 1, 100))
    for network in (model.static_encoder, model.dynamic_encoder, model.decoder):
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                assert not parameter.any()
            else:
                assert parameter.std().item() == pytest.approx(0.02, rel=0.05)
                assert abs(parameter.mean().item()) < 1e-3
    square = model.integrator.blocks[0].layers[2].weight
    assert torch.allclose(square @ square.T, 0.71**2 * torch.eye(512), atol=1e-4)


@pytest.mark.parametrize("method, std", [("xavier", 0.5 * (2 / 700) ** 0.5), ("kaiming", (2 / 400) ** 0.5)])
def test_other_initialisations(method, std):
    torch.manual_seed(0)
    layer = torch.nn.Linear(400, 300)
    initialise(layer, method, gain=0.5)  # kaiming ignores the gain
    assert layer.weight.std().item() == pytest.approx(std, rel=0.03)


def settings_for(**changes):
    values = {"code_size_static": 6, "code_size_dynamic": 6, "mixing": "mul", "offset": 3}
    return PdeSettings(**(values | changes))


@pytest.mark.parametrize(
    "changes", [{}, {"offset": 0}, {"use_static_code": False}, {"mixing": "concat", "code_size_static": 9}]
)
def test_forecast_equals_a_plain_roll_out(changes):
    torch.manual_seed(1)
    model = build(settings_for(**changes), TaskSettings(n_cond=3, n_pred=4), (2, 1, 5)).double().eval()
    cond = torch.rand(4, 3, 2, 1, 5, dtype=torch.float64)
    static = model.static_encoder(cond)[0] if model.static_encoder else torch.ones(4, 6, dtype=torch.float64)
    code, frames = model.dynamic_encoder(cond)[0], []
    for step in range(7 + model.settings.offset):
        if step >= model.settings.offset:
            frames.append(decode_one(model, (static, ()), code))
        code = model.integrator(code)
    forecast = model.forecast(cond, 7)
    assert forecast.shape == (4, 7, 2, 1, 5)
    assert torch.allclose(forecast, torch.stack(frames, dim=1), rtol=0, atol=1e-12)


def test_static_and_dynamic_codes_come_from_different_encoders():
    """S of one video with T of another: the swap changes the forecast, and S comes from the static encoder alone."""
    model = build(settings_for(), TaskSettings(n_cond=3, n_pred=4), (1, 1, 5))
    initialise(model, "orthogonal", 1.0)
    cond = torch.rand(2, 3, 1, 1, 5)
    with torch.no_grad():
        before = model.static_codes(cond)[0].code
        for parameter in model.dynamic_encoder.parameters():
            parameter.zero_()
        assert torch.equal(model.static_codes(cond)[0].code, before)
        assert not model.dynamic_codes(cond)[0].any()


def test_output_layer_and_losses_stay_in_float32_under_autocast():
    model = build(settings_for(), TaskSettings(n_cond=3, n_pred=4), (1, 1, 5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.dynamic_codes(torch.rand(2, 3, 1, 1, 5))[0].dtype == torch.bfloat16
        assert model.forecast(torch.rand(2, 3, 1, 1, 5), 4).dtype == torch.float32
        terms = model.loss_terms(torch.rand(2, 7, 1, 1, 5), 4)
    assert {term.dtype for term in terms.values()} == {torch.float32}


def test_no_s_has_neither_invariance_nor_regularisation():
    model = build(settings_for(use_static_code=False, mixing="concat"), TaskSettings(n_cond=3, n_pred=4), (1, 1, 5))
    assert set(model.loss_weights()) == {"loss_forecast", "loss_autoencode"}
    assert set(model.loss_terms(torch.rand(2, 7, 1, 1, 5), 4)) == {"loss_forecast", "loss_autoencode"}


def test_codes_of_unequal_size_cannot_be_multiplied():
    with pytest.raises(ValueError, match="must be equal"):
        settings_for(code_size_static=5)
