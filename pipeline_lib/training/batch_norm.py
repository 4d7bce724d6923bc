"""BatchNorm over the windows of all processes of a training."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.runtime.ranks import Ranks


def synchronise(model: nn.Module, ranks: Ranks) -> None:
    """Let every BatchNorm of the model normalise with the statistics of all ranks' windows; weights keep their names.

    Raises ValueError where a network has its own kind, as those of the PDE model that normalise call by call.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.modules.batchnorm._BatchNorm):
                continue
            if type(child) is not nn.BatchNorm2d:
                raise ValueError(
                    f"training.batch_norm synchronised: this model normalises by {type(child).__name__}, which keeps "
                    "statistics of every call of a network by itself, and these are not shared among processes; "
                    "set training.batch_norm to per_rank, or training.n_processes to 1"
                )
            setattr(parent, name, SynchronisedBatchNorm2d(child, ranks))


def check_parts(settings: TrainingSettings, ranks: Ranks, n_windows: int) -> None:
    """Synchronised statistics need every rank at every part of a batch.

    Raises ValueError where some batch, such as the last of an epoch, leaves a rank with fewer parts than another.
    """
    full = min(settings.batch_size, n_windows)
    for size in (full, n_windows % full or full):
        parts = {len(torch.empty(n).chunk(settings.accumulation)) if n else 0 for n in ranks.sizes(size)}
        if len(parts) > 1:
            raise ValueError(
                f"training.batch_norm synchronised: a batch of {size} windows does not give each of {ranks.count} "
                f"processes as many parts (training.accumulation {settings.accumulation}); "
                "choose another training.batch_size, or training.batch_norm per_rank"
            )


class _SumOverRanks(torch.autograd.Function):
    """The loss is a sum over ranks, so what one rank's values do to it is the sum of what the sum does on each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.add_up([values])[0]

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Any) -> Any:
        return ctx.ranks.add_up([gradients[0]])[0], None  # type: ignore[attr-defined]


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` with the parameters and buffers of another, on batches whose windows lie with several ranks."""

    def __init__(self, other: nn.BatchNorm2d, ranks: Ranks) -> None:
        super().__init__(other.num_features, other.eps, other.momentum, other.affine, other.track_running_stats)
        self.ranks = ranks
        self.weight, self.bias = other.weight, other.bias
        for name, buffer in other.named_buffers():
            self.register_buffer(name, buffer)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape; N, which may differ from rank to rank, counts this rank's windows."""
        if not self.training:
            return super().forward(input)
        x_NCHW = input.to(self.weight.dtype)
        count = x_NCHW.new_full((1,), x_NCHW.numel() / self.num_features)
        summed = _SumOverRanks.apply(torch.cat([x_NCHW.sum(dim=(0, 2, 3)), count]), self.ranks)
        n = summed[-1].detach()
        mean_C = summed[:-1] / n
        centred_NCHW = x_NCHW - mean_C.view(1, -1, 1, 1)
        variance_C = _SumOverRanks.apply(centred_NCHW.square().sum(dim=(0, 2, 3)), self.ranks) / n
        self._follow(mean_C.detach(), variance_C.detach() * (n / (n - 1)))
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        normalised = centred_NCHW * scale_C.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean_C: Tensor, variance_C: Tensor) -> None:
        """The running averages, which are the same on every rank."""
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(variance_C, self.momentum)
        self.num_batches_tracked += 1
