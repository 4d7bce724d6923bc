"""DIVE: sizes as published, initialisation, schedule, divergences, precision, and that it learns."""

import copy
import dataclasses
import math
import statistics

import pytest
import torch
from torch import nn

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.models.dive.elbo import divergence
from pipeline_lib.models.dive.gaussian import normal
from pipeline_lib.models.dive.model import build
from pipeline_lib.models.dive.pose import constrained
from pipeline_lib.models.protocols import Decomposer, Trainable, n_parameters
from tests.models.test_dive_objective import perturbed_model

MOVING_MNIST = TaskSettings(n_cond=10, n_pred=10)
PEDESTRIANS = {"n_components": 3, "hidden_size": 96, "scale_prior": 3.5, "scale_above": 2.5, "margin": 0.125}


@pytest.mark.parametrize(
    ("settings", "side", "counts"),
    [
        (DiveSettings(), 64, [649_838, 233_952, 78_080, 76_000, 76_016]),
        (DiveSettings(**PEDESTRIANS), 256, [2_421_230, 452_128, 78_080, 436_832, 436_848]),
    ],
    ids=["moving_mnist", "pedestrians"],
)
def test_parameter_counts(settings, side, counts):
    model = build(settings, MOVING_MNIST, (1, side, side))
    pose = (model.image_encoder, model.states, model.missingness, model.imputation, model.pose)
    parts = (model.appearance, model.mixing, model.object_encoder, model.object_decoder)
    assert [sum(map(n_parameters, pose)), *map(n_parameters, parts)] == counts
    assert n_parameters(model) == sum(counts) == {64: 1_113_886, 256: 3_825_118}[side]
    assert isinstance(model, Trainable) and isinstance(model, Decomposer)


def test_layers_are_pytorchs_own():
    """So that weights of the published code can be carried over tensor by tensor."""
    model = build(DiveSettings(), MOVING_MNIST, (1, 64, 64))
    with_weights = {type(m) for m in model.modules() if any(True for _ in m.parameters(recurse=False))}
    assert with_weights == {nn.LSTM, nn.Linear, nn.Conv2d, nn.ConvTranspose2d, BatchNorm2d}


def test_initialisation():
    torch.manual_seed(0)
    model = build(DiveSettings(), MOVING_MNIST, (1, 64, 64))
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            n = module.weight.numel()
            assert module.weight.std().item() == pytest.approx(0.02, rel=4 / n**0.5)
            assert abs(module.weight.mean().item()) < 5 * 0.02 / n**0.5
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert 0.9 < module.weight.min() and module.weight.max() < 1.1 and module.weight.std() > 0.005
            assert not module.bias.any()
        elif isinstance(module, nn.LSTM):
            for parameter in module.parameters():
                assert parameter.abs().max().item() <= 1 / 8
                assert parameter.std().item() == pytest.approx(1 / 8 / 3**0.5, rel=0.15)


def test_schedule_switches_at_its_step():
    model = build(
        DiveSettings(gamma_switch_step=3, visible_rows=(8, 16)), TaskSettings(n_cond=4, n_pred=3), (1, 16, 16)
    )
    assert [model.at_iteration(n)["gamma_appearance"] for n in (1, 2, 3, 4)] == [0.3, 0.3, 0.15, 0.15]
    assert model.gamma_appearance.item() == pytest.approx(0.15)
    assert model.shown_rows_H1.squeeze(1).tolist() == [0] * 8 + [1] * 8
    model.at_iteration(2)
    assert model.gamma_appearance.item() == pytest.approx(0.3)
    assert model.shown_rows_H1.all()
    assert not any(name in model.state_dict() for name in ("gamma_appearance", "shown_rows_H1", "visible_rows_H1"))
    assert model.draw_range() == (0, 0) and model.sums_batch


