"""What DIVE makes of videos in the test, against the plain implementation of tests/reference."""

import dataclasses

import pytest
import torch

from pipeline_lib.models.dive.decomposition import with_nearest_visible
from pipeline_lib.models.dive.draws import MEANS, noise
from pipeline_lib.models.dive.missingness import THRESHOLDS
from tests.models.test_dive_objective import perturbed_model
from tests.reference.dive import plain_latents, plain_objects, plain_place

N_PRED = 5  # more than the task's


def zero_draws(model, cond):
    """Noise of 0, with which every site is its mean, and nothing hidden."""
    draws = noise(model.settings, len(cond), cond.shape[1], cond.shape[1] + N_PRED, cond)
    zeros = {
        f.name: torch.zeros_like(value)
        for f in dataclasses.fields(draws)
        if (value := getattr(draws, f.name)) is not None
    }
    return dataclasses.replace(draws, **zeros, keep_BTK=torch.ones_like(draws.missingness_BTK))


def nearest(visible, j):
    """Frame nearest to j in which the object of one video is visible, the earlier of two; j where it never is."""
    n = len(visible)
    for distance in range(n):
        for frame in (j - distance, j + distance):
            if 0 <= frame < n and visible[frame]:
                return frame
    return j


def plain_decomposition(model, cond):
    """(reconstruction, imputation, forecast, components), frame by frame."""
    latents = plain_latents(model, cond, N_PRED, zero_draws(model, cond))
    settings, n_cond, side = model.settings, cond.shape[1], cond.shape[-1]
    threshold = {"hard": 0.5, "soft": 0.0}[settings.labels]
    copied = []
    for i, of_component in enumerate(latents.codes):
        visible = (
            torch.cat(latents.m[i], dim=1) >= threshold if settings.use_imputation else torch.ones(len(cond), n_cond)
        )
        rows = [
            torch.stack([of_component[nearest(visible[b], t) if t < n_cond else t][b] for b in range(len(cond))])
            for t in range(len(of_component))
        ]
        copied.append(rows)
    own, other = plain_objects(model, latents.codes), plain_objects(model, copied)
    reconstruction, frames, components = [], [], []
    for t in range(n_cond + N_PRED):
        placed = [plain_place(other[i][t], latents.pose[i][t], side) for i in range(settings.n_components)]
        frames.append(sum(placed).clamp(0, 1))
        components.append(torch.stack(placed, dim=1))
        if t < n_cond:
            seen = [
                plain_place(own[i][t], latents.pose[i][t], side) * latents.mask[i][t][:, :, None, None]
                for i in range(settings.n_components)
            ]
            reconstruction.append(sum(seen).clamp(0, 1))
    stacked = [torch.stack(each, dim=1) for each in (reconstruction, frames[:n_cond], frames[n_cond:], components)]
    return (*stacked, latents)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_varying_appearance": True},
        {"labels": "soft", "use_varying_appearance": True},
        {"use_imputation": False},
        {"use_imputation": False, "infer_missingness": False},
        {"n_components": 3},
    ],
    ids=str,
)
@torch.no_grad()
def test_decomposition_equals_the_plain_one(changes):
    model = perturbed_model(**changes).eval()
    cond = torch.rand(6, 4, 1, 16, 16, dtype=torch.float64)
    if model.settings.infer_missingness:  # so that about half of the objects are missing
        m = model.infer(cond, N_PRED, MEANS).missingness_BTK
        model.missingness.head.mean.bias += THRESHOLDS[model.settings.labels] - m.median() - 1e-9
    found = model.decompose(cond, N_PRED)
    *expected, latents = plain_decomposition(model, cond)
    names = ("reconstruction_BTCHW", "imputation_BTCHW", "forecast_BTCHW", "components_BTKCHW")
    for name, wanted in zip(names, expected, strict=True):
        assert torch.allclose(getattr(found, name), wanted, rtol=0, atol=1e-10), name
    pose = torch.stack([torch.stack(of_component, dim=1) for of_component in latents.pose], dim=2)
    assert torch.allclose(found.pose_BTK3, pose, rtol=0, atol=1e-10)
    m = torch.stack([torch.cat(of_component, dim=1) for of_component in latents.m], dim=2)
    if not model.settings.infer_missingness:
        assert (found.visibility_BTK == 1).all()
    else:
        order = m.flatten().argsort()
        assert (found.visibility_BTK.flatten()[order].diff() >= 0).all()
    if model.settings.use_imputation:
        assert torch.equal(found.visible_BTK, found.visibility_BTK >= 0.5)
        assert 0.1 < found.visible_BTK.double().mean() < 0.9
    else:
        assert found.visible_BTK.all()


@torch.no_grad()
def test_forecasts_are_those_of_the_decomposition_and_repeat():
    model = perturbed_model(use_varying_appearance=True).float().eval()
    cond = torch.rand(3, 4, 1, 16, 16)
    forecast = model.forecast(cond, 9)
    assert forecast.shape == (3, 9, 1, 16, 16)
    assert torch.equal(forecast, model.forecast(cond, 9))
    assert torch.allclose(forecast, model.decompose(cond, 9).forecast_BTCHW, atol=1e-5)
    assert torch.allclose(forecast[:, :2], model.forecast(cond, 2), atol=1e-5)
    assert forecast.min() >= 0 and forecast.max() <= 1


@torch.no_grad()
def test_forecasts_are_black_where_nothing_is_seen_but_imputations_are_whole():
    model = perturbed_model(visible_rows=(8, 16)).float().eval()
    found = model.decompose(torch.rand(2, 4, 1, 16, 16), 3)
    assert not found.forecast_BTCHW[..., :8, :].any()
    assert found.forecast_BTCHW[..., 8:, :].any()
    assert found.imputation_BTCHW[..., :8, :].any()
    assert torch.equal(model.forecast(torch.rand(2, 4, 1, 16, 16), 3)[..., :8, :], torch.zeros(2, 3, 1, 8, 16))


def test_missing_objects_take_the_appearance_of_their_nearest_visible_frame():
    torch.manual_seed(0)
    visible = torch.rand(50, 6, 2) > 0.6
    visible[0] = False
    appearance = torch.rand(50, 8, 2, 3)
    copied = with_nearest_visible(appearance, visible)
    assert torch.equal(copied[:, 6:], appearance[:, 6:])
    for b in range(50):
        for i in range(2):
            for t in range(6):
                assert torch.equal(copied[b, t, i], appearance[b, nearest(visible[b, :, i], t), i])
    assert torch.equal(copied[0], appearance[0])
