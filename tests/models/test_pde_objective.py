"""The batched objective gives the loss and the gradients of the plain loop."""

import pytest
import torch

from pipeline_lib.config.model import PdeObjectiveSettings, PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde.model import build
from tests.reference.pde_objective import plain_loss

TASK = TaskSettings(n_cond=3, n_pred=6, n_pred_test=4)
FRAME_SHAPE = (2, 1, 7)


def make_model(frames_per_decoder_call, **changes):
    values = {
        "encoder": "mlp",
        "decoder": "mlp",
        "code_size_static": 4,
        "code_size_dynamic": 4,
        "mixing": "mul",
        "offset": 3,
    }
    settings = PdeSettings(
        **(values | changes),
        encoder_hidden_size=11,
        decoder_hidden_size=9,
        integrator_hidden_size=13,
        integrator_n_blocks=2,
        gain_encoder=0.5,
        objective=PdeObjectiveSettings(lambda_autoencode=0.7, lambda_invariance=1.3, lambda_regularisation=0.2),
    )
    torch.manual_seed(3)
    return build(settings, TASK, FRAME_SHAPE, "cpu", frames_per_decoder_call).double()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_static_code": False},
        {"mixing": "concat", "code_size_static": 6},
        {"offset": 0},
        {"offset": 0, "use_static_code": False, "output_activation": "identity"},
    ],
)
@pytest.mark.parametrize("frames_per_decoder_call", [1, 4, "auto"])
def test_loss_and_gradients_equal_the_plain_loop(changes, frames_per_decoder_call):
    model = make_model(frames_per_decoder_call, **changes)
    video = torch.rand(5, 9, *FRAME_SHAPE, dtype=torch.float64)
    low, high = model.draw_range()
    assert (low, high) == (3, 9 if model.settings.offset else 8)
    for tau in range(low, high + 1):
        expected, expected_terms = plain_loss(model, video, tau)
        expected_gradients = torch.autograd.grad(expected, list(model.parameters()))
        terms = model.loss_terms(video, tau)
        total = sum(weight * terms[name] for name, weight in model.loss_weights().items())
        gradients = torch.autograd.grad(total, list(model.parameters()))
        assert abs(total - expected) < 1e-10
        for name, value in terms.items():
            assert abs(value - expected_terms[name]) < 1e-10, name
        for gradient, wanted in zip(gradients, expected_gradients, strict=True):
            assert torch.allclose(gradient, wanted, rtol=0, atol=1e-10)
