"""TaxiBJ's windows of training and test, in order of time or as the published loader has them.

`pipeline_lib.data.taxibj` says which windows there are and how they were parted. Two sets of them:

- `all`: frames in order of time, the model forecasts the later ones; no training window has a frame of the test part.
- `published`: frames from the last to the first, so that the model sees the later ones and forecasts the earlier ones.
  The test windows are the same but for that. The training windows are those of `all` and, behind them, those that
  reach from the training into the test part. What they see there is in the dataset `border` of train.h5, which
  nothing but the training on `published` windows reads.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.resident import ResidentWindows
from pipeline_lib.data.resident import training_windows as resident_windows
from pipeline_lib.data.window_rules import windows_of
from pipeline_lib.data.windows import WindowIndex
from pipeline_lib.runtime.seeding import generator


def windows(file: VideoFile, settings: DatasetSettings, length: int, window_set: str) -> WindowIndex:
    """The windows of a set in a prepared part, in order of time.

    Those of `published` in the training part count the frames of `border` behind those of the video.
    Raises ValueError for windows of another length than the file was prepared for.
    """
    prepared_length = int(file.preparation["window_frames"])
    if length != prepared_length:
        raise ValueError(
            f"windows of {length} frames are asked for, and it was prepared for those of {prepared_length}: set "
            "dataset.preparation.window_frames, and prepare it again"
        )
    if window_set == "all":
        return _one_video(file.array("window_start"), length)
    assert window_set == "published", window_set
    of_part = "published_window_start" if file.attributes["part"] == "train" else "window_start"
    return _one_video(file.array(of_part) + length - 1, length, step=-1)


def _one_video(start: NDArray[np.int64], length: int, step: int = 1) -> WindowIndex:
    return WindowIndex(np.zeros_like(start), start, length, step)


def context(file: VideoFile, index: WindowIndex, n_cond: int) -> dict[str, NDArray[Any]]:
    """`week_before` (n, n_pred, 2, 32, 32): for each frame after the conditioning ones, the frame a week before it.

    Where that was not recorded, the mean training frame of the half hour (`pipeline_lib.data.taxibj.week_before`).
    """
    frames_NT = index.frames(file.n_frames)[:, n_cond:]
    first, last = int(frames_NT.min()), int(frames_NT.max())
    return {"week_before": file.array("week_before", first, last + 1)[frames_NT - first]}


def in_taxis(file: VideoFile, index: WindowIndex, frames_NTCHW: NDArray[Any], first: int) -> NDArray[np.float32]:
    """Frames as flows, in taxis per half hour; the same way back for all of them."""
    low, high = file.array("value_range")
    return (frames_NTCHW * np.float32(high - low) + np.float32(low)).astype(np.float32)


def by_date(file: VideoFile, index: WindowIndex, n_cond: int) -> list[str]:
    """Day and time of the first predicted frame of each window, and where the forecast goes from there."""
    frames_NT = index.frames(file.n_frames)
    dates, names = file.array("date"), []
    for before, first in frames_NT[:, n_cond - 1 : n_cond + 1].tolist():
        text, minutes = dates[first].decode(), 30 * (int(dates[first][8:]) - 1)
        day, time = f"{text[:4]}-{text[4:6]}-{text[6:8]}", f"{minutes // 60:02d}:{minutes % 60:02d}"
        names.append(f"{day}, from {time} {'on' if first > before else 'backwards'}")
    return names


class PublishedTrainingWindows(ResidentWindows):
    """Training windows that reach into the border: as `ResidentWindows`, with its frames behind those of the video."""

    @cached_property
    def _frames(self) -> Tensor:
        """(T + n, C, H, W) on the device: all frames of the video, then those of the border."""
        with VideoFile(self._path) as file:
            frames = np.concatenate([file.read_stored()[0], file.array("border")])
        return torch.from_numpy(frames).to(self._device)

    def sample(self, n_windows: int, length: int) -> Tensor:
        """A fixed sample of the windows that are trained on, drawn without replacement: (n, length, C, H, W)."""
        assert length == self._index.length, (length, self._index.length)
        count = min(n_windows, len(self._index))
        return self.batch(0, np.sort(generator(0, "validation").choice(len(self._index), size=count, replace=False)))


def training_windows(
    path: Path, dataset: DatasetSettings, length: int, device: torch.device, seed: int
) -> ResidentWindows:
    """The windows that the dataset's settings choose from a prepared train.h5, for any seed."""
    if getattr(dataset, "windows", "all") == "all":
        return resident_windows(path, dataset, length, device, seed)
    with VideoFile(path) as file:
        file.check_dataset(dataset.name, "train")
        index = windows_of(file, dataset, length, "published")
    return PublishedTrainingWindows(path, index, device, dataset)
