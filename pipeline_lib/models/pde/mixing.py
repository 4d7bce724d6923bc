"""How the decoder's input is made of the static and the dynamic code."""

import torch
from torch import Tensor


def concatenate(static_code_BD: Tensor, dynamic_code_TBD: Tensor) -> Tensor:
    """[S, T]: (B, Ds), (T, B, Dt) → (T, B, Ds + Dt)."""
    return torch.cat([static_code_BD.expand(dynamic_code_TBD.shape[0], -1, -1), dynamic_code_TBD], dim=-1)


def multiply(static_code_BD: Tensor, dynamic_code_TBD: Tensor) -> Tensor:
    """S · T: (B, D), (T, B, D) → (T, B, D)."""
    return static_code_BD * dynamic_code_TBD


MIXINGS = {"concat": concatenate, "mul": multiply}
