"""The integrator: one forward Euler step of the dynamic code per application (PDE paper, section 3.2)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.models.linear import Linear
from pipeline_lib.models.pde.dcgan import ConvBlock


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


class ResidualConvolution(nn.Module):
    """x + two 3x3 convolution blocks and a 3x3 convolution with BatchNorm, for codes that keep a grid.

    Each call normalises with the statistics of its own batch, which are those of one time step: steps follow each
    other, so there are no calls to be done at once.
    """

    def __init__(self, code_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBlock(nn.Conv2d(code_size, hidden_size, 3, padding=1)),
            ConvBlock(nn.Conv2d(hidden_size, hidden_size, 3, padding=1)),
            nn.Conv2d(hidden_size, code_size, 3, padding=1),
            BatchNorm2d(code_size),
        )

    def forward(self, code_BDHW: Tensor) -> Tensor:
        return code_BDHW + self.layers(code_BDHW)


class Integrator(nn.Module):
    """Residual blocks one after the other; one application advances the dynamic code by one time step."""

    def __init__(self, blocks: Iterable[ResidualMlp | ResidualConvolution]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, dynamic_code_BD: Tensor) -> Tensor:
        """T_t (B, D, …) → T_{t+1} (B, D, …)."""
        return self.blocks(dynamic_code_BD)

    def trajectory(self, dynamic_code_BD: Tensor, n_steps: int) -> Tensor:
        """T_0 (B, D, …) → (B, n_steps, D, …): T_0 itself, then n_steps - 1 applications.

        Under autocast too, steps are added up in float32: small ones would vanish in fewer digits.
        """
        codes = [dynamic_code_BD.to(torch.promote_types(dynamic_code_BD.dtype, torch.float32))]
        for _ in range(n_steps - 1):
            codes.append(self(codes[-1]))
        return torch.stack(codes, dim=1)


def build(settings: PdeSettings) -> Integrator:
    """The integrator for codes of the encoder's kind."""
    block = ResidualConvolution if settings.codes_keep_grid else ResidualMlp
    sizes = (settings.code_size_dynamic, settings.integrator_hidden_size)
    return Integrator(block(*sizes) for _ in range(settings.integrator_n_blocks))
