"""DIVE's objective against the plain implementation of tests/reference: terms, gradients, running statistics."""

import copy

import pytest
import torch

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.dive.model import build
from tests.reference.dive import plain_terms

TASK = TaskSettings(n_cond=4, n_pred=3)


def perturbed_model(frame_shape=(1, 16, 16), **changes):
    """In float64, its weights, which begin small, and its biases large enough for everything to matter."""
    torch.manual_seed(0)
    values = {"image_latent": 7, "code_size_appearance": 5, "hidden_size": 6, "code_size_varying": 4, "ngf": 2}
    model = build(DiveSettings(**(values | changes)), TASK, frame_shape).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def assert_equal_to_the_plain_implementation(model, video, first_shown_row=0):
    """Twice, so that running averages move on."""
    plain = copy.deepcopy(model)
    for _ in range(2):
        draws = model.draws(len(video))
        expected = plain_terms(plain, video, draws, first_shown_row)
        terms = model.terms_of(video, draws)
        assert set(terms) == set(expected) == set(model.loss_weights())
        for name, value in terms.items():
            assert value.item() == pytest.approx(expected[name].item(), rel=1e-10, abs=1e-10), name
        wanted = gradients(plain, expected)
        for name, gradient in gradients(model, terms).items():
            assert torch.allclose(gradient, wanted[name], rtol=1e-9, atol=1e-11), name
        for (name, buffer), value in zip(model.named_buffers(), plain.buffers(), strict=True):
            if "num_batches" not in name:
                assert torch.allclose(buffer, value, rtol=0, atol=1e-12), name


def gradients(model, terms):
    """By name; zero where a parameter takes no part."""
    values = torch.autograd.grad(sum(terms.values()), list(model.parameters()), allow_unused=True)
    named = zip(model.named_parameters(), values, strict=True)
    return {name: torch.zeros_like(p) if value is None else value for (name, p), value in named}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"labels": "soft"},
        {"use_varying_appearance": True},
        {"use_varying_appearance": True, "carry_appearance_state": True, "labels": "soft"},
        {"kl": "sampled"},
        {"kl": "sampled", "labels": "soft", "use_varying_appearance": True},
        {"use_imputation": False},
        {"use_imputation": False, "labels": "soft"},
        {"use_imputation": False, "infer_missingness": False},
        {"n_components": 3, "scale_prior": 3.5, "scale_above": 2.5, "margin": 0.125},
        {"n_components": 1},
    ],
    ids=str,
)
def test_objective_equals_the_plain_implementation(changes):
    model = perturbed_model(**changes)
    assert_equal_to_the_plain_implementation(model, torch.rand(5, 7, 1, 16, 16, dtype=torch.float64))


def test_frames_of_several_channels_and_another_side():
    model = perturbed_model((3, 32, 32), use_varying_appearance=True)
    assert_equal_to_the_plain_implementation(model, torch.rand(3, 7, 3, 32, 32, dtype=torch.float64))


def test_hidden_rows_from_the_switch_on():
    model = perturbed_model(visible_rows=(8, 16), gamma_switch_step=10)
    video = torch.rand(3, 7, 1, 16, 16, dtype=torch.float64)
    model.at_iteration(9)
    assert_equal_to_the_plain_implementation(model, video)
    model.at_iteration(10)
    assert_equal_to_the_plain_implementation(model, video, first_shown_row=8)
