"""Heads of two linear layers, and the Gaussians that they give (all second arguments are standard deviations)."""

from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import softplus


class GaussianHead(nn.Module):
    """μ and softplus σ, each of a linear layer of its own; σ has no floor."""

    def __init__(self, n_inputs: int, n_values: int) -> None:
        super().__init__()
        self.mean = nn.Linear(n_inputs, n_values)
        self.sigma = nn.Linear(n_inputs, n_values)

    def forward(self, x: Tensor) -> Normal:
        """(…, n_inputs) → a Normal of (…, n_values)."""
        return normal(self.mean(x), softplus(self.sigma(x)))


def normal(mean: Tensor, sigma: Tensor) -> Normal:
    """A Normal whose parameters are not looked at, which would wait for the device."""
    return Normal(mean, sigma, validate_args=False)


def drawn(q: Normal, noise: Tensor | None) -> Tensor:
    """The draw that standard normal noise gives; the mean without noise."""
    return q.mean if noise is None else q.mean + q.stddev * noise
