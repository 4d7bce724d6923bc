"""WaveEq's windows: all of them, or those that the published loader sees."""

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.window_rules import every_window
from pipeline_lib.data.windows import WindowIndex, all_windows


def windows(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """The windows of a set in a prepared file, which knows the frame width that the published loader takes."""
    width = file.attributes.get("published_frame_width")
    if window_set == "published" and width is not None:
        return published_windows(file.n_videos, file.n_frames, length, int(width))
    return every_window(file, settings, length, window_set)


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
    return windows[:count]
