"""Arithmetic of the networks: float32, on a GPU with products in TF32 or without, or autocast to bf16 or fp16."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

AUTOCAST_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(name: str, device: torch.device) -> str:
    """`auto`: bf16 on a GPU that has it, fp16 on an older one, float32 on a CPU. ValueError for tf32 without a GPU."""
    if name == "tf32" and device.type != "cuda":
        raise ValueError("training.precision: tf32 is an arithmetic of GPUs; on a CPU, set it to float32 or bf16")
    if name != "auto":
        return name
    if device.type != "cuda":
        return "float32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Context in which the networks compute."""
    if precision not in AUTOCAST_DTYPES:
        return nullcontext()
    return torch.autocast(device.type, dtype=AUTOCAST_DTYPES[precision])


def gradient_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """Scaler for fp16 gradients; disabled, and free, for the others."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


@contextmanager
def tf32_products(allowed: bool) -> Iterator[None]:
    """Whether GPUs round the inputs of float32 matrix products to TF32, and back to what it was."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
