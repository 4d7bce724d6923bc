"""SST's windows, and what is known of them beside their frames: how the frames were normalised.

Apart from `sst.py`, because training and evaluation need no netCDF.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.sst import SstSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.sst_normalisation import DayStatistics, denormalise
from pipeline_lib.data.window_rules import every_window
from pipeline_lib.data.windows import WindowIndex, all_windows

N_UNSEEN = 2
"""Days at the beginning of a part that the published loader never uses."""

OF_DAYS = ("climatology_mean", "climatology_std", "spatial_mean", "spatial_std")
OF_ZONES = ("temperature_minimum", "temperature_maximum", "normalised_minimum", "normalised_maximum")


def windows(file: VideoFile, settings: SstSettings, length: int, window_set: str) -> WindowIndex:
    """All windows of a part, or the published ones: those that begin on its third day or later, so N - length - 1 in
    each zone of N days. Raises ValueError where there are none."""
    if window_set != "published":
        return every_window(file, settings, length, window_set)
    index = all_windows(file.n_videos, file.n_frames, length)
    published = index[index.start >= N_UNSEEN]
    if len(published) == 0:
        raise ValueError(
            f"the published loader, which leaves out the first {N_UNSEEN} days, sees no window of {length} frames in "
            f"{file.n_frames} days: shorten the windows, or set `windows` and evaluation.window_sets to all"
        )
    return published


def context(file: VideoFile, index: WindowIndex, n_cond: int) -> dict[str, NDArray[Any]]:
    """Of the predicted frames `climatology_mean`, `climatology_std` [°C], `spatial_mean`, `spatial_std` (n, n_pred); of
    their zones `temperature_minimum`, …`_maximum` [°C], `normalised_minimum`, …`_maximum` (n,)."""
    of_zones = {name: file.array(name)[index.video] for name in OF_ZONES}
    return _statistics(file, index, slice(n_cond, None)).arrays() | of_zones


def in_celsius(file: VideoFile, index: WindowIndex, frames_NTCHW: NDArray[Any], first: int) -> NDArray[np.float32]:
    """Frames of these windows from number `first` on, true or predicted, in °C by the statistics of the true ones."""
    of_frames = slice(first, first + frames_NTCHW.shape[1])
    statistics = _statistics(file, index, of_frames)[..., None]
    return denormalise(frames_NTCHW.astype(np.float64), statistics).astype(np.float32)


def _statistics(file: VideoFile, index: WindowIndex, of_frames: slice) -> DayStatistics:
    """Of some of the frames of each window, (n, …)."""
    days = index.frames(file.n_frames)[:, of_frames]
    return DayStatistics(**{name: file.array(name)[index.video[:, None], days] for name in OF_DAYS})
