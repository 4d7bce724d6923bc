"""Steps that a GPU records once and replays (CUDA graphs), where launching kernels is what bounds small networks.

A step is the same sequence of kernels at the same addresses for every batch of one shape and one drawn integer. What
else may differ from step to step has to be a tensor on the device: noise (PyTorch's generator moves on by itself in a
replay), weights, moments, and what a model's `at_iteration` changes.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Losses = tuple[Tensor, dict[str, Tensor], Tensor | None]
"""What a step tells: the loss, its terms, the flag of a step that overflowed."""
Work = Callable[[Tensor], Losses]
"""A step, from a batch on the device on."""


@dataclass(frozen=True)
class Recording:
    """A recorded step: `replay` takes it with what stands in the batch that it was recorded with."""

    replay: Callable[[], None]
    losses: Losses


class Graphs(Protocol):
    """How steps are recorded; a test has another way, for which no GPU is needed."""

    def run(self, work: Work, batch: Tensor) -> Losses: ...

    def record(self, work: Work, batch: Tensor) -> Recording: ...


class CudaGraphs:
    """Recordings on a stream of their own. One at a time is replayed, so that one pool of memory holds them all."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def run(self, work: Work, batch: Tensor) -> Losses:
        # On the stream of the recordings: backward passes remember the stream on which they first met a weight.
        current = torch.cuda.current_stream(batch.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            losses = work(batch)
        current.wait_stream(self._stream)
        return losses

    def record(self, work: Work, batch: Tensor) -> Recording:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            losses = work(batch)
        return Recording(graph.replay, losses)


class StepRecorder:
    """Takes steps: the first of a kind as it is, the second is recorded, and from then on the recording is replayed.

    The first lets libraries choose their algorithms and allocate, which can't be recorded. Either way a step does the
    same to weights, moments and generators.
    """

    def __init__(self, graphs: Callable[[], Graphs]) -> None:
        self._make_graphs = graphs
        self.forget()

    def forget(self) -> None:
        """Drop all recordings: something that is fixed in them changes, such as the learning rate."""
        self._graphs = self._make_graphs()
        self._batches: dict[tuple[int, ...], Tensor] = {}
        self._recordings: dict[Hashable, Recording | None] = {}

    def take(self, drawn: int, batch: Tensor, work: Work, before_recording: Callable[[], object]) -> Losses:
        """One step; its losses are good until the next.

        before_recording: lets go of the gradients, so that the step makes them anew, within the recording.
        """
        shape = tuple(batch.shape)
        if (drawn, shape) not in self._recordings:
            self._recordings[drawn, shape] = None
            return self._graphs.run(work, batch)
        if shape not in self._batches:
            self._batches[shape] = torch.empty_like(batch)
        recorded = self._batches[shape].copy_(batch)
        recording = self._recordings[drawn, shape]
        if recording is None:
            before_recording()
            recording = self._recordings[drawn, shape] = self._graphs.record(work, recorded)
        recording.replay()
        return recording.losses


def recorder(cuda_graphs: bool, precision: str, device: torch.device) -> StepRecorder | None:
    """A recorder where it is asked for and there is a GPU. Raises ValueError in fp16."""
    if not cuda_graphs or device.type != "cuda":
        return None
    if precision == "fp16":
        raise ValueError(
            "training.cuda_graphs: steps in fp16 can't be recorded, for one that overflows is skipped; "
            "set training.precision to bf16 or float32, or training.cuda_graphs to false"
        )
    return StepRecorder(lambda: CudaGraphs(device))
