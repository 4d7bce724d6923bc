"""Which windows of a prepared file belong to a set: what the registry names for a dataset, or every window."""

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import WindowIndex, all_windows


def windows_of(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """The windows of `length` frames of a set ("all", "published") in a part of a dataset.

    Raises ValueError, naming the file, where there is no such set, or no such window.
    """
    try:
        index: WindowIndex = load(DATASETS[settings.name].windows)(file, settings, length, window_set)
    except ValueError as error:
        raise ValueError(f"{file.path}: {error}") from error
    return index


def every_window(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """Every window of every video. Raises ValueError for another set, and where videos are too short."""
    if window_set != "all":
        raise ValueError(
            f"the published loader sees all windows of this dataset: leave `{window_set}` out of evaluation.window_sets"
        )
    return all_windows(file.n_videos, file.n_frames, length)
