"""Transposed convolutions by other means than PyTorch's own, which is slow at one pixel and at few channels.

The results are the same, and so are the weights: those of an `nn.ConvTranspose2d`.
"""

from torch import Tensor
from torch.nn import functional as F


def from_points(code_ND: Tensor, weight_DOHW: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """The transposed convolution of images of one pixel, (N, D), without padding → (N, O, H, W) in channels_last order.

    Every pixel of the result is a linear layer's.
    """
    d, o, h, w = weight_DOHW.shape
    bias = None if bias_O is None else bias_O.repeat(h * w)
    pixels = F.linear(code_ND, weight_DOHW.permute(2, 3, 1, 0).reshape(h * w * o, d), bias)
    return pixels.view(-1, h, w, o).permute(0, 3, 1, 2)


def doubled(x_NCHW: Tensor, weight_CO44: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """The transposed convolution of kernel 4, stride 2 and padding 1 → (N, O, 2H, 2W).

    Each 2x2 block of pixels of the (padded) result depends on 2x2 pixels, so it is a convolution that gives the four
    as channels: with weights of the transposed one, turned about.
    """
    by_block = weight_CO44.unflatten(3, (2, 2)).unflatten(2, (2, 2)).permute(1, 3, 5, 0, 2, 4)
    bias = None if bias_O is None else bias_O.repeat_interleave(4)
    blocks = F.conv2d(x_NCHW, by_block.flatten(0, 2).flip(2, 3), bias, padding=1)
    return F.pixel_shuffle(blocks, 2)[..., 1:-1, 1:-1]
