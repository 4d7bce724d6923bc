"""The integrator: one forward Euler step of the dynamic code per application (PDE paper, section 3.2)."""

import torch
from torch import Tensor, nn

from pipeline_lib.models.linear import Linear


class ResidualMlp(nn.Module):
    """x + MLP(x) with two hidden layers."""

    def __init__(self, code_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Linear(code_size, hidden_size),
            nn.ReLU(),
            Linear(hidden_size, hidden_size),
            nn.ReLU(),
            Linear(hidden_size, code_size),
        )

    def forward(self, code_BD: Tensor) -> Tensor:
        return code_BD + self.layers(code_BD)


class VectorIntegrator(nn.Module):
    """`n_blocks` residual blocks; one application advances the dynamic code by one time step."""

    def __init__(self, code_size: int, hidden_size: int, n_blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ResidualMlp(code_size, hidden_size) for _ in range(n_blocks)))

    def forward(self, dynamic_code_BD: Tensor) -> Tensor:
        """T_t (B, D) → T_{t+1} (B, D)."""
        return self.blocks(dynamic_code_BD)

    def trajectory(self, dynamic_code_BD: Tensor, n_steps: int) -> Tensor:
        """T_0 (B, D) → (B, n_steps, D): T_0 itself, then n_steps - 1 applications."""
        codes = [dynamic_code_BD]
        for _ in range(n_steps - 1):
            codes.append(self(codes[-1]))
        return torch.stack(codes, dim=1)
