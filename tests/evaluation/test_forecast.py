"""The forecast protocol: streams, and scores as a plain loop over single windows does."""

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from pipeline_lib.evaluation.forecast import score_forecasts
from pipeline_lib.evaluation.scoring import Metric, spread
from pipeline_lib.metrics.image import mse_per_pixel
from pipeline_lib.models.baselines import CopyLast
from tests.reference.forecast_evaluation import squared_errors

CPU = torch.device("cpu")
METRICS = {"mse_per_pixel": Metric(mse_per_pixel, "lower")}


class Windows:
    """All windows of some videos (N, T, C, H, W), made when they are asked for; counts the batches alive at once."""

    def __init__(self, videos: np.ndarray, length: int) -> None:
        self._videos, self._length = videos, length
        self._per_video = videos.shape[1] - length + 1
        self.n_windows = len(videos) * self._per_video
        self.frame_shape = videos.shape[2:]
        self.most_alive = 0
        self._alive: list[weakref.ref] = []

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        for first in range(0, self.n_windows, batch_size):
            yield self._batch(range(first, min(first + batch_size, self.n_windows)))

    def context(self, first: int, last: int) -> dict[str, np.ndarray]:
        return {"number": np.arange(first, last)}

    def _batch(self, numbers: range) -> np.ndarray:
        places = [divmod(number, self._per_video) for number in numbers]
        batch = np.stack([self._videos[video, start : start + self._length] for video, start in places])
        self._alive = [r for r in self._alive if r() is not None] + [weakref.ref(batch)]
        self.most_alive = max(self.most_alive, len(self._alive))
        return batch


