"""vgg encoder and decoder for 32x32 and 64x64 frames (PDE paper, appendix on architectures).

Rows of every call are ordered (b, call): see `BatchNorm2d`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.models.pde.dcgan import ConvBlock, PointBlock, _beside

CODE_SIDE = 4
"""Side of the features that the last convolution brings to one pixel."""


class Stage(nn.ModuleList):
    """3x3 convolution blocks that keep the size of the frame, one after the other."""

    def __init__(self, *widths: int) -> None:
        """widths: channels of the input, then of each block's output."""
        super().__init__(
            ConvBlock(nn.Conv2d(n_in, n_out, 3, padding=1)) for n_in, n_out in zip(widths, widths[1:], strict=False)
        )

    def forward(self, x_NCHW: Tensor, n_calls: int) -> Tensor:
        for block in self:
            x_NCHW = block(x_NCHW, n_calls)
        return x_NCHW


class VggEncoder(nn.Module):
    """Four stages of 3x3 convolutions with max pooling between them, then a 4x4 convolution to the code."""

    def __init__(self, n_channels: int, width: int, code_size: int, side: int) -> None:
        """n_channels: of all conditioning frames together. width: channels of the first stage. side: 32 or 64."""
        super().__init__()
        self.stages = nn.ModuleList(
            [
                Stage(n_channels, width, width),
                Stage(width, 2 * width, 2 * width),
                Stage(2 * width, 4 * width, 4 * width, 4 * width),
                Stage(4 * width, 8 * width, 8 * width, 8 * width),
            ]
        )
        self.pools_at_the_end = side == 64
        self.output = nn.Conv2d(8 * width, code_size, CODE_SIDE)
        self.norm = BatchNorm2d(code_size)

    def forward(self, window_NTCHW: Tensor, n_calls: int = 1) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, n_cond, C, H, W) → code (N, code_size), and the outputs of the four stages, deepest first."""
        hidden = window_NTCHW.flatten(1, 2)
        features: list[Tensor] = []
        for stage in self.stages:
            hidden = stage(F.max_pool2d(hidden, 2) if features else hidden, n_calls)
            features.append(hidden)
        if self.pools_at_the_end:
            hidden = F.max_pool2d(hidden, 2)
        return self.norm(self.output(hidden), n_calls).flatten(1), tuple(reversed(features))


class VggDecoder(nn.Module):
    """A transposed convolution from 1x1 to 4x4, then four stages of 3x3 convolutions with upsampling between them."""

    def __init__(
        self, code_size: int, width: int, n_channels: int, side: int, with_skips: bool, activation: nn.Module
    ) -> None:
        """width: channels of the last stage. side: 32 or 64. with_skips: each stage takes its skip as well."""
        super().__init__()
        wider = 2 if with_skips else 1
        self.first = PointBlock(nn.ConvTranspose2d(code_size, 8 * width, CODE_SIDE))
        self.upsamples_first = side == 64
        self.stages = nn.ModuleList(
            [
                Stage(wider * 8 * width, 8 * width, 8 * width, 4 * width),
                Stage(wider * 4 * width, 4 * width, 4 * width, 2 * width),
                Stage(wider * 2 * width, 2 * width, width),
                Stage(wider * width, width),
            ]
        )
        self.output = nn.ConvTranspose2d(width, n_channels, 3, padding=1)
        self.activation = activation

    def forward(self, code_ND: Tensor, skips: Sequence[Tensor] = (), n_calls: int = 1) -> Tensor:
        """(N, code_size), skips (N / n_calls, …) deepest first → (N, C, side, side) in float32.

        The output layer is computed in float32 under autocast too.
        """
        hidden = self.first(code_ND[:, :, None, None], n_calls)
        rest = list(skips)
        for k, stage in enumerate(self.stages):
            if k > 0 or self.upsamples_first:
                hidden = F.interpolate(hidden, scale_factor=2, mode="nearest")
            hidden = stage(_beside(hidden, rest, n_calls), n_calls)
        with torch.autocast(code_ND.device.type, enabled=False):
            return self.activation(self.output(hidden.to(self.output.weight.dtype)))


def build_encoder(settings: PdeSettings, n_cond: int, frame_shape: tuple[int, int, int], code_size: int) -> VggEncoder:
    """An encoder of n_cond frames (C, 32, 32) or (C, 64, 64)."""
    n_channels, side, _ = frame_shape
    return VggEncoder(n_cond * n_channels, settings.encoder_hidden_size, code_size, side)


def build_decoder(
    settings: PdeSettings, frame_shape: tuple[int, int, int], code_size: int, activation: nn.Module
) -> VggDecoder:
    """A decoder of mixed codes to frames (C, 32, 32) or (C, 64, 64)."""
    n_channels, side, _ = frame_shape
    return VggDecoder(code_size, settings.decoder_hidden_size, n_channels, side, settings.use_skips, activation)
