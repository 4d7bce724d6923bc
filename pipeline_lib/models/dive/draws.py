"""Everything random of one training step, drawn at once on the device."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline_lib.config.dive import DiveSettings


@dataclass(frozen=True)
class Draws:
    """Standard normal noise of every site, and what training hides. Without noise, sites take their means."""

    missingness_BTK: Tensor | None
    """Noise of the missingness, for input frames."""
    pose_change_BTK3: Tensor | None
    """Noise of the pose changes, for all frames."""
    initial_pose_BK3: Tensor | None
    appearance_BTKD: Tensor | None
    """Noise of the appearance, for all frames."""
    keep_BTK: Tensor | None
    """0 where an object is imputed whatever its label, else 1, for input frames; None: 1 everywhere."""
    keep_varying: Tensor | None
    """0 where the whole batch goes without varying appearance, else 1, a scalar; None: 1."""


MEANS = Draws(None, None, None, None, None, None)
"""What the test takes: the mean of every site, nothing hidden."""


def noise(settings: DiveSettings, n_videos: int, n_cond: int, n_frames: int, like: Tensor, **random: object) -> Draws:
    """Noise of every site for a batch of videos, nothing hidden; `random` may hold a `generator`."""
    b, k = n_videos, settings.n_components
    shapes = [(b, n_cond, k), (b, n_frames, k, 3), (b, k, 3), (b, n_frames, k, settings.code_size_appearance)]
    sizes = [torch.Size(shape).numel() for shape in shapes]
    values = torch.randn(sum(sizes), dtype=like.dtype, device=like.device, **random)  # type: ignore[call-overload]
    missingness, change, initial, appearance = (
        part.view(shape) for part, shape in zip(values.split(sizes), shapes, strict=True)
    )
    return Draws(missingness, change, initial, appearance, keep_BTK=None, keep_varying=None)
