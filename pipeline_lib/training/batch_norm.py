"""BatchNorm over the windows of all processes of a training."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.models.protocols import DecodesInCalls, SharedStatistics
from pipeline_lib.runtime.ranks import Ranks


def synchronise(model: nn.Module, ranks: Ranks, settings: TrainingSettings) -> None:
    """Let every BatchNorm of the model normalise with the statistics of all ranks' windows.

    As they are summed call by call, all ranks make the same calls, as the one with most windows in a part would.

    Raises ValueError where a network has a kind that can't.
    """
    if isinstance(model, DecodesInCalls):
        model.most_windows = -(-max(ranks.sizes(settings.batch_size)) // settings.accumulation)
    for module in model.modules():
        if isinstance(module, SharedStatistics):
            module.add_up = partial(_sum_over, ranks)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"training.batch_norm synchronised: this model normalises by {type(module).__name__}, whose statistics "
                "are not shared among processes; set training.batch_norm to per_rank, or training.n_processes to 1"
            )


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


def _sum_over(ranks: Ranks, values: Tensor) -> Tensor:
    summed: Tensor = _SumOverRanks.apply(values, ranks)
    return summed


class _SumOverRanks(torch.autograd.Function):
    """The loss is a sum over ranks, so what one rank's values do to it is the sum of what the sum does on each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.add_up([values])[0]

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Any) -> Any:
        return ctx.ranks.add_up([gradients[0]])[0], None  # type: ignore[attr-defined]
