"""Which windows of the videos a training or an evaluation uses, as numbers; nothing is read here."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WindowIndex:
    """Window k is `length` frames of video `video[k]`: start[k], start[k] + step, …; both arrays are (n,) int64.

    step: one for all windows, or (n,) int64; negative where frames are in reversed order.
    wraps: frames are counted modulo the length of the video, as the views around a chair are.
    """

    video: NDArray[np.int64]
    start: NDArray[np.int64]
    length: int
    step: int | NDArray[np.int64] = 1
    wraps: bool = False

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, chosen: Any) -> "WindowIndex":
        """Some of them, chosen as entries of an array are."""
        step = self.step if isinstance(self.step, int) else self.step[chosen]
        return replace(self, video=self.video[chosen], start=self.start[chosen], step=step)

    def frames(self, n_frames: int) -> NDArray[np.int64]:
        """Numbers of the frames (n, length) within their videos of `n_frames` frames; not checked where none wraps."""
        steps = np.reshape(np.asarray(self.step, np.int64), (-1, 1))
        frames: NDArray[np.int64] = self.start[:, None] + steps * np.arange(self.length)
        return frames % n_frames if self.wraps else frames

    def joined(self, other: "WindowIndex") -> "WindowIndex":
        """These windows, and behind them those of another index that are not among them."""
        assert (self.length, self.wraps) == (other.length, other.wraps)
        known = set(self._keys())
        further = other[[k for k, key in enumerate(other._keys()) if key not in known]]
        if len(further) == 0:
            return self
        step = np.concatenate([np.broadcast_to(index.step, len(index)) for index in (self, further)])
        return replace(
            self,
            video=np.concatenate([self.video, further.video]),
            start=np.concatenate([self.start, further.start]),
            step=step.astype(np.int64),
        )

    def numbers_of(self, subset: "WindowIndex") -> NDArray[np.int64]:
        """Which of these the windows of a subset are."""
        places, wanted = {key: k for k, key in enumerate(self._keys())}, subset._keys()
        assert places.keys() >= set(wanted), "not a subset"
        return np.array([places[key] for key in wanted], np.int64)

    def _keys(self) -> list[tuple[int, int, int]]:
        """What tells windows of one length apart."""
        steps = np.broadcast_to(self.step, len(self))
        return list(zip(self.video.tolist(), self.start.tolist(), steps.tolist(), strict=True))


def all_windows(n_videos: int, n_frames: int, length: int) -> WindowIndex:
    """Every window of `length` frames, video by video, in each from the first frame on.

    Raises ValueError if the videos are shorter than the window.
    """
    if length > n_frames:
        raise ValueError(
            f"windows of {length} frames do not fit into videos of {n_frames} frames: "
            "lower n_cond or n_pred of the task, or the forecast horizon of the evaluation"
        )
    per_video = n_frames - length + 1
    video, start = np.divmod(np.arange(n_videos * per_video, dtype=np.int64), per_video)
    return WindowIndex(video, start, length)
