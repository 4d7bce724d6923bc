"""The steps of a training: everything that changes the weights, which each of its processes does."""

import time
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.data.protocols import WindowBatches
from pipeline_lib.models.protocols import Trainable
from pipeline_lib.runtime.memory import memory_explained
from pipeline_lib.runtime.precision import autocast, gradient_scaler
from pipeline_lib.runtime.ranks import Ranks
from pipeline_lib.runtime.seeding import seed_torch
from pipeline_lib.training.batch_norm import check_parts
from pipeline_lib.training.checkpoint import CheckpointStore
from pipeline_lib.training.memory import batch_sizes, smaller_parts
from pipeline_lib.training.recorded_steps import Losses, recorder
from pipeline_lib.training.schedule import Budget, EpochPlan, learning_rate
from pipeline_lib.training.state import restore
from pipeline_lib.training.watch import DeviceWatch


@dataclass(kw_only=True)
class Steps:
    """One Adam over all networks, from the newest checkpoint if there is one. The weights are drawn already.

    Where a training has several processes, each takes its share of every batch, and the sums over all of them of
    gradients and losses are the whole batch's; so weights, moments, and what `watch` knows, are the same on each, and
    only the first needs to record anything. They are summed by one call after the backward pass, and not by
    DistributedDataParallel: it wraps `forward`, while a model is trained by its `loss_terms`; its mean over processes
    is not the batch's where shares differ; losses travel in the same call; and small networks leave little to overlap.
    """

    model: nn.Module
    data: WindowBatches
    settings: TrainingSettings
    seed: int
    precision: str
    device: torch.device
    store: CheckpointStore
    ranks: Ranks = field(default_factory=Ranks)

    def __post_init__(self) -> None:
        assert isinstance(self.model, Trainable)
        self.budget = Budget.of(self.settings, self.data.n_windows)
        if self.settings.batch_norm == "synchronised":
            check_parts(self.settings, self.ranks, self.data.n_windows)
        self.weights = self.model.loss_weights()
        self._recorder = recorder(self.settings.cuda_graphs, self.precision, self.device)
        self.optimiser = self._adam()
        self.scaler = gradient_scaler(self.precision, self.device)
        self.watch = DeviceWatch(list(self.weights), self.device, scaled=self.scaler.is_enabled())
        self.iteration = 0
        self.seconds_before = 0.0
        self._data_seconds = 0.0
        self._scheduled: dict[str, float] = {}
        self._plan: EpochPlan | None = None

    def _adam(self) -> torch.optim.Adam:
        adam = self.settings.optimiser
        return torch.optim.Adam(
            self.model.parameters(),
            lr=adam.learning_rate,
            betas=(adam.beta1, adam.beta2),
            eps=adam.eps,
            fused=True,
            capturable=self._recorder is not None,
        )

    def restore(self) -> bool:
        """Continue from the newest whole checkpoint; False where there is none."""
        checkpoint = self.store.load()
        if checkpoint is None:
            return False
        facts = checkpoint.facts
        if facts["precision"] != self.precision:
            raise ValueError(
                f"{self.store.folder}: this training was begun in {facts['precision']} and can't go on in "
                f"{self.precision}; set training.precision to {facts['precision']}, or start it anew by another seed"
            )
        restore(checkpoint, self.model, self.optimiser, self.scaler, self.watch.tensors)
        self.iteration = facts["iteration"]
        self.seconds_before = facts["seconds"]
        return True

    def run(self) -> None:
        """Take all steps to the end of the budget and record nothing, as all processes but the first do."""
        self.model.train()
        self.meet()
        while self.iteration < self.budget.iterations:
            self.step()

    def meet(self) -> None:
        """Wait for the other processes, and make sure that all begin with the same weights at the same iteration.

        So none still reads a checkpoint when the first writes the next. Raises ValueError where they differ.
        """
        if not self.ranks.is_several:
            return
        total = torch.stack([parameter.detach().double().sum() for parameter in self.model.parameters()]).sum()
        own = torch.stack([torch.full_like(total, self.iteration), total])
        (sums,) = self.ranks.add_up([own])
        if not torch.allclose(sums, own * self.ranks.count, rtol=1e-12, atol=0):
            raise ValueError(
                f"process {self.ranks.rank} of {self.ranks.count} began with other weights than the others, at "
                f"iteration {self.iteration}: was {self.store.folder} changed meanwhile?"
            )

    def step(self) -> None:
        """One iteration. Raises NotEnoughMemoryError, which names what to change."""
        with memory_explained(self.device, "training", batch_sizes(self.settings), smaller_parts(self.settings)):
            self._step()
        self.iteration += 1

    def _step(self) -> None:
        epoch, position = divmod(self.iteration, self.budget.iterations_per_epoch)
        self._enter_epoch(epoch)
        assert self._plan is not None
        self._scheduled = self.model.at_iteration(self.iteration + 1)  # type: ignore[operator]
        ids = self._plan.window_ids(position)
        if self.ranks.is_several:
            # Each process has noise of its own, and none of it has to be saved.
            seed_torch(self.seed, "noise", self.iteration, self.ranks.rank)
        own = self.ranks.share(ids)
        before = time.monotonic()
        video_BTCHW = self.data.batch(epoch, own) if len(own) else None
        self._data_seconds += time.monotonic() - before
        drawn = self._plan.draw(position)
        if self._recorder is not None and video_BTCHW is not None:
            work = partial(self._update, drawn=drawn, n_windows=len(ids))
            losses = self._recorder.take(drawn, video_BTCHW, work, before_recording=self.optimiser.zero_grad)
        else:
            losses = self._update(video_BTCHW, drawn, len(ids))
        self.watch.update(self.iteration, *losses)

    def _update(self, video_BTCHW: Tensor | None, drawn: int, n_windows: int) -> Losses:
        """What changes the weights, from the batch on."""
        total, terms = self._backward(video_BTCHW, drawn, n_windows)
        overflowed = self._unscale_and_clip()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return total, terms, overflowed

    def _backward(
        self, video_BTCHW: Tensor | None, drawn: int, n_windows: int | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradients of the mean loss, or of its sum where that is the model's objective, in `accumulation` parts.

        video: this process's share of a batch of `n_windows` (None: it has them all); None: it has no window of it.
        Returns the mean loss of the batch and its terms, detached.
        """
        self.optimiser.zero_grad(set_to_none=True)
        total_sum: Tensor | None = None
        term_sums: dict[str, Tensor] = {}
        parts = () if video_BTCHW is None else video_BTCHW.chunk(self.settings.accumulation)
        n_whole = n_windows or sum(map(len, parts))
        for part in parts:
            share = part.shape[0] / n_whole
            n_summed = n_whole * part[0].numel() if self.model.sums_batch else 1
            with autocast(self.precision, self.device):
                terms = self.model.loss_terms(part, drawn)  # type: ignore[operator]
            total = torch.stack([weight * terms[name] for name, weight in self.weights.items()]).sum() * share
            self.scaler.scale(total * n_summed).backward()
            total_sum = total.detach() if total_sum is None else total_sum + total.detach()
            for name in self.weights:
                value = terms[name].detach() * share
                term_sums[name] = term_sums[name] + value if name in term_sums else value
        if total_sum is None:
            total_sum = torch.zeros((), device=self.device)
            term_sums = dict.fromkeys(self.weights, total_sum)
            self.scaler.scale(total_sum)  # which makes the scale where there is none yet
        return self._over_ranks(total_sum, term_sums) if self.ranks.is_several else (total_sum, term_sums)

    def _over_ranks(self, total: Tensor, terms: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradients and losses of the whole batch, from the processes' shares of them."""
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        losses = torch.stack([total, *(terms[name] for name in self.weights)])
        *summed, losses = self.ranks.add_up([*gradients, losses])
        for parameter, gradient, whole in zip(parameters, gradients, summed, strict=True):
            # In the parameter's own memory format, which the optimiser wants.
            parameter.grad = whole if parameter.is_contiguous() else gradient.copy_(whole)
        return losses[0], dict(zip(self.weights, losses[1:], strict=True))

    def _unscale_and_clip(self) -> Tensor | None:
        """Clip the gradient if asked; in fp16 returns the flag of a step that overflowed (on the device)."""
        limit = self.settings.gradient_clip_norm
        if limit is None and not self.scaler.is_enabled():
            return None
        self.scaler.unscale_(self.optimiser)
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if limit is not None:
            torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), limit, norm)
        return ~torch.isfinite(norm) if self.scaler.is_enabled() else None

    def _enter_epoch(self, epoch: int) -> None:
        if self._plan is not None and self._plan.epoch == epoch:
            return
        self._plan = EpochPlan(
            self.seed,
            epoch,
            self.data.n_windows,
            self.settings.batch_size,
            self.model.draw_range(),  # type: ignore[operator]
        )
        rate = learning_rate(self.settings.optimiser, epoch)
        for group in self.optimiser.param_groups:
            if self._recorder is not None and group["lr"] != rate:
                self._recorder.forget()
            group["lr"] = rate
