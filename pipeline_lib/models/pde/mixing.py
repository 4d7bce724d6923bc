"""How the decoder's input is made of the static and the dynamic code: vectors (B, D), or grids (B, D, H, W)."""

import torch
from torch import Tensor


def concatenate(static_code_BD: Tensor, dynamic_code_BTD: Tensor) -> Tensor:
    """[S, T]: (B, Ds, …), (B, T, Dt, …) → (B, T, Ds + Dt, …)."""
    n_videos, *code_shape = static_code_BD.shape
    static_code_BTD = static_code_BD.unsqueeze(1).expand(n_videos, dynamic_code_BTD.shape[1], *code_shape)
    return torch.cat([static_code_BTD, dynamic_code_BTD], dim=2)


def multiply(static_code_BD: Tensor, dynamic_code_BTD: Tensor) -> Tensor:
    """S · T: (B, D, …), (B, T, D, …) → (B, T, D, …)."""
    return static_code_BD.unsqueeze(1) * dynamic_code_BTD


MIXINGS = {"concat": concatenate, "mul": multiply}
