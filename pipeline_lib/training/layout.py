"""Switches that change how the networks are computed, not what: memory format and compilation."""

import os
import shutil

import torch
from torch import nn

from pipeline_lib.config.training import TrainingSettings

COMPILERS = ("g++", "clang++", "c++", "icpx")


def lay_out(model: nn.Module, settings: TrainingSettings, device: torch.device) -> nn.Module:
    """Put the model's weights into channels_last, and let its networks be compiled at their first call, as asked.

    Returns the model. Names and values of the weights stay as they are. Raises ValueError where there is no compiler.
    """
    if settings.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if settings.compile:
        if device.type == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", ""), *COMPILERS))):
            raise ValueError(
                "training.compile: PyTorch compiles for a CPU with a C++ compiler, and there is none on this machine "
                f"(looked for CXX and {', '.join(COMPILERS)}); install one, or set training.compile to false"
            )
        for network in model.children():
            network.compile()
    return model
