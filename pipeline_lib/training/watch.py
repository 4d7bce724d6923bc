"""What a training keeps on the device about itself and reads at the logging interval: loss sums, the NaN latch."""

import torch
from torch import Tensor

MAX_CONSECUTIVE_SKIPS = 50


class TrainingDivergedError(RuntimeError):
    """The losses or gradients are no longer finite; the message names the step."""


class DeviceWatch:
    """Loss sums and failure flags, updated without a host synchronisation.

    In fp16 the scaler skips steps whose gradients overflow: they are counted, and `MAX_CONSECUTIVE_SKIPS` in a row
    are an error. In the other precisions the first non-finite loss is latched with its step.
    """

    def __init__(self, term_names: list[str], device: torch.device, scaled: bool) -> None:
        self.term_names = term_names
        self._scaled = scaled
        self.tensors: dict[str, Tensor] = {
            "sums": torch.zeros(len(term_names) + 1, dtype=torch.float64, device=device),
            "count": torch.zeros((), dtype=torch.int64, device=device),
            "first_bad": torch.full((), -1, dtype=torch.int64, device=device),
            "skipped": torch.zeros((), dtype=torch.int64, device=device),
            "skipped_in_a_row": torch.zeros((), dtype=torch.int64, device=device),
            "most_skipped_in_a_row": torch.zeros((), dtype=torch.int64, device=device),
        }

    def update(self, iteration: int, total: Tensor, terms: dict[str, Tensor], overflowed: Tensor | None) -> None:
        """Take in one step's losses (detached scalars); `overflowed` is the flag of a skipped fp16 step."""
        state = self.tensors
        values = torch.stack([total, *(terms[name] for name in self.term_names)]).double()
        if overflowed is not None:
            state["skipped"] += overflowed
            state["skipped_in_a_row"].copy_(torch.where(overflowed, state["skipped_in_a_row"] + 1, 0))
            torch.maximum(state["most_skipped_in_a_row"], state["skipped_in_a_row"], out=state["most_skipped_in_a_row"])
            bad = state["most_skipped_in_a_row"] >= MAX_CONSECUTIVE_SKIPS
            values = torch.where(overflowed, torch.zeros_like(values), values)
            state["count"] += ~overflowed
        else:
            bad = ~torch.isfinite(total)
            state["count"] += 1
        state["sums"] += values
        first = state["first_bad"]
        first.copy_(torch.where((first < 0) & bad, iteration, first))

    def read(self) -> tuple[dict[str, float], int]:
        """Mean loss and terms since the last reset, and the number of skipped steps. Raises where the latch is set."""
        self.check()
        count = max(int(self.tensors["count"]), 1)
        means = (self.tensors["sums"] / count).tolist()
        return dict(zip(["loss", *self.term_names], means, strict=True)), int(self.tensors["skipped"])

    def reset(self) -> None:
        """Begin a new interval."""
        self.tensors["sums"].zero_()
        self.tensors["count"].zero_()

    def check(self) -> None:
        """Raise TrainingDivergedError where the latch is set."""
        step = int(self.tensors["first_bad"])
        if step < 0:
            return
        if self._scaled:
            raise TrainingDivergedError(
                f"{MAX_CONSECUTIVE_SKIPS} fp16 steps in a row overflowed, the last at iteration {step}; "
                "use bf16 or float32, or lower the learning rate"
            )
        raise TrainingDivergedError(f"the loss was not finite at iteration {step}")