class Wobbly(nn.Module):
    """A forecast that depends on the conditioning frames, and on the mode that the module is in."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.9))
        self.saw: list[tuple[bool, bool]] = []

    def forecast(self, cond_BTCHW: torch.Tensor, n_pred: int) -> torch.Tensor:
        self.saw.append((self.training, torch.is_grad_enabled()))
        steps = torch.arange(1, n_pred + 1).view(1, -1, 1, 1, 1)
        return cond_BTCHW.mean(dim=1, keepdim=True) * self.factor**steps


def videos(n: int = 4, n_frames: int = 12, frame_shape: tuple[int, int, int] = (2, 3, 4)) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(n, n_frames, *frame_shape)).astype(np.float32)


def score(model, windows, sets=None, batch_size=5, n_examples=3, metrics=METRICS, horizons=()):
    sets = {"all": np.arange(windows.n_windows)} if sets is None else sets
    return score_forecasts(model, windows, 3, 4, metrics, sets, batch_size, n_examples, CPU, horizons)


@pytest.mark.parametrize("batch_size", [1, 5, 6, 1000])
def test_scores_are_those_of_a_plain_loop(batch_size):
    data = videos()
    expected = squared_errors(Wobbly().forecast, data, n_cond=3, n_pred=4)
    sets = {"all": np.arange(24), "prefix": np.arange(10), "scattered": np.array([3, 4, 9, 23])}
    found = score(Wobbly(), Windows(data, 7), sets, batch_size, horizons=(1, 3, 4)).scores
    assert list(found) == ["all", "prefix", "scattered"]
    for name, ids in sets.items():
        scores = found[name]["mse_per_pixel"]
        np.testing.assert_allclose(scores.per_window, expected[ids].mean(axis=1), rtol=1e-6)
        np.testing.assert_allclose(scores.horizon, expected[ids].mean(axis=0), rtol=1e-6)
        summary = scores.summary()
        np.testing.assert_allclose(summary["mean"], expected[ids].mean(), rtol=1e-6)
        np.testing.assert_allclose(summary["std_over_windows"], np.std(expected[ids].mean(axis=1), ddof=1), rtol=1e-6)
        assert summary["horizon"] == scores.horizon.tolist()
        assert list(summary["at"]) == ["1", "3", "4"]
        for n_frames, found_at in summary["at"].items():
            first_frames = expected[ids][:, : int(n_frames)].mean(axis=1)
            np.testing.assert_allclose(found_at["mean"], first_frames.mean(), rtol=1e-6)
            np.testing.assert_allclose(found_at["std_over_windows"], first_frames.std(ddof=1), rtol=1e-6)


def test_one_window_has_no_spread():
    scores = score(Wobbly(), Windows(videos(), 7), {"one": np.array([5])}).scores["one"]["mse_per_pixel"]
    assert scores.summary()["std_over_windows"] is None


def test_windows_are_let_go_as_they_are_scored():
    windows = Windows(videos(n=20, n_frames=60), 7)
    score(CopyLast(), windows, batch_size=8)
    assert windows.n_windows == 1080
    assert windows.most_alive <= 2  # one that is scored, one that is read


def test_the_model_is_in_eval_mode_without_gradients():
    model = Wobbly().train()
    score(model, Windows(videos(), 7))
    assert set(model.saw) == {(False, False)}


def test_examples_are_the_windows_that_they_are_said_to_be():
    data = videos()
    found = score(Wobbly(), Windows(data, 7), n_examples=4)
    assert len(found.example_ids) == 4
    for k, number in enumerate(found.example_ids):
        video, start = divmod(int(number), 6)
        np.testing.assert_array_equal(found.cond[k], data[video, start : start + 3])
        np.testing.assert_array_equal(found.truth[k], data[video, start + 3 : start + 7])
        with torch.no_grad():
            expected = Wobbly().forecast(torch.from_numpy(found.cond[k : k + 1]), 4)[0].numpy()
        np.testing.assert_allclose(found.prediction[k], expected, rtol=1e-6)


def test_examples_are_of_the_first_set_of_windows():
    windows = Windows(videos(), 7)
    sets = {"main": np.array([3, 4, 9, 20, 23]), "all": np.arange(24)}
    assert set(score(Wobbly(), windows, sets, n_examples=4).example_ids) < {3, 4, 9, 20, 23}
    assert len(score(Wobbly(), windows, sets, n_examples=9).example_ids) == 5


@pytest.mark.parametrize(("n_windows", "n_examples"), [(6360, 6), (106, 6), (10, 4), (3, 5), (1, 1)])
def test_examples_are_spread_evenly(n_windows, n_examples):
    ids = spread(n_windows, n_examples)
    assert (np.diff(ids) > 0).all() and ids[0] >= 0 and ids[-1] < n_windows
    if n_windows >= 3 * n_examples:
        assert len(ids) == n_examples
        assert np.diff([0, *ids, n_windows]).max() < 2 * n_windows / n_examples
    if n_windows == 6360:
        assert len(set(ids % 106)) == len(set(ids // 106)) == n_examples  # other videos, and other parts of them


def test_a_forecast_that_is_not_finite_is_an_error_that_names_the_window():
    class Breaks(CopyLast):
        def forecast(self, cond_BTCHW, n_pred):
            forecast = super().forecast(cond_BTCHW, n_pred).clone()
            forecast[cond_BTCHW[:, 0, 0, 0, 0] == marked, 2, 0, 0, 0] = torch.inf
            return forecast

    data = videos()
    marked = torch.tensor(data[2, 1, 0, 0, 0])  # the first value of window 2 * 6 + 1
    with pytest.raises(ValueError, match="forecast of test window 13 is not finite"):
        score(Breaks(), Windows(data, 7))


def test_a_test_file_with_nan_is_told_apart_from_a_broken_model():
    data = videos()
    data[3, 11] = np.nan  # the last frame: no window is conditioned on it
    with pytest.raises(ValueError, match="mse_per_pixel of test window 23 is not finite although its forecast is"):
        score(CopyLast(), Windows(data, 7))


def test_a_forecast_of_another_shape_does_not_broadcast():
    class Short(CopyLast):
        def forecast(self, cond_BTCHW, n_pred):
            return super().forecast(cond_BTCHW, 1)

    with pytest.raises(
        ValueError, match=r"gives a forecast of shape \(5, 1, 2, 3, 4\), the task has \(5, 4, 2, 3, 4\)"
    ):
        score(Short(), Windows(videos(), 7))


class KnowsTheNumber(nn.Module):
    """A forecast of the window's number, which only the context tells."""

    def forecast_in_context(self, cond_BTCHW, n_pred, context):
        return context["number"].float().view(-1, 1, 1, 1, 1).expand(-1, n_pred, *cond_BTCHW.shape[2:])


def test_the_context_of_its_windows_reaches_metrics_that_use_it_and_forecasts_that_need_it():
    def number(prediction_BTCHW, truth_BTCHW, context):
        return context["number"][:, None].expand(-1, truth_BTCHW.shape[1])

    def predicted(prediction_BTCHW, truth_BTCHW):
        return prediction_BTCHW.mean(dim=(2, 3, 4))

    windows = Windows(videos(), 7)
    metrics = {"number": Metric(number, "lower", uses_context=True), "predicted": Metric(predicted, "lower")}
    scores = score(KnowsTheNumber(), windows, metrics=metrics).scores["all"]
    for name in metrics:
        np.testing.assert_array_equal(scores[name].per_window, np.arange(windows.n_windows))
