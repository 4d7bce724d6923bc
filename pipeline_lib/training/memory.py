"""What a training says where its memory does not suffice: of which device, how full it is, and what to try."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pipeline_lib.config.training import TrainingSettings
from pipeline_lib.runtime import device as devices

# What PyTorch's allocator of the CPU and CUDA's libraries say in a plain RuntimeError.
SAID_OF_MEMORY = ("DefaultCPUAllocator", "_ALLOC_FAILED")
GIB = 2**30


class TrainingOutOfMemoryError(RuntimeError):
    """The memory of the device, or of the machine, did not suffice; the message says what to change."""


@contextmanager
def memory_explained(settings: TrainingSettings, device: torch.device, doing: str, advice: str) -> Iterator[None]:
    """Turn an error about memory into a TrainingOutOfMemoryError that names the device, its memory and the batch.

    doing: what the block does ("training"). advice: which setting to change, and to what.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_about_memory(error):
            raise
        raise TrainingOutOfMemoryError(
            f"out of memory while {doing}: {_memory(device)}, training.batch_size {settings.batch_size}, "
            f"training.accumulation {settings.accumulation}"
            + (f", training.n_processes {settings.n_processes}" if settings.n_processes > 1 else "")
            + f"; {advice} ({str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__})"
        ) from error


def is_about_memory(error: BaseException) -> bool:
    """Whether PyTorch or Python reports by this error that memory could not be had."""
    if isinstance(error, TrainingOutOfMemoryError):
        return False
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in SAID_OF_MEMORY)
    )


def smaller_parts(settings: TrainingSettings) -> str:
    """The accumulation whose parts have at most half as many windows: a divisor of what one process has of a batch.

    Parts of a single window are left out, because BatchNorm can't normalise them. Where nothing is left, a smaller
    batch is named, and with a batch of one window fewer frames at a time.
    """
    n_windows = -(-settings.batch_size // settings.n_processes)
    for accumulation in range(2 * settings.accumulation, n_windows // 2 + 1):
        if n_windows % accumulation == 0:
            return (
                f"try training.accumulation {accumulation} (parts of {n_windows // accumulation} windows; it is a run "
                "of its own and begins anew)"
            )
    if settings.batch_size > settings.n_processes:
        return f"try training.batch_size {settings.batch_size // 2} (which changes what is trained), or a GPU with more"
    return "try training.frames_per_decoder_call 1, a smaller model, or a GPU with more"


def _memory(device: torch.device) -> str:
    used, total = devices.memory(device)
    of = devices.describe(device) if device.type == "cuda" else "the CPU"
    return f"{of} had {used / GIB:.1f} of {total / GIB:.1f} GiB in use"
