"""The order of a training is a function of seed and iteration."""

import numpy as np
import pytest
import torch

from pipeline_lib.config.training import MultiStepSettings, OptimiserSettings, TrainingSettings
from pipeline_lib.training.schedule import Budget, EpochPlan, learning_rate


def test_an_epoch_shows_every_window_once_and_keeps_the_smaller_batch():
    plan = EpochPlan(seed=1, epoch=0, n_windows=30, batch_size=8, draw_range=(5, 9))
    batches = [plan.window_ids(position) for position in range(4)]
    assert [len(batch) for batch in batches] == [8, 8, 8, 6]
    assert sorted(np.concatenate(batches)) == list(range(30))


def test_draws_cover_their_range_evenly_and_differ_by_epoch_and_seed():
    draws = [EpochPlan(0, epoch, 800, 8, (5, 9)).draw(position) for epoch in range(20) for position in range(100)]
    counts = np.bincount(draws)[5:]
    assert len(counts) == 5 and counts.min() > 330 and counts.max() < 470
    first = EpochPlan(0, 0, 800, 8, (5, 9))
    assert any(EpochPlan(0, 1, 800, 8, (5, 9)).draw(i) != first.draw(i) for i in range(20))
    assert any(EpochPlan(1, 0, 800, 8, (5, 9)).draw(i) != first.draw(i) for i in range(20))
    assert all(EpochPlan(0, 0, 800, 8, (5, 9)).draw(i) == first.draw(i) for i in range(20))


def test_published_length():
    settings = TrainingSettings(epochs=250, batch_size=128)
    assert Budget.of(settings, n_windows=9_600) == Budget(iterations=18_750, iterations_per_epoch=75)
    assert Budget.of(TrainingSettings(iterations=18_750), n_windows=30_240) == Budget(18_750, 237)
    assert Budget.of(TrainingSettings(epochs=1), 200_000).iterations == 1_563  # the smaller last batch counts


def test_learning_rate_is_multi_step_stepped_after_each_epoch():
    settings = OptimiserSettings(learning_rate=0.3, schedule=MultiStepSettings(milestones=(2, 5, 6), decay=0.5))
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [2, 5, 6], gamma=0.5)
    for epoch in range(9):
        assert learning_rate(settings, epoch) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-15)
        optimiser.step()
        scheduler.step()
    assert learning_rate(OptimiserSettings(), 10_000) == 4e-4
