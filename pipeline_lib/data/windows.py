"""Which windows of the videos a training or an evaluation uses, as numbers; nothing is read here."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WindowIndex:
    """Window k is `length` frames of video `video[k]`: start[k], start[k] + step, …; both arrays are (n,) int64.

    wraps: frames are counted modulo the length of the video, as the views around a chair are.
    """

    video: NDArray[np.int64]
    start: NDArray[np.int64]
    length: int
    step: int = 1
    wraps: bool = False

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, chosen: Any) -> "WindowIndex":
        """Some of them, chosen as entries of an array are."""
        return replace(self, video=self.video[chosen], start=self.start[chosen])

    def frames(self, n_frames: int) -> NDArray[np.int64]:
        """Numbers of the frames (n, length) within their videos of `n_frames` frames; not checked where none wraps."""
        frames: NDArray[np.int64] = self.start[:, None] + self.step * np.arange(self.length)
        return frames % n_frames if self.wraps else frames

    def numbers_of(self, subset: "WindowIndex") -> NDArray[np.int64]:
        """Which of these the windows of a subset are."""
        span = 1 + max(int(index.start.max(initial=0)) for index in (self, subset))
        keys, wanted = self.video * span + self.start, subset.video * span + subset.start
        order = np.argsort(keys, kind="stable")
        places = np.searchsorted(keys, wanted, sorter=order)
        numbers: NDArray[np.int64] = order[np.minimum(places, len(order) - 1)]
        assert np.array_equal(keys[numbers], wanted), "not a subset"
        return numbers


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
