"""Arithmetic of the networks: float32, or autocast to bf16 or fp16 (fp16 with a gradient scaler)."""

from contextlib import AbstractContextManager, nullcontext

import torch

AUTOCAST_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(name: str, device: torch.device) -> str:
    """`auto`: bf16 on a GPU that has it, fp16 on an older one, float32 on a CPU."""
    if name != "auto":
        return name
    if device.type != "cuda":
        return "float32"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Context in which the networks compute."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=AUTOCAST_DTYPES[precision])


def gradient_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """Scaler for fp16 gradients; disabled, and free, for the others."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
