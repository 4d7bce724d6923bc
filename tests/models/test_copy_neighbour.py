"""Frames in which something is missing become their nearest neighbours in which nothing is."""

import pytest
import torch

from pipeline_lib.models.copy_neighbour import CopyNeighbour
from pipeline_lib.models.protocols import ContextForecaster, Decomposer, Imputer

N_COND = 6
# Of the numbers 0 to 5, those in parentheses miss something; the earlier of two neighbours that are as near.
CASES = [
    ([False] * 6, [0, 1, 2, 3, 4, 5]),
    ([False, False, True, True, False, False], [0, 1, 1, 4, 4, 5]),
    ([False, True, False, False, False, True], [0, 0, 2, 3, 4, 4]),
    ([True, True, True, False, True, True], [3, 3, 3, 3, 3, 3]),
    ([True] * 6, [0, 1, 2, 3, 4, 5]),
]


def numbered_frames(n_videos: int) -> torch.Tensor:
    """Frames whose every pixel is their number, ten more in each video."""
    return (10.0 * torch.arange(n_videos)[:, None] + torch.arange(N_COND))[:, :, None, None, None].expand(
        -1, -1, 1, 2, 3
    )


def test_the_nearest_frame_in_which_nothing_is_missing_is_copied():
    missing_BT = torch.tensor([missing for missing, _ in CASES])
    found = CopyNeighbour().impute(numbered_frames(len(CASES)), missing_BT)
    assert found.shape == (len(CASES), N_COND, 1, 2, 3)
    expected = [[10.0 * k + n for n in numbers] for k, (_, numbers) in enumerate(CASES)]
    assert found[..., 0, 1, 2].tolist() == expected


def test_predicted_frames_are_the_last_one_in_which_nothing_is_missing():
    missing_BTK = torch.zeros(len(CASES), N_COND + 2, 2, dtype=torch.bool)
    missing_BTK[:, :N_COND, 1] = torch.tensor([missing for missing, _ in CASES])
    missing_BTK[:, N_COND:] = True  # of what comes later nothing is known
    found = CopyNeighbour().forecast_in_context(numbered_frames(len(CASES)), 2, {"missing": missing_BTK})
    assert found.shape == (len(CASES), 2, 1, 2, 3)
    assert found[:, :, 0, 1, 2].tolist() == [[n, n] for n in (5.0, 15.0, 24.0, 33.0, 45.0)]


def test_it_must_be_told_what_is_missing():
    with pytest.raises(ValueError, match="needs to know what is missing"):
        CopyNeighbour().forecast_in_context(numbered_frames(1), 2, {})
    with pytest.raises(ValueError, match="which frames alone do not tell"):
        CopyNeighbour().forecast(numbered_frames(1), 2)


def test_it_is_an_imputer_and_no_decomposer():
    model = CopyNeighbour()
    assert isinstance(model, Imputer) and isinstance(model, ContextForecaster) and not isinstance(model, Decomposer)
    assert not model.state_dict()
