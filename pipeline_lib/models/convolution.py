"""Convolutions in bf16 on a CPU, whose weights' gradients PyTorch takes slowly.

oneDNN's bf16 kernel of that gradient runs at a tenth of the processor's rate for few pixels and many channels. It is a
few matrix products of shifted images, and those run at the full rate.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

Convolution = nn.Conv2d | nn.ConvTranspose2d


def convolved(layer: Convolution, x_NCHW: Tensor) -> Tensor:
    """What `layer` gives, in the precision of autocast where that is on; gradients equal to rounding."""
    by_products = _trains_in_bf16(x_NCHW) and _divides_into_blocks(layer, x_NCHW)
    result: Tensor = _InBf16.apply(x_NCHW, layer.weight, layer.bias, layer) if by_products else layer(x_NCHW)
    return result


def _trains_in_bf16(x_NCHW: Tensor) -> bool:
    in_bf16 = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    return x_NCHW.device.type == "cpu" and in_bf16 and torch.is_grad_enabled()


def _divides_into_blocks(layer: Convolution, x_NCHW: Tensor) -> bool:
    """Whether `weight_gradient` knows this layer."""
    if isinstance(layer.padding, str):
        return False
    (kernel, other), (stride, _), (padding, _) = layer.kernel_size, layer.stride, layer.padding
    plain = layer.groups == 1 and layer.dilation == (1, 1) and not any(getattr(layer, "output_padding", ()))
    square = kernel == other and layer.stride == (stride, stride) and layer.padding == (padding, padding)
    # The result of a transposed convolution has sides that divide where its kernel does.
    is_transposed = isinstance(layer, nn.ConvTranspose2d)
    sides = is_transposed or all((side + 2 * padding) % stride == 0 for side in x_NCHW.shape[2:])
    return plain and square and kernel % stride == 0 and sides


class _InBf16(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, layer: Convolution) -> Tensor:
        ctx.layer, ctx.wanted = layer, (x.dtype, weight.dtype)
        x, weight = x.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(x, weight)
        function = F.conv_transpose2d if isinstance(layer, nn.ConvTranspose2d) else F.conv2d
        stride, padding = layer.stride[0], int(layer.padding[0])
        return function(x, weight, None if bias is None else bias.bfloat16(), stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        layer, (x_type, weight_type) = ctx.layer, ctx.wanted
        grad_x = grad_weight = grad_bias = None
        stride, padding = layer.stride[0], int(layer.padding[0])
        if isinstance(layer, nn.ConvTranspose2d):
            if ctx.needs_input_grad[0]:
                grad_x = F.conv2d(above, weight, None, stride, padding)
            small, large = x, above
        else:
            if ctx.needs_input_grad[0]:
                grad_x = conv2d_input(x.shape, weight, above, stride, padding)
            small, large = above, x
        if ctx.needs_input_grad[1]:
            grad_weight = weight_gradient(small, large, layer.kernel_size[0], stride, padding).to(weight_type)
        if ctx.needs_input_grad[2]:
            grad_bias = above.sum((0, 2, 3), dtype=layer.bias.dtype)
        return None if grad_x is None else grad_x.to(x_type), grad_weight, grad_bias, None


def weight_gradient(small_NOHW: Tensor, large_NCHW: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Σ over n, i, j of small[n, o, i, j] · large[n, c, i·stride + y - padding, j·stride + x - padding], 0 outside
    → (O, C, y, x), kernel x kernel.

    Of a convolution, `large` is its input and `small` the gradient of its result; of a transposed one, the other way
    round. kernel must be a multiple of stride, and so must be the sides of `large` with their padding.
    """
    n, o, h, w = small_NOHW.shape
    c, reach = large_NCHW.shape[1], kernel // stride
    rows, columns = h + reach - 1, w + reach - 1
    # Blocks of stride x stride pixels are channels of one pixel. Where both images are as large, a shift is one of
    # all pixels in a row: what it carries over an edge meets a zero.
    blocks = F.pad(large_NCHW, (padding,) * 4).unflatten(3, (columns, stride)).unflatten(2, (rows, stride))
    large_PX = blocks.permute(0, 2, 4, 3, 5, 1).reshape(n * rows * columns, -1)
    small_PO = F.pad(small_NOHW, (0, reach - 1, 0, reach - 1)).permute(0, 2, 3, 1).reshape(n * rows * columns, o)
    found = small_NOHW.new_empty(reach, reach, o, large_PX.shape[1])
    for down in range(reach):
        for right in range(reach):
            shift = down * columns + right
            torch.mm(small_PO[: len(small_PO) - shift].t(), large_PX[shift:], out=found[down, right])
    return found.view(reach, reach, o, stride, stride, c).permute(2, 5, 0, 3, 1, 4).reshape(o, c, kernel, kernel)
