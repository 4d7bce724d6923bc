"""Device and arithmetic of a computation."""

import os

import torch


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA if there is one, else the CPU; a device that is asked for and missing is an error."""
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


def configure(device: torch.device, n_threads: int, deterministic: bool) -> None:
    """Set the process's threads and PyTorch's determinism; call before anything is computed."""
    torch.set_num_threads(n_threads)
    if deterministic and device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
