"""BatchNorm for several calls of a network in one, and for batches that several processes share.

The published code of the PDE model calls encoder and decoder once per window and once per time step, and every call
normalises with the statistics of its own batch and moves the running averages on. Computing K calls at once must keep
both.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` in every respect (parameters, buffers, eval mode) for rows that belong to K calls.

    Rows are ordered (b, call). Then the K calls are K·C channels of one batch: (B·K, C, H, W) seen as (B, K·C, H, W),
    which is no copy, and one normalisation does them all.

    add_up: the sum of a tensor over all processes that have windows of the batch, with its gradient; None: this process
    has them all, or keeps statistics of its own windows (`SharedStatistics`).
    """

    add_up: Callable[[Tensor], Tensor] | None = None

    def forward(self, x_NCHW: Tensor, n_calls: int = 1) -> Tensor:
        """(B·n_calls, C, H, W) → the same shape, as `n_calls` calls in order on (B, C, H, W) would give it.

        Raises ValueError in training where a call has a single value per channel, whose variance says nothing.
        """
        if not self.training:
            return super().forward(x_NCHW)
        if self.add_up is not None:
            normalised, mean_KC, variance_KC = self._over_processes(x_NCHW, n_calls, self.add_up)
            self._follow(mean_KC, variance_KC)
            return normalised
        if x_NCHW.numel() == n_calls * self.num_features:
            raise ValueError(
                "a batch of one window cannot be normalised: choose a training.batch_size that does not leave one "
                "window over at the end of an epoch"
            )
        if n_calls == 1:
            return super().forward(x_NCHW)
        if x_NCHW.is_contiguous():
            normalised, mean_KC, variance_KC = self._as_channels(x_NCHW, n_calls)
        else:  # channels_last, in which the calls can't be seen as channels
            normalised, mean_KC, variance_KC = self._by_reduction(x_NCHW, n_calls)
        self._follow(mean_KC, variance_KC)
        return normalised

    def _as_channels(self, x_NCHW: Tensor, n_calls: int) -> tuple[Tensor, Tensor, Tensor]:
        # With momentum 1, PyTorch's own kernel leaves the batch's mean and unbiased variance in the running buffers.
        mean, variance = x_NCHW.new_zeros(2, n_calls * self.num_features, dtype=self.weight.dtype).unbind()
        normalised = F.batch_norm(
            x_NCHW.view(-1, n_calls * self.num_features, *x_NCHW.shape[2:]),
            mean,
            variance,
            self.weight.repeat(n_calls),
            self.bias.repeat(n_calls),
            training=True,
            momentum=1.0,
            eps=self.eps,
        )
        shape = (n_calls, self.num_features)
        return normalised.view_as(x_NCHW), mean.view(shape), variance.view(shape)

    def _by_reduction(self, x_NCHW: Tensor, n_calls: int) -> tuple[Tensor, Tensor, Tensor]:
        x_BKCHW = x_NCHW.unflatten(0, (-1, n_calls)).to(self.weight.dtype)
        variance, mean = torch.var_mean(x_BKCHW, dim=(0, 3, 4), correction=0, keepdim=True)
        scale = self.weight.view(1, 1, -1, 1, 1) * torch.rsqrt(variance + self.eps)
        normalised = x_BKCHW * scale + (self.bias.view(1, 1, -1, 1, 1) - mean * scale)
        n = x_BKCHW.shape[0] * x_BKCHW.shape[3] * x_BKCHW.shape[4]
        unbiased = variance.detach()[0, :, :, 0, 0] * (n / (n - 1))
        return normalised.flatten(0, 1).to(x_NCHW.dtype), mean.detach()[0, :, :, 0, 0], unbiased

    def _over_processes(
        self, x_NCHW: Tensor, n_calls: int, add_up: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """With the statistics of all processes' windows, of which this one has B, another one perhaps more or fewer."""
        x_BKCHW = x_NCHW.unflatten(0, (-1, n_calls)).to(self.weight.dtype)
        count = x_BKCHW.new_full((1,), x_NCHW.numel() / (n_calls * self.num_features))
        summed = add_up(torch.cat([x_BKCHW.sum(dim=(0, 3, 4)).flatten(), count]))
        n = summed[-1].detach()
        mean_KC = (summed[:-1] / n).view(n_calls, self.num_features)
        centred = x_BKCHW - mean_KC[:, :, None, None]
        variance_KC = add_up(centred.square().sum(dim=(0, 3, 4))) / n
        scale_KC = self.weight * torch.rsqrt(variance_KC + self.eps)
        normalised = centred * scale_KC[:, :, None, None] + self.bias[:, None, None]
        unbiased = variance_KC.detach() * (n / (n - 1))
        return normalised.flatten(0, 1).to(x_NCHW.dtype), mean_KC.detach(), unbiased

    @torch.no_grad()
    def _follow(self, mean_KC: Tensor, variance_KC: Tensor) -> None:
        """Running averages after K updates in order: r ← (1 - m) r + m s_k, for k = 0..K-1, in closed form."""
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        n_calls, kept = len(mean_KC), 1.0 - self.momentum
        # Made on the device, for a copy from the host would make it wait.
        later_K = torch.arange(n_calls - 1, -1, -1, dtype=torch.float64, device=mean_KC.device)
        shares_K = (self.momentum * kept**later_K).to(mean_KC.dtype)
        # Not as matrix products, which autocast would compute in fewer digits.
        self.running_mean.mul_(kept**n_calls).add_((shares_K[:, None] * mean_KC).sum(0))
        self.running_var.mul_(kept**n_calls).add_((shares_K[:, None] * variance_KC).sum(0))
        self.num_batches_tracked += n_calls
