"""What is said where memory does not suffice: of which device, how full it is, and what to try."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pipeline_lib.runtime import device as devices

# What PyTorch's allocator of the CPU and CUDA's libraries say in a plain RuntimeError.
SAID_OF_MEMORY = ("DefaultCPUAllocator", "_ALLOC_FAILED")
GIB = 2**30


class NotEnoughMemoryError(RuntimeError):
    """The memory of the device, or of the machine, did not suffice; the message says what to change."""


@contextmanager
def memory_explained(device: torch.device, doing: str, sizes: str, advice: str) -> Iterator[None]:
    """Turn an error about memory into a NotEnoughMemoryError that names the device and its memory.

    doing: what the block does ("training"). sizes: the settings that memory depends on, with their values. advice:
    which of them to change, and to what.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_about_memory(error):
            raise
        said = str(error).strip().splitlines()
        raise NotEnoughMemoryError(
            f"out of memory while {doing}: {_memory(device)}, {sizes}; {advice} "
            f"({said[0] if said else type(error).__name__})"
        ) from error


def is_about_memory(error: BaseException) -> bool:
    """Whether PyTorch or Python reports by this error that memory could not be had."""
    if isinstance(error, NotEnoughMemoryError):
        return False
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in SAID_OF_MEMORY)
    )


def _memory(device: torch.device) -> str:
    used, total = devices.memory(device)
    of = devices.describe(device) if device.type == "cuda" else "the CPU"
    return f"{of} had {used / GIB:.1f} of {total / GIB:.1f} GiB in use"
