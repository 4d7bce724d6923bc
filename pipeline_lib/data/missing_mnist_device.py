"""Frames of Moving MNIST with missing data made with tensors, on the device that they are to be used on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline_lib.data.missing_mnist_draws import Scenes
from pipeline_lib.data.rendering import FRAME_SIZE, LARGEST_POSITION


def render_on_device(digits: Tensor, position: Tensor, removed: Tensor) -> Tensor:
    """Videos (B, T, 1, 64, 64) uint8, the bits of `missing_mnist_frames.render`: digits (B, T or 1, K, 28, 28) at
    positions (B, T, K, 2), where not removed (B, T, K).

    Each frame is a 64x64 cut-out of the digit in the middle of 100x100 black pixels. Cutting out is a gather, which is
    deterministic on every device; pasting is not on some.
    """
    n_videos, n_frames, n_digits, _ = position.shape
    size = FRAME_SIZE + LARGEST_POSITION
    inner = slice(LARGEST_POSITION, FRAME_SIZE)
    padded = digits.new_zeros((*digits.shape[:3], size, size))
    padded[..., inner, inner] = digits
    cut_outs = padded.unfold(3, FRAME_SIZE, 1).unfold(4, FRAME_SIZE, 1)
    row, column = (LARGEST_POSITION - position).unbind(-1)
    video = torch.arange(n_videos, device=digits.device)[:, None]
    time = torch.arange(n_frames, device=digits.device) if digits.shape[1] > 1 else torch.zeros_like(video[0])
    frames = digits.new_zeros(())
    for k in range(n_digits):
        digit = cut_outs[video, time, k, row[:, :, k], column[:, :, k]]
        frames = torch.maximum(digit.masked_fill_(removed[:, :, k, None, None], 0), frames)
    return frames.unsqueeze(2)


@dataclass(frozen=True)
class DeviceScenes:
    """Videos ready to be drawn, as `Scenes`, in tensors."""

    digit_index: Tensor
    position: Tensor
    removed: Tensor
    displacement: Tensor

    @classmethod
    def of(cls, scenes: Scenes, device: torch.device) -> "DeviceScenes":
        """The same videos on a device."""
        arrays = scenes.digit_index, scenes.position, scenes.removed, scenes.displacement
        return cls(*(torch.from_numpy(array).to(device) for array in arrays))

    def __getitem__(self, chosen: Tensor) -> "DeviceScenes":
        """Some of the videos."""
        return DeviceScenes(
            self.digit_index[chosen], self.position[chosen], self.removed[chosen], self.displacement[chosen]
        )

    def observed(self, digits: Tensor, visible_rows: tuple[int, int] | None) -> Tensor:
        """Videos (N, T, 1, 64, 64) uint8, the bits of `missing_mnist.observed`, of `digits` (n_digits_in_all, 28, 28)."""
        chosen = digits[self.digit_index].unsqueeze(1)
        frames = render_on_device(chosen, self.position, self.removed)
        if visible_rows is not None:
            first, last = visible_rows
            frames[..., :first, :] = 0
            frames[..., last:, :] = 0
        return frames