def test_what_training_hides():
    torch.manual_seed(0)
    settings = DiveSettings(use_varying_appearance=True, gamma_imputation=0.25, gamma_appearance=0.3)
    model = build(settings, MOVING_MNIST, (1, 16, 16))
    draws = [model.draws(20) for _ in range(200)]
    kept = torch.stack([each.keep_BTK for each in draws])
    assert kept.mean().item() == pytest.approx(0.75, abs=0.01) and set(kept.unique().tolist()) == {0, 1}
    varying = torch.stack([each.keep_varying for each in draws])
    assert varying.mean().item() == pytest.approx(0.7, abs=0.1) and varying.dim() == 1
    without = build(DiveSettings(use_imputation=False), MOVING_MNIST, (1, 16, 16)).draws(20)
    assert without.keep_BTK is None and without.keep_varying is None


def test_the_first_frame_is_never_imputed_and_later_ones_do_not_see_what_is_hidden():
    model = perturbed_model()
    state = torch.randn(3, 4, 2, 6, dtype=torch.float64)
    mask, trust = torch.ones(3, 4, 2, dtype=torch.float64), torch.ones(3, 4, 2, dtype=torch.float64)
    whole = model.imputation(state, mask, trust)
    assert torch.allclose(whole, model.imputation(state, mask, None), atol=1e-12)
    trust[:, 0] = 0
    assert torch.equal(model.imputation(state, mask, trust), whole)
    trust[:, 2] = 0
    hidden = state.clone()
    hidden[:, 2] = 7.0
    assert torch.equal(model.imputation(hidden, mask, trust), model.imputation(state, mask, trust))
    assert not torch.allclose(model.imputation(hidden, mask, trust), whole)


def test_poses_are_constrained():
    pose = torch.tensor([[9.0, 9.0, -9.0], [0.0, 9.0, 0.0], [3.2, 0.5, 0.0]])
    found = constrained(pose, DiveSettings())
    assert torch.allclose(
        found, torch.tensor([[4.0, 3.5, -3.5], [2.0, 1.5, 0.0], [3.2, 2.7 * 0.46212, 0.0]]), atol=1e-4
    )
    found = constrained(pose, DiveSettings(**PEDESTRIANS))
    expected = torch.tensor([[6.0, 5.5 * 0.875, -5.5 * 0.875], [2.5, 2 * 0.875, 0.0], [3.2, 2.7 * 0.46212, 0.0]])
    assert torch.allclose(found, expected, atol=1e-4)


def test_sampled_divergence_converges_to_the_closed_form():
    torch.manual_seed(0)
    q, p = normal(torch.tensor([0.4, 2.0]), torch.tensor([0.3, 1.5])), normal(torch.tensor(0.0), torch.tensor(1.0))
    draw = q.sample((400_000,))
    sampled = divergence(q, p, draw, closed=False)
    exact = divergence(q, p, draw, closed=True)
    assert sampled.std() > 0.1
    assert torch.allclose(sampled.mean(dim=0), exact, atol=0.01)


@pytest.mark.parametrize("labels", ["hard", "soft"])
@pytest.mark.parametrize("varying", [False, True])
def test_gradients_reach_every_parameter_in_use(labels, varying):
    model = perturbed_model(labels=labels, use_varying_appearance=varying, carry_appearance_state=True)
    draws = dataclasses.replace(model.draws(4), **({"keep_varying": torch.tensor(1.0)} if varying else {}))
    sum(model.terms_of(torch.rand(4, 7, 1, 16, 16, dtype=torch.float64), draws).values()).backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    of_varying = {
        name for name, _ in model.named_parameters() if name.startswith(("appearance.future", "appearance.in"))
    }
    assert unused == (set() if varying else of_varying)


