"""Encoder and decoders for sea surface temperature, whose codes keep a grid (PDE paper, appendix on architectures).

Two max-poolings lie between a frame and its code: 64x64 pixels make a grid of 16x16. Widths are those of the paper;
only the sizes of the codes are settings. Rows of every call are ordered (b, call): see `BatchNorm2d`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.pde.dcgan import ConvBlock

SKIP_SIZES = (256, 128, 64)
"""Channels of the skips, deepest first."""


def convolution(n_in: int, n_out: int) -> nn.Conv2d:
    """3x3, as large as its input."""
    return nn.Conv2d(n_in, n_out, 3, padding=1)


class ConvStage(nn.ModuleList):
    """3x3 convolution blocks of the given numbers of channels, all at one resolution."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(ConvBlock(convolution(*pair)) for pair in zip(sizes, sizes[1:], strict=False))

    def forward(self, x_NCHW: Tensor, n_calls: int) -> Tensor:
        for block in self:
            x_NCHW = block(x_NCHW, n_calls)
        return x_NCHW


class SstEncoder(nn.Module):
    """Three stages with a pooling between them, then a convolution to the code without BatchNorm or activation."""

    def __init__(self, n_channels: int, code_size: int) -> None:
        """n_channels: of all conditioning frames together."""
        super().__init__()
        shallow, middle, deep = reversed(SKIP_SIZES)
        self.stages = nn.ModuleList(
            [
                ConvStage(n_channels, shallow, shallow),
                ConvStage(shallow, middle, middle),
                ConvStage(middle, deep, deep, deep),
            ]
        )
        self.last = ConvStage(deep, 2 * deep, code_size)
        self.output = convolution(code_size, code_size)

    def forward(self, window_NTCHW: Tensor, n_calls: int = 1) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, n_cond, C, H, W) → code (N, code_size, H / 4, W / 4), and the outputs of the stages, deepest first."""
        hidden = window_NTCHW.flatten(1, 2)
        features: list[Tensor] = []
        for stage in self.stages:
            hidden = stage(F.max_pool2d(hidden, 2) if features else hidden, n_calls)
            features.append(hidden)
        return self.output(self.last(hidden, n_calls)), tuple(reversed(features))


class SstDecoder(nn.Module):
    """From a grid of codes to frames; both resolutions are doubled by nearest-neighbour upsampling.

    With skips, each stage but the first takes [skip, decoder features], the first of them at the codes' resolution.
    The output block has BatchNorm and activation like all others.
    """

    def __init__(self, code_size: int, n_channels: int, with_skips: bool, activation: nn.Module) -> None:
        """with_skips: the forward pass is given the three skips of `SstEncoder`."""
        super().__init__()
        if with_skips:
            deep, middle, shallow = SKIP_SIZES
            sizes = [(256, 256, 128), (deep + 128, 128, 64, 64), (middle + 64, 128, 64, 64), (shallow + 64, 64, 64)]
            self._doubles = [False, True, True]
        else:
            sizes = [(256, 256, 128), (128, 128, 128, 64), (64, 64)]
            self._doubles = [True, True]
        first, *others = sizes
        self.stages = nn.ModuleList([ConvStage(code_size, *first), *(ConvStage(*each) for each in others)])
        self.output = ConvBlock(convolution(64, n_channels))
        self.activation = activation

    def forward(self, code_NDHW: Tensor, skips: Sequence[Tensor] = (), n_calls: int = 1) -> Tensor:
        """(N, code_size, H / 4, W / 4), skips (N / n_calls, …) deepest first → (N, C, H, W) in float32.

        The output block is computed in float32 under autocast too.
        """
        first, *others = self.stages
        hidden = first(code_NDHW, n_calls)
        rest = list(skips)
        for stage, doubles in zip(others, self._doubles, strict=True):
            if doubles:
                hidden = F.interpolate(hidden, scale_factor=2, mode="nearest")
            hidden = stage(_behind_skip(hidden, rest, n_calls), n_calls)
        with torch.autocast(code_NDHW.device.type, enabled=False):
            weight = self.output.convolution.weight
            return self.activation(self.output(hidden.to(weight.dtype), n_calls))


def _behind_skip(hidden_NCHW: Tensor, skips: list[Tensor], n_calls: int) -> Tensor:
    """[skip, decoder features] along channels, the skip being the same in every call; as is without skips."""
    if not skips:
        return hidden_NCHW
    skip = skips.pop(0)
    rows = skip.unsqueeze(1).expand(-1, n_calls, -1, -1, -1).flatten(0, 1)
    return torch.cat([rows.to(hidden_NCHW.dtype), hidden_NCHW], dim=1)


def build_encoder(settings: PdeSettings, n_cond: int, frame_shape: tuple[int, int, int], code_size: int) -> SstEncoder:
    """An encoder of n_cond frames (C, H, W)."""
    return SstEncoder(n_cond * frame_shape[0], code_size)


def build_decoder(
    settings: PdeSettings, frame_shape: tuple[int, int, int], code_size: int, activation: nn.Module
) -> SstDecoder:
    """A decoder of mixed codes to frames (C, H, W)."""
    return SstDecoder(code_size, frame_shape[0], settings.use_skips, activation)
