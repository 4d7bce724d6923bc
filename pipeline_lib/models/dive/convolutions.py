"""Convolutional encoder and decoder of frames and of objects (DIVE paper, supplementary material).

Both exist once for whole frames' features and once for objects, which have half the side. The convolutions have no
biases. One call normalises with the statistics of all its rows, as in the published code: the image encoder takes all
input frames of a batch at once, object encoder and decoder all frames and objects.

Feature maps are kept in channels_last order, and three layers are computed by other means than their weights suggest,
with the same results; few channels are slow otherwise.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.models.transposed import doubled, from_points

SLOPE = 0.2


def n_layers(side: int) -> int:
    """Convolutions between a square of this side, a power of two, and a vector."""
    return int(math.log2(side)) - 1


class Encoder(nn.Module):
    """4x4 convolutions of stride 2 that double the channels, from `width` on, down to 4x4, then one to a vector."""

    def __init__(self, n_channels: int, side: int, width: int, code_size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_down(n_channels, width), nn.LeakyReLU(SLOPE, inplace=True)]
        for _ in range(n_layers(side) - 2):
            layers += [_down(width, 2 * width), BatchNorm2d(2 * width), nn.LeakyReLU(SLOPE, inplace=True)]
            width *= 2
        self.layers = nn.Sequential(*layers)
        self.output = nn.Conv2d(width, code_size, 4, bias=False)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        """(N, C, side, side) → (N, code_size), in float32 under autocast too."""
        hidden_NCHW = self.layers(_channels_last(image_NCHW))
        weight_OI = self.output.weight.permute(0, 2, 3, 1).flatten(1)
        return widened(F.linear(hidden_NCHW.permute(0, 2, 3, 1).flatten(1), weight_OI))


class Decoder(nn.Module):
    """The mirror image: a transposed convolution to 4x4, then such of stride 2 that halve the channels; sigmoid."""

    def __init__(self, code_size: int, n_channels: int, side: int, width: int) -> None:
        super().__init__()
        wide = width * 2 ** (n_layers(side) - 2)
        self.input = nn.ConvTranspose2d(code_size, wide, 4, bias=False)
        layers: list[nn.Module] = [BatchNorm2d(wide), nn.ReLU(inplace=True)]
        while wide > width:
            layers += [_up(wide, wide // 2), BatchNorm2d(wide // 2), nn.ReLU(inplace=True)]
            wide //= 2
        self.layers = nn.Sequential(*layers)
        self.output = _up(width, n_channels)

    def forward(self, code_ND: Tensor) -> Tensor:
        """(N, code_size) → (N, C, side, side) in [0, 1], in float32: so is the output layer under autocast."""
        hidden = self.layers(from_points(code_ND, self.input.weight))
        with torch.autocast(code_ND.device.type, enabled=False):
            return doubled(hidden.to(self.output.weight.dtype), self.output.weight).sigmoid()


def _channels_last(x_NCHW: Tensor) -> Tensor:
    """In channels_last order, with its strides also where there is one channel and either order is the same."""
    n, c, h, w = x_NCHW.shape
    return x_NCHW.permute(0, 2, 3, 1).flatten().view(n, h, w, c).permute(0, 3, 1, 2)


def widened(values: Tensor) -> Tensor:
    """Values in float32 where autocast made them bf16 or fp16."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def _down(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False)


def _up(n_in: int, n_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
