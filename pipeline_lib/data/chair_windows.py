"""Windows of 3D Warehouse Chairs, which go around the chair."""

import numpy as np

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.windows import WindowIndex


def windows(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """Consecutive views starting anywhere and going on around the chair: as many windows of a chair as it has views.

    In the published order: from the first view on of every chair, then from the second on. So the first few windows
    show all chairs, and window k is the one that item k of the swap test takes its motion from.
    Raises ValueError for another set than "all", and for windows that would show a view twice.
    """
    if window_set != "all":
        raise ValueError(
            f"the published loader sees all windows of this dataset: leave `{window_set}` out of evaluation.window_sets"
        )
    if length > file.n_frames:
        raise ValueError(
            f"windows of {length} views would show some of a chair's {file.n_frames} views twice: lower n_cond or "
            "n_pred of the task, or the forecast horizon of the evaluation"
        )
    start, video = np.divmod(np.arange(file.n_videos * file.n_frames, dtype=np.int64), file.n_videos)
    return WindowIndex(video, start, length, wraps=True)
