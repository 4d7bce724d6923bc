"""dcgan encoder and decoder for 64x64 frames (PDE paper, appendix on architectures).

Rows of every call are ordered (b, call): see `BatchNorm2d`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.models.convolution import convolved
from pipeline_lib.models.linear import Linear
from pipeline_lib.models.transposed import doubled, from_points

SIZE = 64
SLOPE = 0.2


class ConvBlock(nn.Module):
    """Convolution, BatchNorm unless left out, LeakyReLU(0.2)."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, normalised: bool = True) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = BatchNorm2d(convolution.out_channels) if normalised else None
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x_NCHW: Tensor, n_calls: int = 1) -> Tensor:
        hidden = self._convolved(x_NCHW)
        if self.norm is not None:
            hidden = self.norm(hidden, n_calls)
        return self.activation(hidden)

    def _convolved(self, x_NCHW: Tensor) -> Tensor:
        return convolved(self.convolution, x_NCHW)


class PointBlock(ConvBlock):
    """A block whose transposed convolution takes images of one pixel: the first of a decoder."""

    def _convolved(self, x_NCHW: Tensor) -> Tensor:
        pixels = from_points(x_NCHW.flatten(1), self.convolution.weight, self.convolution.bias)
        return pixels.contiguous()  # in PyTorch's own order, in which BatchNorm sees the calls as channels


class DcganEncoder(nn.Module):
    """Four 4x4 convolutions of stride 2, then a linear layer."""

    def __init__(self, n_channels: int, width: int, code_size: int) -> None:
        """n_channels: of all conditioning frames together. width: channels after the first convolution."""
        super().__init__()
        sizes = [n_channels, width, 2 * width, 4 * width, 8 * width]
        self.blocks = nn.ModuleList(
            ConvBlock(nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), normalised=k > 0)
            for k, (n_in, n_out) in enumerate(zip(sizes, sizes[1:], strict=False))
        )
        self.output = Linear(sizes[-1] * (SIZE // 16) ** 2, code_size)

    def forward(self, window_NTCHW: Tensor, n_calls: int = 1) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, n_cond, C, 64, 64) → code (N, code_size), and the outputs of the four blocks, deepest first."""
        hidden = window_NTCHW.flatten(1, 2)
        features = []
        for block in self.blocks:
            hidden = block(hidden, n_calls)
            features.append(hidden)
        return self.output(hidden.flatten(1)), tuple(reversed(features))


class DcganDecoder(nn.Module):
    """A transposed convolution from 1x1 to 4x4, then four of stride 2; the last has no BatchNorm."""

    def __init__(self, code_size: int, width: int, n_channels: int, with_skips: bool, activation: nn.Module) -> None:
        """width: channels before the last convolution. with_skips: each of the last four takes its skip as well."""
        super().__init__()
        wider = 2 if with_skips else 1
        sizes = [8 * width, 4 * width, 2 * width, width]
        self.first = PointBlock(nn.ConvTranspose2d(code_size, 8 * width, 4))
        self.blocks = nn.ModuleList(
            ConvBlock(nn.ConvTranspose2d(wider * n_in, n_out, 4, stride=2, padding=1))
            for n_in, n_out in zip(sizes, sizes[1:], strict=False)
        )
        self.output = nn.ConvTranspose2d(wider * width, n_channels, 4, stride=2, padding=1)
        self.activation = activation

    def forward(self, code_ND: Tensor, skips: Sequence[Tensor] = (), n_calls: int = 1) -> Tensor:
        """(N, code_size), skips (N / n_calls, …) deepest first → (N, C, 64, 64) in float32.

        The output layer is computed in float32 under autocast too.
        """
        hidden = self.first(code_ND[:, :, None, None], n_calls)
        rest = list(skips)
        for block in self.blocks:
            hidden = block(_beside(hidden, rest, n_calls), n_calls)
        hidden = _beside(hidden, rest, n_calls)
        with torch.autocast(code_ND.device.type, enabled=False):
            wide = hidden.to(self.output.weight.dtype)
            return self.activation(doubled(wide, self.output.weight, self.output.bias))


def _beside(hidden_NCHW: Tensor, skips: list[Tensor], n_calls: int) -> Tensor:
    """[decoder features, skip] along channels, the skip being the same in every call; as is without skips."""
    if not skips:
        return hidden_NCHW
    skip = skips.pop(0)
    rows = skip.unsqueeze(1).expand(-1, n_calls, -1, -1, -1).flatten(0, 1)
    return torch.cat([hidden_NCHW, rows.to(hidden_NCHW.dtype)], dim=1)


def build_encoder(
    settings: PdeSettings, n_cond: int, frame_shape: tuple[int, int, int], code_size: int
) -> DcganEncoder:
    """An encoder of n_cond frames (C, 64, 64)."""
    return DcganEncoder(n_cond * frame_shape[0], settings.encoder_hidden_size, code_size)


def build_decoder(
    settings: PdeSettings, frame_shape: tuple[int, int, int], code_size: int, activation: nn.Module
) -> DcganDecoder:
    """A decoder of mixed codes to frames (C, 64, 64)."""
    return DcganDecoder(code_size, settings.decoder_hidden_size, frame_shape[0], settings.use_skips, activation)
