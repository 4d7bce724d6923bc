"""Which windows of the videos a training or an evaluation uses, as numbers; nothing is read here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WindowIndex:
    """Window k is the `length` frames of video `video[k]` from frame `start[k]` on; both arrays (n,) int64."""

    video: NDArray[np.int64]
    start: NDArray[np.int64]
    length: int

    def __len__(self) -> int:
        return len(self.video)


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


def published_windows(n_videos: int, n_frames: int, length: int, frame_width: int) -> WindowIndex:
    """The windows that the published WaveEq loader sees, if its files are listed in numerical order.

    It takes the frame width for the number of frames and so counts frame_width - length + 1 windows a video; these
    many times n_videos, it walks through the first ones of `all_windows`.
    Raises ValueError if there would be none, or more than there are.
    """
    windows = all_windows(n_videos, n_frames, length)
    count = (frame_width - length + 1) * n_videos
    if count <= 0:
        raise ValueError(
            f"the published loader, which takes the frame width {frame_width} for the number of frames, sees no "
            f"window of {length} frames: set `windows` to all, or shorten the windows"
        )
    if count > len(windows):
        raise ValueError(
            f"the published loader, which takes the frame width {frame_width} for the number of frames, would read "
            f"{count} windows where the videos of {n_frames} frames have {len(windows)}: set `windows` to all"
        )
    return WindowIndex(windows.video[:count], windows.start[:count], length)
