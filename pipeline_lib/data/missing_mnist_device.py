"""Videos of Moving MNIST with missing data made with tensors, on the device that they are to be used on.

Nothing here waits for the device: no size and no choice depends on what it has computed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline_lib.data.elastic import BLOCK_FIELDS, FADES_BY, FIRST_STRENGTH, filter_matrix
from pipeline_lib.data.missing_mnist_draws import Draws
from pipeline_lib.data.mnist import IMAGE_SIZE
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
    time = torch.arange(n_frames, device=digits.device).clamp(max=digits.shape[1] - 1)
    frames = digits.new_zeros(())
    for k in range(n_digits):
        digit = cut_outs[video, time, k, row[:, :, k], column[:, :, k]]
        frames = torch.maximum(digit.masked_fill_(removed[:, :, k, None, None], 0), frames)
    return frames.unsqueeze(2)


def displacement_on_device(noise: Tensor) -> Tensor:
    """`elastic.displacement` of noise (..., 28, 28) float32, but for rare last bits."""
    smooth = torch.from_numpy(filter_matrix()).to(noise.device)
    fields = noise.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    smoothed = torch.empty_like(fields)
    for first in range(0, len(fields), BLOCK_FIELDS):
        block = 2.0 * fields[first : first + BLOCK_FIELDS].double() - 1.0
        smoothed[first : first + BLOCK_FIELDS] = smooth @ block @ smooth.T
    return smoothed.view(noise.shape)


def deform_on_device(digits: Tensor, field: Tensor, n_frames: int) -> Tensor:
    """`elastic.deform` by the same steps, each of them in single precision: (B, T, K, 28, 28) uint8."""
    frame = torch.arange(n_frames, dtype=torch.float32, device=digits.device)
    strength = (FIRST_STRENGTH - FADES_BY * frame).clamp(min=0)[:, None, None, None]
    levels = digits.float()
    pixel = torch.arange(IMAGE_SIZE, dtype=torch.float32, device=digits.device)
    displaced = [strength * along for along in field.unsqueeze(1).unbind(3)]
    row, below = _parted(displaced[0] + pixel[:, None])
    rises = [(torch.diff(levels, dim=-2, append=levels[..., -1:, :]), below)]
    column = pixel
    if len(displaced) == 2:
        column, beside = _parted(displaced[1] + pixel)
        for rise, weight in ((levels, beside), (rises[0][0], beside * below)):
            rises.append((torch.diff(rise, dim=-1, append=rise[..., -1:]), weight))
    index = (row * IMAGE_SIZE + column).long()
    shown = _taken(levels + 0.5, index)
    for rise, weight in rises:
        shown = shown + _taken(rise, index) * weight
    return shown.to(torch.uint8)


def _parted(displaced: Tensor) -> tuple[Tensor, Tensor]:
    """As `elastic._parted`."""
    place = displaced + 0.5
    place = place - torch.round(place * (1 / (2 * IMAGE_SIZE))) * (2 * IMAGE_SIZE)
    place = (place.abs() - 0.5).clamp(0, IMAGE_SIZE - 1)
    before = place.floor()
    return before, place - before


def _taken(values: Tensor, index: Tensor) -> Tensor:
    """Of values (B, K, 28, 28), those that the index (B, T, K, 28, 28) counts within each digit."""
    of_frames = values.flatten(2).unsqueeze(1).expand(-1, index.shape[1], -1, -1)
    return of_frames.gather(3, index.flatten(3)).view(index.shape)


@dataclass(frozen=True)
class DeviceScenes:
    """Videos ready to be drawn, as `Scenes`, in tensors."""

    digit_index: Tensor
    position: Tensor
    removed: Tensor
    displacement: Tensor

    @classmethod
    def of(cls, draws: Draws, n_frames: int, n_missing: int, device: torch.device) -> "DeviceScenes":
        """What `Draws.scenes` gives; only the noise is smoothed on the device."""
        arrays = draws.digit_index, draws.positions(n_frames), draws.removed(n_frames, n_missing), draws.noise
        digit_index, position, removed, noise = (torch.from_numpy(array).to(device) for array in arrays)
        return cls(digit_index, position, removed, displacement_on_device(noise))

    def __getitem__(self, chosen: Tensor) -> "DeviceScenes":
        """Some of the videos."""
        return DeviceScenes(
            self.digit_index[chosen], self.position[chosen], self.removed[chosen], self.displacement[chosen]
        )

    def observed(self, digits: Tensor, visible_rows: tuple[int, int] | None) -> Tensor:
        """Videos (N, T, 1, 64, 64) uint8, of `digits` (n_digits_in_all, 28, 28), as `missing_mnist.observed`."""
        chosen = digits[self.digit_index]
        n_frames, n_axes = self.position.shape[1], self.displacement.shape[2]
        of_frames = deform_on_device(chosen, self.displacement, n_frames) if n_axes else chosen.unsqueeze(1)
        frames = render_on_device(of_frames, self.position, self.removed)
        if visible_rows is not None:
            first, last = visible_rows
            frames[..., :first, :] = 0
            frames[..., last:, :] = 0
        return frames
