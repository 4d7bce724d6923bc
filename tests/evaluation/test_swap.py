"""The content-swap protocol: the best assignment counts, for each video, metric and number of frames on its own."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline_lib.data.protocols import SwapBatch
from pipeline_lib.evaluation.scoring import Metric
from pipeline_lib.evaluation.swap import score_swaps
from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.metrics.psnr import psnr_frame_mean
from tests.reference.swap_evaluation import best_assignments

CPU = torch.device("cpu")
N_COND, N_PRED, SHAPE = 2, 4, (1, 3, 5)
METRICS = {"mse_per_pixel": Metric(mse_per_pixel, "lower"), "psnr_frame_mean": Metric(psnr_frame_mean, "higher")}


class Items:
    """Items whose frames are all there beforehand; says which batches were asked for."""

    frame_shape = SHAPE

    def __init__(self, content: np.ndarray, motion: np.ndarray, truths: np.ndarray) -> None:
        self.content, self.motion, self.truths = content, motion, truths
        self.n_items = len(content)
        self.sizes: list[int] = []

    def batches(self, batch_size: int) -> Iterator[SwapBatch]:
        for first in range(0, self.n_items, batch_size):
            part = slice(first, first + batch_size)
            batch = SwapBatch(motion=self.motion[part], content=self.content[part], truths=self.truths[part])
            self.sizes.append(len(batch.motion))
            yield batch


class Blend(nn.Module):
    """A swap that depends on both videos, and differently."""

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        raise AssertionError("a swap is no forecast")

    def swap(self, content_BTCHW: Tensor, motion_BTCHW: Tensor, n_pred: int) -> Tensor:
        assert not self.training and torch.is_inference_mode_enabled()
        frame = 0.8 * content_BTCHW.mean(dim=1, keepdim=True) + 0.2 * motion_BTCHW[:, -1:]
        return frame.expand(-1, n_pred, -1, -1, -1)


def random_items(n: int = 7, n_truths: int = 3) -> Items:
    generator = np.random.default_rng(0)
    shapes = [(n, N_COND, *SHAPE), (n, N_COND, *SHAPE), (n, n_truths, N_PRED, *SHAPE)]
    return Items(*(generator.uniform(size=shape).astype(np.float32) for shape in shapes))


def score(items, n_items=None, model=None, metrics=METRICS, batch_size=3, n_examples=2, horizons=(1, 3)):
    n_items = n_items or items.n_items
    model = model or Blend()
    return score_swaps(model, items, n_items, N_COND, N_PRED, metrics, batch_size, n_examples, CPU, horizons)


def of_errors(errors_AT: list[list[float]]) -> Items:
    """One item on which `Still`, which predicts 0, makes these errors against each assignment."""
    truths = np.sqrt(np.array(errors_AT, np.float32))[None, :, :, None, None, None] * np.ones(SHAPE, np.float32)
    cond = np.zeros((1, N_COND, *SHAPE), np.float32)
    return Items(cond, cond, truths)


class Still(Blend):
    def swap(self, content_BTCHW: Tensor, motion_BTCHW: Tensor, n_pred: int) -> Tensor:
        return content_BTCHW.new_zeros((len(content_BTCHW), n_pred, *SHAPE))


def test_the_best_assignment_is_another_for_another_number_of_frames():
    errors = [[0.01, 0.01, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2], [0.001, 0.6, 0.6, 0.6]]
    scores = score(of_errors(errors), model=Still(), horizons=(1, 2)).scores["mse_per_pixel"]
    assert scores.at[1] == pytest.approx([0.001]) and scores.at[2] == pytest.approx([0.01])
    assert scores.per_window == pytest.approx([0.2])
    assert scores.horizon == pytest.approx([0.2] * 4), "the curve of the assignment that is best over all frames"


def test_the_best_assignment_is_another_for_another_metric():
    """Mean errors 0.1 against 0.15; mean decibels 10 against (10 + 10 + 30 + 3.6) / 4."""
    errors = [[0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.001, 0.4]]
    scores = score(of_errors(errors), model=Still()).scores
    assert scores["mse_per_pixel"].per_window == pytest.approx([0.1])
    decibels = [-10 * np.log10(error) for error in errors[1]]
    assert scores["psnr_frame_mean"].per_window == pytest.approx([np.mean(decibels)]) and np.mean(decibels) > 13
    assert scores["psnr_frame_mean"].horizon == pytest.approx(decibels)


def test_the_mean_over_frames_comes_before_the_choice():
    """Taking the better assignment frame by frame would give 0.1."""
    errors = [[0.1, 0.3, 0.1, 0.3], [0.3, 0.1, 0.5, 0.1]]
    scores = score(of_errors(errors), model=Still()).scores["mse_per_pixel"]
    assert scores.per_window == pytest.approx([0.2]) and scores.horizon == pytest.approx(errors[0])


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
@pytest.mark.parametrize("n_items", [7, 5])
def test_scores_are_those_of_a_plain_loop(batch_size, n_items):
    items = random_items()
    found = score(items, n_items, batch_size=batch_size)
    functions = {name: metric.function for name, metric in METRICS.items()}
    expected = best_assignments(Blend().eval(), items, n_items, functions, {"psnr_frame_mean"}, (1, 3, N_PRED))
    for metric, scores in found.scores.items():
        np.testing.assert_allclose(scores.per_window, expected[metric][N_PRED], rtol=1e-6)
        np.testing.assert_allclose(scores.horizon, expected[metric]["horizon"], rtol=1e-6)
        for n_frames in (1, 3):
            np.testing.assert_allclose(scores.at[n_frames], expected[metric][n_frames], rtol=1e-6)
        assert len({*scores.per_window}) == n_items


def test_examples_show_the_truth_that_the_first_metric_takes():
    items = random_items()
    for metrics in (METRICS, dict(reversed(METRICS.items()))):
        examples = score(items, metrics=metrics, n_examples=4).examples
        assert len(examples.item) == 4 and (np.diff(examples.item) > 0).all()
        first, metric = next(iter(metrics.items()))
        scores = score(items, metrics=metrics).scores[first].per_window
        for k, item in enumerate(examples.item):
            np.testing.assert_array_equal(examples.content[k], items.content[item])
            np.testing.assert_array_equal(examples.motion[k], items.motion[item])
            assert any(np.array_equal(examples.truth[k], truth) for truth in items.truths[item])
            pair = (torch.from_numpy(part[k : k + 1]) for part in (examples.prediction, examples.truth))
            assert float(metric.function(*pair).double().mean()) == pytest.approx(scores[item], rel=1e-6)


def test_only_the_items_that_are_scored_are_made():
    items = random_items()
    score(items, n_items=4, batch_size=3)
    assert items.sizes == [1, 3, 3]  # one to learn how many truths there are


def test_a_model_that_cannot_swap_is_refused():
    class Forecaster(nn.Module):
        def forecast(self, cond_BTCHW, n_pred):
            return cond_BTCHW

    with pytest.raises(ValueError, match="model Forecaster cannot swap contents: leave swap out"):
        score(random_items(), model=Forecaster())


def test_a_swap_that_is_not_finite_is_an_error_that_names_the_item():
    items = random_items()
    items.content[5, 0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="content swap of test window 5 is not finite"):
        score(items)