@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_it_learns_one_batch(labels):
    """A square that moves, missing in one frame of some videos; black frames alone would be worth 0.2."""
    torch.manual_seed(0)
    settings = DiveSettings(n_components=1, labels=labels, image_latent=32, code_size_appearance=16, ngf=4)
    model = build(settings, TaskSettings(n_cond=4, n_pred=2), (1, 16, 16))
    video = torch.zeros(8, 6, 1, 16, 16)
    for b in range(8):
        for t in range(6):
            row, column = 1 + b, 2 + t + b % 3
            video[b, t, 0, row : row + 5, column : column + 5] = 1
        if b % 2:
            video[b, 1 + b % 3] = 0
    black = (video.square().mean() / 0.18 + math.log(0.3 * math.sqrt(2 * math.pi))).item()
    optimiser = torch.optim.Adam(model.parameters(), lr=4e-3, betas=(0.5, 0.999))
    losses = []
    for iteration in range(1, 101):
        model.at_iteration(iteration)
        terms = model.loss_terms(video, 0)
        loss = sum(terms.values())
        optimiser.zero_grad()
        (loss * video.numel()).backward()
        optimiser.step()
        losses.append(loss.item())
    assert statistics.mean(losses[-10:]) < black - 0.1


def test_state_is_read_back():
    model = perturbed_model(use_varying_appearance=True).eval()
    torch.manual_seed(5)
    other = build(model.settings, model.task, model.frame_shape).double().eval()
    video = torch.rand(2, 7, 1, 16, 16, dtype=torch.float64)
    assert not torch.equal(other.negative_elbo(video), model.negative_elbo(video))
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    assert torch.equal(other.negative_elbo(video), model.negative_elbo(video))
    assert torch.equal(other.forecast(video[:, :4], 3), model.forecast(video[:, :4], 3))


def test_negative_elbo_is_of_each_video_and_repeats():
    model = perturbed_model().eval()
    video = torch.rand(3, 7, 1, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        found = model.negative_elbo(video)
        assert torch.equal(found, model.negative_elbo(video)) and found.shape == (3,)
        video[2] = 0
        changed = model.negative_elbo(video)
    assert torch.allclose(changed[:2], found[:2], rtol=1e-12) and changed[2] != found[2]


def test_convolutions_alone_compute_in_less_than_float32():
    model = perturbed_model(use_varying_appearance=True).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.image_encoder.layers(torch.rand(2, 1, 16, 16)).dtype == torch.bfloat16
        terms = model.loss_terms(torch.rand(2, 7, 1, 16, 16), 0)
        found = model.eval().decompose(torch.rand(2, 4, 1, 16, 16), 3)
        assert {type_of.dtype for type_of in (found.forecast_BTCHW, found.pose_BTK3)} == {torch.float32}
        assert model.negative_elbo(torch.rand(2, 7, 1, 16, 16)).dtype == torch.float32
    assert {term.dtype for term in terms.values()} == {torch.float32}
    sum(terms.values()).backward()


def test_a_loss_that_is_not_finite_shows():
    model = perturbed_model()
    with torch.no_grad():
        model.states.combine.weight.fill_(float("nan"))
    assert sum(model.loss_terms(torch.rand(2, 7, 1, 16, 16, dtype=torch.float64), 0).values()).isnan()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"infer_missingness": False}, "needs use_imputation false"),
        ({"scale_prior": 2.0, "scale_below": 1.6}, "scales must stay above 0.5"),
        ({"visible_rows": (32, 32)}, "first row and the one after the last"),
    ],
)
def test_settings_that_do_not_go_together(changes, message):
    with pytest.raises(ValueError, match=message):
        DiveSettings(**changes)


def test_frames_and_tasks_that_it_does_not_take():
    for shape in ((1, 64, 32), (1, 48, 48), (1, 8, 8)):
        with pytest.raises(ValueError, match="side is a power of two from 16"):
            build(DiveSettings(), MOVING_MNIST, shape)
    with pytest.raises(ValueError, match="beyond frames of 32 rows"):
        build(DiveSettings(visible_rows=(32, 64)), MOVING_MNIST, (1, 32, 32))
    with pytest.raises(ValueError, match="n_cond must be at least 2"):
        build(DiveSettings(), TaskSettings(n_cond=1), (1, 64, 64))
