"""Which objects are missing in which input frames (DIVE paper, section 4)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from pipeline_lib.models.dive.gaussian import GaussianHead, normal

THRESHOLDS = {"hard": 0.5, "soft": 0.0}
"""Draw from which on an object counts as visible."""


class MissingnessEncoder(nn.Module):
    """An LSTM over the objects of a frame gives each a Gaussian."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.head = GaussianHead(hidden_size, 1)

    def forward(self, state_BTKH: Tensor) -> Normal:
        """States (B, T, K, hidden) → the Gaussian of m, (B, T, K)."""
        output, _ = self.lstm(state_BTKH.flatten(0, 1))
        q = self.head(output.unflatten(0, state_BTKH.shape[:2]))
        return normal(q.mean.squeeze(-1), q.stddev.squeeze(-1))


def inference_mask(m: Tensor, labels: Literal["hard", "soft"]) -> Tensor:
    """The mask of imputation and object features, 1 where visible: 1[m ≥ 0.5], without gradient, or sigmoid(m)."""
    return (m >= THRESHOLDS["hard"]).to(m.dtype) if labels == "hard" else torch.sigmoid(m)


def generative_mask(m: Tensor, labels: Literal["hard", "soft"]) -> Tensor:
    """What training weighs objects with in the input frames.

    With hard labels that is the Gaussian draw itself and not 1[m ≥ 0.5], as in the published code, so that a gradient
    reaches it; a reconstruction can then be negative.
    """
    return m if labels == "hard" else torch.sigmoid(m)


def visibility(m: Tensor, labels: Literal["hard", "soft"]) -> Tensor:
    """A score in [0, 1] that grows with m and is 0.5 where the decision changes."""
    return torch.sigmoid(m - THRESHOLDS[labels])
