"""What a training must remember to continue bit for bit, as named tensors and JSON facts."""

from typing import Any

import torch
from torch import Tensor, nn

from pipeline_lib.training.checkpoint import Checkpoint

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def capture(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    extra: dict[str, Tensor],
    facts: dict[str, Any],
) -> Checkpoint:
    """Weights, Adam's moments, the scaler, PyTorch's generators and `extra`, copied to the CPU."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for moment, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{moment}.{name}"] = value
    tensors["generator.cpu"] = torch.get_rng_state()
    if (device := next(model.parameters()).device).type == "cuda":
        tensors["generator.cuda"] = torch.cuda.get_rng_state(device)
    for name, tensor in extra.items():
        tensors[f"extra.{name}"] = tensor
    # Stored in plain order, whatever order the device keeps them in.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    return Checkpoint(copies, {**facts, "scaler": scaler.state_dict()})


def restore(
    checkpoint: Checkpoint,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    extra: dict[str, Tensor],
) -> None:
    """Put a captured state back, in place; raises ValueError where it does not fit the model."""
    tensors = checkpoint.tensors
    weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the checkpoint does not fit the model: {error}") from error
    for name, parameter in model.named_parameters():
        if f"optimiser.step.{name}" in tensors:
            optimiser.state[parameter] = {
                moment: _placed(tensors[f"optimiser.{moment}.{name}"], parameter) for moment in _MOMENTS
            }
    torch.set_rng_state(tensors["generator.cpu"])
    if "generator.cuda" in tensors and (device := next(model.parameters()).device).type == "cuda":
        torch.cuda.set_rng_state(tensors["generator.cuda"], device)
    for name, tensor in extra.items():
        tensor.copy_(tensors[f"extra.{name}"])
    scaler.load_state_dict(checkpoint.facts["scaler"])


def non_finite(checkpoint: Checkpoint) -> list[str]:
    """Names of weights and moments that hold a NaN or an infinity."""
    return [
        name
        for name, tensor in checkpoint.tensors.items()
        if name.startswith(("model.", "optimiser.")) and tensor.is_floating_point() and not tensor.isfinite().all()
    ]


def _placed(value: Tensor, parameter: Tensor) -> Tensor:
    """A copy on the parameter's device, in its memory format where it has its shape."""
    like = torch.empty_like(parameter, dtype=value.dtype) if value.shape == parameter.shape else None
    return value.to(parameter.device, copy=True) if like is None else like.copy_(value)
