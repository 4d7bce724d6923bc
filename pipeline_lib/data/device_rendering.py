"""Moving MNIST's frames rendered with tensors, on the device that they are to be used on."""

import torch
from torch import Tensor

from pipeline_lib.data.rendering import FRAME_SIZE, LARGEST_POSITION


def render_on_device(digits: Tensor, positions: Tensor) -> Tensor:
    """Videos (B, T, 1, 64, 64) uint8, the bits of `rendering.render`: digits (B, n, 28, 28) at positions (B, T, n, 2).

    Each frame is a 64x64 cut-out of the digit in the middle of 100x100 black pixels. Cutting out is a gather, which is
    deterministic on every device; pasting is not on some.
    """
    n_videos, _, n_digits, _ = positions.shape
    size = FRAME_SIZE + LARGEST_POSITION
    inner = slice(LARGEST_POSITION, FRAME_SIZE)
    padded = digits.new_zeros((n_videos, n_digits, size, size))
    padded[:, :, inner, inner] = digits
    cut_outs = padded.unfold(2, FRAME_SIZE, 1).unfold(3, FRAME_SIZE, 1)
    corners = LARGEST_POSITION - positions
    video = torch.arange(n_videos, device=digits.device)[:, None]
    frames = cut_outs[video, 0, corners[:, :, 0, 0], corners[:, :, 0, 1]]
    for n in range(1, n_digits):
        digit = cut_outs[video, n, corners[:, :, n, 0], corners[:, :, n, 1]]
        frames += torch.minimum(digit, 255 - frames)
    return frames.unsqueeze(2)
