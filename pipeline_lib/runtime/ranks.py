"""Several processes that train one model: which of a batch's windows are whose, and sums over all of them.

Ranks meet through a file, and talk over the loopback interface or among GPUs: nothing listens beyond this machine.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed

TIMEOUT = timedelta(minutes=30)
"""How long a rank waits for the others: longer than the first takes to validate, draw and save."""


class RanksLostError(RuntimeError):
    """Another rank is gone, or did not answer in time; why is that one's to tell."""


@dataclass(frozen=True)
class Ranks:
    """This process's place among `count`; a training of one process is the only, first one."""

    rank: int = 0
    count: int = 1

    @property
    def is_several(self) -> bool:
        return self.count > 1

    def share(self, ids: np.ndarray) -> np.ndarray:
        """This rank's part of a batch's windows, in order; sizes differ by one at most, and can be 0."""
        return np.array_split(ids, self.count)[self.rank]

    def sizes(self, n_windows: int) -> list[int]:
        """How many of a batch's windows each rank has."""
        return [len(part) for part in np.array_split(np.arange(n_windows), self.count)]

    def add_up(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Sums over all ranks, the same bits on each, by one call: tensors of the shapes of `tensors`."""
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        try:
            distributed.all_reduce(flat)
        except RuntimeError as error:
            raise RanksLostError(f"process {self.rank} of {self.count} has lost the others: {error}") from error
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def join(rank: int, count: int, meeting: Path, device: torch.device) -> Ranks:
    """Wait until `count` ranks have met at a file that none of them needs to have made; NCCL on GPUs, gloo on the CPU.

    Raises RanksLostError where they don't come.
    """
    for library in ("GLOO", "NCCL"):
        os.environ[f"{library}_SOCKET_IFNAME"] = _loopback()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=distributed.FileStore(str(meeting), count),
            rank=rank,
            world_size=count,
            timeout=TIMEOUT,
        )
    except RuntimeError as error:
        raise RanksLostError(f"process {rank} of {count} did not find the others: {error}") from error
    return Ranks(rank, count)


def _loopback() -> str:
    """Its name: lo on Linux, lo0 on macOS."""
    return next(name for _, name in socket.if_nameindex() if name in ("lo", "lo0"))
