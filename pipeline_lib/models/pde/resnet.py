"""resnet encoder for 64x64 frames (PDE paper, appendix on architectures; 3D Warehouse Chairs).

ResNet-18 without its classifier, with convolutions that have a bias. Rows of every call are ordered (b, call): see
`BatchNorm2d`.
"""

from torch import Tensor, nn

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.batch_norm import BatchNorm2d

N_LAYERS, N_BLOCKS = 4, 2
"""Layers, each but the first of which halves the resolution and doubles the channels, and basic blocks in each."""


class Shortcut(nn.Module):
    """1x1 convolution with the stride of its block, BatchNorm."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(n_in, n_out, 1, stride=stride)
        self.norm = BatchNorm2d(n_out)

    def forward(self, x_NCHW: Tensor, n_calls: int) -> Tensor:
        return self.norm(self.convolution(x_NCHW), n_calls)


class BasicBlock(nn.Module):
    """relu(BN(conv(relu(BN(conv(x))))) + shortcut(x)), 3x3 convolutions, the first one with the stride."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        """The shortcut is the identity where neither stride nor channels change."""
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
        self.first_norm = BatchNorm2d(n_out)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.second_norm = BatchNorm2d(n_out)
        self.shortcut = Shortcut(n_in, n_out, stride) if stride != 1 or n_in != n_out else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x_NCHW: Tensor, n_calls: int) -> Tensor:
        hidden = self.activation(self.first_norm(self.first(x_NCHW), n_calls))
        hidden = self.second_norm(self.second(hidden), n_calls)
        return self.activation(hidden + (x_NCHW if self.shortcut is None else self.shortcut(x_NCHW, n_calls)))


class ResnetEncoder(nn.Module):
    """A 5x5 convolution and a pooling, four layers of basic blocks, a 3x3 convolution to the code.

    64x64 pixels become 33, 17, then 17, 9, 5, 3 after the layers, and 1.
    """

    def __init__(self, n_channels: int, width: int, code_size: int) -> None:
        """n_channels: of all conditioning frames together. width: channels of the first layer; 64 as published."""
        super().__init__()
        sizes = [width * 2**layer for layer in range(N_LAYERS)]
        self.convolution = nn.Conv2d(n_channels, width, 5, stride=2, padding=3)
        self.norm = BatchNorm2d(width)
        self.activation = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.blocks = nn.ModuleList(
            BasicBlock(n_in if k == 0 else n_out, n_out, stride=2 if k == 0 and n_in != n_out else 1)
            for n_in, n_out in zip([width, *sizes], sizes, strict=False)
            for k in range(N_BLOCKS)
        )
        self.output = nn.Conv2d(sizes[-1], code_size, 3)

    def forward(self, window_NTCHW: Tensor, n_calls: int = 1) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, n_cond, C, 64, 64) → code (N, code_size), no skips."""
        hidden = self.convolution(window_NTCHW.flatten(1, 2))
        hidden = self.pool(self.activation(self.norm(hidden, n_calls)))
        for block in self.blocks:
            hidden = block(hidden, n_calls)
        return self.output(hidden).flatten(1), ()


def build_encoder(
    settings: PdeSettings, n_cond: int, frame_shape: tuple[int, int, int], code_size: int
) -> ResnetEncoder:
    """An encoder of n_cond frames (C, 64, 64)."""
    return ResnetEncoder(n_cond * frame_shape[0], settings.encoder_hidden_size, code_size)
