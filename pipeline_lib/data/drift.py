"""Videos that drift, with one of their input frames missing, as the pedestrians are shown (DIVE paper, section 4.2).

Frame t is shifted by t·(dx, dy), both uniform in [-0.07, 0.07] for every video, in coordinates in which a frame spans
[-1, 1]: 8.96 of 256 pixels at most. Values between pixels are bilinear, beyond the frame there is black. One frame, of
index round(n·u) of the n input frames and u uniform in [0, 1), is blanked whole. Index 0 stands for none, as it is
published; and so does index n, which is no input frame: the published loader blanks the first frame to be forecast
there. So what a model is given is distributed as it is published, and what it is to forecast is never blanked.

Everything is drawn with NumPy. What is computed of it is made of operations that round alike on every device.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline_lib.data.hdf5 import as_floats
from pipeline_lib.runtime.device import on_device

NONE = -1
"""The number of the blanked frame where there is none."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Disturbance:
    """What N videos undergo: `drift` (N, 2) of what is shown, rows and columns from a frame to the next, in half sides
    of a frame; `blank` (N,), the number of the frame that is blanked, or -1."""

    drift: Float64
    blank: NDArray[np.int64]

    def __getitem__(self, chosen: slice | NDArray[np.int64]) -> "Disturbance":
        """That of some of the videos."""
        return Disturbance(self.drift[chosen], self.blank[chosen])

    def missing(self, n_frames: int) -> NDArray[np.bool_]:
        """(N, n_frames): which frames are blanked."""
        return self.blank[:, None] == np.arange(n_frames)

    def complete(self, video_BTCHW: Tensor) -> Tensor:
        """The videos as they drift, nothing blanked: (B, T, C, H, W), see `shifted`."""
        _, n_frames, _, height, width = video_BTCHW.shape
        step_B2 = self.drift * np.array([height / 2, width / 2])
        return shifted(video_BTCHW, np.arange(n_frames)[:, None] * step_B2[:, None])

    def observed(self, complete_BTCHW: Tensor) -> Tensor:
        """What `complete` has made, with the missing frames black."""
        missing = on_device(self.missing(complete_BTCHW.shape[1]), complete_BTCHW.device)
        return complete_BTCHW.masked_fill(missing[..., None, None, None], 0.0)


def draw_disturbance(random: np.random.Generator, n_videos: int, n_input_frames: int, max_drift: float) -> Disturbance:
    """Draw what `n_videos` videos undergo; first the drift of all, then the blanked frames."""
    drift = random.uniform(-max_drift, max_drift, (n_videos, 2))
    index = np.rint(n_input_frames * random.random(n_videos)).astype(np.int64)
    is_none = (index == 0) | (index == n_input_frames)
    return Disturbance(drift, np.where(is_none, NONE, index))


def shifted(video_BTCHW: Tensor, shift_BT2: Float64) -> Tensor:
    """Frames whose contents are moved by `shift` [pixels], down and to the right: bilinear, black from beyond.

    (B, T, C, H, W) float32, or bytes of which k stands for k / 255 → float32. A shift by 0 leaves a frame as it is.
    """
    if video_BTCHW.device.type == "cpu":
        return torch.from_numpy(_shifted_on_host(video_BTCHW.numpy(), shift_BT2))
    if video_BTCHW.dtype == torch.uint8:
        # By a tensor: GPUs divide by a number of Python's in another way, and round otherwise.
        video_BTCHW = video_BTCHW / torch.full((), 255.0, device=video_BTCHW.device)
    for axis in (0, 1):
        video_BTCHW = _shifted_along(video_BTCHW, axis - 2, shift_BT2[..., axis])
    return video_BTCHW


def _places_and_weights(shift: Float64) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Where pixel 0 takes its value from: from a pixel with one weight, and from the next one with the other."""
    first = np.floor(-shift)
    far = np.asarray(-shift - first, np.float32)
    return first.astype(np.int64), np.float32(1) - far, far


def _shifted_on_host(video_BTCHW: NDArray[np.generic], shift_BT2: Float64) -> NDArray[np.float32]:
    """`shifted`, frame by frame, each of which fits into the cache of a processor."""
    *batch, height, width = video_BTCHW.shape
    moved = np.empty(video_BTCHW.shape, np.float32)
    firsts, nears, fars = _places_and_weights(shift_BT2)
    rows, columns = np.empty((height + 1, width), np.float32), np.empty((height, width + 1), np.float32)
    product = np.empty((height, width), np.float32)
    for b, t, c in np.ndindex(*batch):
        frame = as_floats(video_BTCHW[b, t, c])
        _take(frame, int(firsts[b, t, 0]), rows)
        _blend(rows, nears[b, t, 0], fars[b, t, 0], product, moved[b, t, c])
        _take(moved[b, t, c].T, int(firsts[b, t, 1]), columns.T)
        _blend(columns.T, nears[b, t, 1], fars[b, t, 1], product.T, moved[b, t, c].T)
    return moved


def _take(frame: NDArray[np.float32], first: int, taken: NDArray[np.float32]) -> None:
    """Write into `taken` (n + 1, …) the rows first … first + n of a frame (n, …), black where it has none."""
    n = len(frame)
    low, high = min(max(-first, 0), n + 1), max(min(n - first, n + 1), 0)
    taken[:low], taken[high:] = 0, 0
    if low < high:
        taken[low:high] = frame[first + low : first + high]


def _blend(
    taken: NDArray[np.float32],
    near: np.float32,
    far: np.float32,
    product: NDArray[np.float32],
    blended: NDArray[np.float32],
) -> None:
    """Write what lies between the rows of `taken`, with a buffer for a product."""
    np.multiply(taken[:-1], near, out=blended)
    np.multiply(taken[1:], far, out=product)
    np.add(blended, product, out=blended)


def _shifted_along(video_BTCHW: Tensor, dim: int, shift_BT: Float64) -> Tensor:
    """`shifted` along one axis, -2 or -1, all frames at once."""
    n, device = video_BTCHW.shape[dim], video_BTCHW.device
    first, near, far = (on_device(values, device)[..., None, None, None] for values in _places_and_weights(shift_BT))
    shape, sizes = [*shift_BT.shape, 1, 1, 1], list(video_BTCHW.shape)
    shape[dim] = sizes[dim] = n + 1
    # From pixel `first` on, n + 1 pixels, between which values lie; pixels 0 and n + 1 of the padded frame are black.
    places = (first[..., 0, 0] + torch.arange(1, n + 2, device=device)).clamp(0, n + 1).view(shape)
    padded = functional.pad(video_BTCHW, [0, 0, 1, 1] if dim == -2 else [1, 1])
    taken = padded.gather(dim, places.expand(sizes))
    # Products and sum one after the other: fused into one operation, as devices can, they would round otherwise.
    near_product = taken.narrow(dim, 0, n) * near
    far_product = taken.narrow(dim, 1, n) * far
    return near_product + far_product
