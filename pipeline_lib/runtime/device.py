"""Device and arithmetic of a computation."""

import os
import resource
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

MEMINFO = Path("/proc/meminfo")


def choose_device(name: str, rank: int = 0, n_processes: int = 1) -> torch.device:
    """`auto` takes CUDA if there is one, else the CPU; a device that is asked for and missing is an error.

    Where a training has several processes, process `rank` takes the GPU of that number, of those that it may use.
    """
    if n_processes > 1 and name != "cpu" and (name == "cuda" or torch.cuda.is_available()):
        if (count := torch.cuda.device_count()) < n_processes:
            raise ValueError(
                f"training.n_processes is {n_processes}, and PyTorch sees {count} CUDA devices, where each needs one; "
                f"set training.n_processes to {max(count, 1)}, or training.device to cpu"
            )
        return torch.device("cuda", rank)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(
                f"device {name} was asked for, but PyTorch {torch.__version__} sees no CUDA device; "
                "set device to auto or cpu"
            )
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise ValueError(
                f"device {name} was asked for, but there are only {torch.cuda.device_count()} CUDA devices"
            )
    return device


def describe(device: torch.device) -> str:
    """A sentence's worth of the device: GPU name or CPU threads."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"


def memory(device: torch.device) -> tuple[int, int]:
    """Memory in use and all there is [bytes]: of a GPU, or of this machine (where it is not Linux: in use by us)."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return total - free, total
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if not MEMINFO.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, total
    lines = MEMINFO.read_text().splitlines()
    available = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return total - available, total


def on_device(values: np.ndarray, device: torch.device) -> Tensor:
    """Values on a device. A GPU is not waited for: they go through pinned memory, in the order of its work."""
    tensor = torch.from_numpy(values)
    if device.type == "cuda" and tensor.numel() > 0:
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def configure(device: torch.device, n_threads: int, deterministic: bool = False, tf32: bool = False) -> None:
    """Set the process's threads, PyTorch's determinism, and whether a GPU rounds the inputs of float32 products to
    TF32: of matrix products, and of convolutions and recurrences, where PyTorch would by itself.

    Call before anything is computed.
    """
    torch.set_num_threads(n_threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    if deterministic and device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
