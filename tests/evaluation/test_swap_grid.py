"""The grid of content swaps: every content with every motion, from videos that the dataset chooses."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline_lib.evaluation import swap_grid as module
from pipeline_lib.evaluation.swap_grid import N_CONTENTS, N_MOTIONS, swap_grid

CPU = torch.device("cpu")
N_COND, N_PRED, SHAPE = 2, 4, (3, 2, 5)


class Items:
    """A swap test with so many videos of different contents."""

    frame_shape = SHAPE

    def __init__(self, n_videos: int) -> None:
        self.videos = np.random.default_rng(0).uniform(size=(n_videos, N_COND + N_PRED, *SHAPE)).astype(np.float32)
        self.asked: list[int] = []

    def different_videos(self, n_most: int) -> np.ndarray:
        self.asked.append(n_most)
        return self.videos[:n_most]


class Blend(nn.Module):
    """A swap that depends on both videos, and differently."""

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        raise AssertionError("a swap is no forecast")

    def swap(self, content_BTCHW: Tensor, motion_BTCHW: Tensor, n_pred: int) -> Tensor:
        assert not self.training and torch.is_inference_mode_enabled()
        steps = torch.arange(1, n_pred + 1).view(1, -1, 1, 1, 1)
        return content_BTCHW.mean(dim=1, keepdim=True) + steps * motion_BTCHW[:, -1:]


def test_every_content_meets_every_motion():
    items = Items(20)
    grid = swap_grid(Blend(), items, N_COND, N_PRED, CPU)
    assert items.asked == [N_CONTENTS + N_MOTIONS]
    np.testing.assert_array_equal(grid.content, items.videos[:N_CONTENTS, :N_COND])
    np.testing.assert_array_equal(grid.motion, items.videos[N_CONTENTS : N_CONTENTS + N_MOTIONS])
    assert grid.prediction.shape == (N_CONTENTS, N_MOTIONS, N_PRED, *SHAPE)
    for content, of_content in zip(grid.content, grid.prediction, strict=True):
        for motion, prediction in zip(grid.motion, of_content, strict=True):
            expected = content.mean(axis=0) + np.arange(1, N_PRED + 1)[:, None, None, None] * motion[N_COND - 1]
            np.testing.assert_allclose(prediction, expected, rtol=1e-6)


@pytest.mark.parametrize(("n_videos", "n_contents", "n_motions"), [(1, 1, 1), (2, 1, 1), (3, 1, 2), (6, 4, 2)])
def test_few_videos_make_a_smaller_grid(n_videos, n_contents, n_motions):
    grid = swap_grid(Blend(), Items(n_videos), N_COND, N_PRED, CPU)
    assert grid.prediction.shape[:2] == (len(grid.content), len(grid.motion)) == (n_contents, n_motions)


def test_a_grid_keeps_within_the_memory_for_examples(monkeypatch):
    items = Items(20)
    monkeypatch.setattr(module, "EXAMPLE_VALUES", 3 * N_MOTIONS * N_PRED * np.prod(SHAPE))
    assert swap_grid(Blend(), items, N_COND, N_PRED, CPU).prediction.shape[:2] == (3, N_MOTIONS)
    monkeypatch.setattr(module, "EXAMPLE_VALUES", 1)
    assert swap_grid(Blend(), items, N_COND, N_PRED, CPU).prediction.shape[:2] == (1, N_MOTIONS)


class Broken(Blend):
    def swap(self, content_BTCHW: Tensor, motion_BTCHW: Tensor, n_pred: int) -> Tensor:
        return super().swap(content_BTCHW, motion_BTCHW, n_pred) * torch.nan


def test_a_prediction_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match="the content swap of test window 0 is not finite"):
        swap_grid(Broken(), Items(20), N_COND, N_PRED, CPU)
