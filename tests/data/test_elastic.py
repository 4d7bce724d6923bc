"""Elastic deformation against SciPy's filter and interpolation."""

import numpy as np
import pytest
import torch

from pipeline_lib.data import elastic
from pipeline_lib.data.elastic import deform, displacement, strengths
from pipeline_lib.data.missing_mnist_device import deform_on_device, displacement_on_device
from tests.reference import missing_mnist as reference

N_VIDEOS, N_FRAMES, N_DIGITS = 9, 24, 2


def scene(n_axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of all grey levels up to their borders, and noise."""
    random = np.random.default_rng(n_axes)
    digits = random.integers(0, 256, (N_VIDEOS, N_DIGITS, 28, 28), dtype=np.uint8)
    return digits, random.random((N_VIDEOS, N_DIGITS, n_axes, 28, 28), np.float32)


def grey_levels_apart(ours: np.ndarray, others: np.ndarray) -> int:
    return int(abs(ours.astype(int) - others).max())


def test_the_field_is_scipys() -> None:
    noise = scene(2)[1]
    plain = np.stack([reference.smooth(field) for field in noise.reshape(-1, 28, 28)]).reshape(noise.shape)
    np.testing.assert_allclose(displacement(noise), plain, atol=2e-8)
    assert displacement(noise).std() == pytest.approx(0.05, abs=0.01), "it displaces by some pixels at strength 100"


@pytest.mark.parametrize("n_axes", [1, 2])
def test_equals_scipys_to_one_grey_level(n_axes: int) -> None:
    digits, noise = scene(n_axes)
    deformed = deform(digits, displacement(noise), N_FRAMES)
    plain = np.empty_like(deformed)
    for n, k, t in np.ndindex(N_VIDEOS, N_DIGITS, N_FRAMES):
        fields = [reference.smooth(field) for field in noise[n, k]]
        plain[n, t, k] = reference.deform(digits[n, k], fields, reference.strength(t))
    assert grey_levels_apart(deformed, plain) <= 1
    assert (deformed != plain).mean() < 1e-3


@pytest.mark.parametrize("n_axes", [1, 2])
@pytest.mark.parametrize("by", [300.0, -300.0, 28.0, -0.5])
def test_far_beyond_the_borders_it_is_reflected_again_and_again(n_axes: int, by: float) -> None:
    digits, noise = scene(n_axes)
    field = np.float32(by / 100) + displacement(noise)
    deformed = deform(digits, field, 1)
    for n, k in np.ndindex(N_VIDEOS, N_DIGITS):
        plain = reference.deform(digits[n, k], list(field[n, k].astype(np.float64)), 100.0)
        # So far away, a place is known to fewer digits in single precision: here neighbours differ by a hundred levels.
        assert grey_levels_apart(deformed[n, 0, k], plain) <= 1


def test_it_fades_by_five_to_the_identity() -> None:
    assert strengths(23).tolist() == [*range(100, 0, -5), 0, 0, 0]
    digits, noise = scene(2)
    for n_axes in (1, 2):
        deformed = deform(digits, displacement(noise[:, :, :n_axes]), N_FRAMES)
        np.testing.assert_array_equal(deformed[:, 20:], np.broadcast_to(digits[:, None], deformed[:, 20:].shape))
        assert (deformed[:, 19] != digits).mean() > 0.3


def test_one_axis_leaves_every_column_to_itself() -> None:
    digits, noise = scene(1)
    field = displacement(noise)
    changed = digits.copy()
    changed[..., 10] = 0
    before, after = deform(digits, field, 5), deform(changed, field, 5)
    assert (after[..., 10] == 0).all()
    np.testing.assert_array_equal(np.delete(after, 10, axis=-1), np.delete(before, 10, axis=-1))


@pytest.mark.parametrize("n_axes", [1, 2])
def test_a_digit_is_deformed_alike_among_any_others(n_axes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    digits, noise = scene(n_axes)
    field = displacement(noise)
    every = deform(digits, field, N_FRAMES)
    np.testing.assert_array_equal(deform(digits[3:4], field[3:4], N_FRAMES), every[3:4])
    for block in (1, 100):
        monkeypatch.setattr(elastic, "BLOCK_VIDEOS", block)
        np.testing.assert_array_equal(deform(digits, field, N_FRAMES), every)
    assert deform(digits[:0], field[:0], N_FRAMES).shape == (0, N_FRAMES, N_DIGITS, 28, 28)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("n_axes", [1, 2])
def test_the_way_of_the_device_gives_the_same_to_one_grey_level(n_axes: int, device: str) -> None:
    digits, noise = scene(n_axes)
    field = displacement_on_device(torch.from_numpy(noise).to(device))
    np.testing.assert_allclose(field.cpu().numpy(), displacement(noise), atol=1e-8)
    deformed = deform_on_device(torch.from_numpy(digits).to(device), field, N_FRAMES)
    assert deformed.dtype == torch.uint8 and deformed.device.type == device
    ours = deform(digits, displacement(noise), N_FRAMES)
    assert grey_levels_apart(deformed.cpu().numpy(), ours) <= 1
    assert (deformed.cpu().numpy() != ours).mean() < 1e-4
