"""The baselines forecast what their names say, and survive a round trip through a weights file."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline_lib.config.model import BlackSettings, CopyLastSettings, MeanFrameSettings
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.baselines import MeanFrame, build_black, build_copy_last, build_mean_frame
from pipeline_lib.models.protocols import Fittable, Trainable

TASK = TaskSettings(n_cond=3, n_pred=4, n_pred_test=6)


def videos(n=5, n_frames=7, frame_shape=(2, 3, 4), seed=0):
    return np.random.default_rng(seed).uniform(size=(n, n_frames, *frame_shape)).astype(np.float32)


def test_copy_last_repeats_the_last_conditioning_frame():
    cond = torch.from_numpy(videos())[:, :3]
    forecast = build_copy_last(CopyLastSettings(), TASK, (2, 3, 4)).forecast(cond, 6)
    assert forecast.shape == (5, 6, 2, 3, 4)
    for step in range(6):
        torch.testing.assert_close(forecast[:, step], cond[:, 2], rtol=0, atol=0)


def test_black_is_zero_everywhere_and_for_as_long_as_asked():
    forecast = build_black(BlackSettings(), TASK, (2, 3, 4)).forecast(torch.from_numpy(videos())[:, :3], 6)
    assert forecast.shape == (5, 6, 2, 3, 4) and forecast.dtype == torch.float32
    assert not forecast.any()


def test_mean_frame_is_the_exact_mean_however_the_videos_are_cut():
    data = videos(n=9) + 1e3  # an offset that a sum in float32 would round away
    expected = data.astype(np.float64).mean(axis=(0, 1)).astype(np.float32)
    for size in (1, 4, 9):
        model = build_mean_frame(MeanFrameSettings(), TASK, (2, 3, 4))
        model.fit(data[start : start + size] for start in range(0, 9, size))
        np.testing.assert_array_equal(model.mean_frame.numpy(), expected)
        assert int(model.n_frames) == 9 * 7
    forecast = model.forecast(torch.zeros(2, 3, 2, 3, 4), 6)
    assert forecast.shape == (2, 6, 2, 3, 4)
    np.testing.assert_array_equal(forecast[1, 5].numpy(), expected)


def test_fit_starts_anew():
    model = MeanFrame((2, 3, 4))
    model.fit([videos(seed=1)])
    model.fit([videos(seed=2)])
    np.testing.assert_allclose(model.mean_frame.numpy(), videos(seed=2).mean(axis=(0, 1)), rtol=1e-6)


def test_the_state_is_tensors_and_comes_back_from_a_file(tmp_path):
    fitted = MeanFrame((2, 3, 4))
    fitted.fit([videos()])
    for model, fresh in (
        (fitted, MeanFrame((2, 3, 4))),
        (build_copy_last(CopyLastSettings(), TASK, (2, 3, 4)), build_copy_last(CopyLastSettings(), TASK, (2, 3, 4))),
    ):
        save_file(model.state_dict(), tmp_path / "weights.safetensors")
        fresh.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        cond = torch.from_numpy(videos(seed=3))[:, :3]
        assert torch.equal(fresh.forecast(cond, 2), model.forecast(cond, 2))


def test_mean_frame_says_what_is_wrong():
    model = MeanFrame((2, 3, 4))
    with pytest.raises(ValueError, match="was not fitted"):
        model.forecast(torch.zeros(1, 3, 2, 3, 4), 2)
    with pytest.raises(ValueError, match="at least one training frame"):
        model.fit([])
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\), the videos have \(1, 3, 4\)"):
        model.fit([videos(frame_shape=(1, 3, 4))])
    broken = videos()
    broken[2, 3, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        model.fit([broken])


def test_the_registry_builds_baselines_that_are_fitted_not_trained():
    copy_last = load(MODELS["copy_last"].build)(CopyLastSettings(), TASK, (1, 1, 5), "cpu", "auto")
    mean_frame = load(MODELS["mean_frame"].build)(MeanFrameSettings(), TASK, (1, 1, 5), "cpu", "auto")
    assert isinstance(mean_frame, Fittable) and not isinstance(copy_last, Fittable)
    assert not isinstance(copy_last, Trainable) and not isinstance(mean_frame, Trainable)
