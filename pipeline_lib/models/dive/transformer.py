"""The spatial transformer: crops objects out of frames and places them there (DIVE paper, section 3; bilinear).

A pose (s, x, y) scales and shifts. Coordinates run from -1 to 1 between the centres of the outermost pixels. Placing,
the frame's pixel p shows the object at s·p + (x, y); cropping is its inverse, the object's pixel p shows the frame at
(p - (x, y)) / s; what is outside is 0.

As nothing turns, rows and columns are interpolated one after the other. The weights of an interpolation are a matrix
of hat functions, and cropping and placing are two small matrix products: deterministic, also backwards.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Hat(torch.autograd.Function):
    """Positions (…, P) → weights (…, n_taps, P), max(0, 1 - |position - tap|) for taps 0 … n_taps - 1.

    Two taps of each position at most are not 0, so they are written into zeros, and gradients are read of two taps: one
    pass instead of many. At a kink the derivative is that of the side of larger positions.
    """

    @staticmethod
    def forward(ctx: Any, position: Tensor, n_taps: int) -> Tensor:
        low = position.floor()
        beyond = position - low
        low_is_tap, high_is_tap = (low >= 0) & (low < n_taps), (low >= -1) & (low < n_taps - 1)
        at_low, at_high = (1 - beyond) * low_is_tap, beyond * high_is_tap
        # A position that is not finite has a tap as well: it makes the loss NaN, which the training reports.
        first = torch.nan_to_num(low).clamp(-1, n_taps).long()
        low_tap, high_tap = first.clamp(0, n_taps - 1), (first + 1).clamp(0, n_taps - 1)
        both = low_tap == high_tap  # beyond an end, where one of the weights is 0 or both are
        ctx.save_for_backward(low_tap, high_tap, low_is_tap, high_is_tap)
        weights = position.new_zeros(*position.shape[:-1], n_taps, position.shape[-1])
        weights.scatter_(-2, low_tap.unsqueeze(-2), at_low.unsqueeze(-2))
        return weights.scatter_(-2, high_tap.unsqueeze(-2), (at_high + at_low * both).unsqueeze(-2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        low_tap, high_tap, low_is_tap, high_is_tap = ctx.saved_tensors
        rises, falls = (gradient.gather(-2, tap.unsqueeze(-2)).squeeze(-2) for tap in (high_tap, low_tap))
        return rises * high_is_tap - falls * low_is_tap, None


def place(object_BTKCHW: Tensor, pose_BTK3: Tensor, side: int) -> Tensor:
    """Objects (B, T, K, C, h, w) at their poses, summed over K → frames (B, T, C, side, side).

    The sum is part of the second product, so that no object is ever drawn on a frame of its own.
    """
    scale, shift_x, shift_y = pose_BTK3.unbind(-1)
    h, w = object_BTKCHW.shape[-2:]
    p = _coordinates(side, pose_BTK3)
    rows = _hats(scale[..., None] * p + shift_y[..., None], h)
    columns = _hats(scale[..., None] * p + shift_x[..., None], w)
    widened_BTCKHW = (object_BTKCHW @ columns.unsqueeze(3)).transpose(2, 3)
    return rows.flatten(2, 3).transpose(-1, -2).unsqueeze(2) @ widened_BTCKHW.flatten(3, 4)


def crop(video_BTCHW: Tensor, pose_BTK3: Tensor, side: int) -> Tensor:
    """What of the frames (B, T, C, H, W) the objects at these poses show → (B, T, K, C, side, side)."""
    scale, shift_x, shift_y = pose_BTK3.unbind(-1)
    h, w = video_BTCHW.shape[-2:]
    p = _coordinates(side, pose_BTK3)
    rows = _hats((p - shift_y[..., None]) / scale[..., None], h)
    columns = _hats((p - shift_x[..., None]) / scale[..., None], w)
    narrowed_BTKCHW = rows.transpose(-1, -2).unsqueeze(3) @ video_BTCHW.unsqueeze(2)
    return narrowed_BTKCHW @ columns.unsqueeze(3)


def _coordinates(side: int, like: Tensor) -> Tensor:
    return torch.linspace(-1, 1, side, dtype=like.dtype, device=like.device)


def _hats(coordinate: Tensor, n_taps: int) -> Tensor:
    """Weight of each of `n_taps` pixels at coordinates (…, P) → (…, n_taps, P)."""
    return _Hat.apply((coordinate + 1) * ((n_taps - 1) / 2), n_taps)
