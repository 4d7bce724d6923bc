"""Convolutional encoder and decoder of frames and of objects (DIVE paper, supplementary material).

Both exist once for whole frames' features and once for objects, which have half the side. The convolutions have no
biases. One call normalises with the statistics of all its rows, as in the published code: the image encoder takes all
input frames of a batch at once, object encoder and decoder all frames and objects.
"""

import math

import torch
from torch import Tensor, nn

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
            layers += [_down(width, 2 * width), nn.BatchNorm2d(2 * width), nn.LeakyReLU(SLOPE, inplace=True)]
            width *= 2
        layers.append(nn.Conv2d(width, code_size, 4, bias=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        """(N, C, side, side) → (N, code_size), in float32 under autocast too."""
        return widened(self.layers(image_NCHW).flatten(1))


class Decoder(nn.Module):
    """The mirror image: a transposed convolution to 4x4, then such of stride 2 that halve the channels; sigmoid."""

    def __init__(self, code_size: int, n_channels: int, side: int, width: int) -> None:
        super().__init__()
        wide = width * 2 ** (n_layers(side) - 2)
        layers = [nn.ConvTranspose2d(code_size, wide, 4, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True)]
        while wide > width:
            layers += [_up(wide, wide // 2), nn.BatchNorm2d(wide // 2), nn.ReLU(inplace=True)]
            wide //= 2
        self.layers = nn.Sequential(*layers)
        self.output = _up(width, n_channels)

    def forward(self, code_ND: Tensor) -> Tensor:
        """(N, code_size) → (N, C, side, side) in [0, 1], in float32: so is the output layer under autocast."""
        hidden = self.layers(code_ND[:, :, None, None])
        with torch.autocast(code_ND.device.type, enabled=False):
            return self.output(hidden.to(self.output.weight.dtype)).sigmoid()


def widened(values: Tensor) -> Tensor:
    """Values in float32 where autocast made them bf16 or fp16."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def _down(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False)


def _up(n_in: int, n_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
