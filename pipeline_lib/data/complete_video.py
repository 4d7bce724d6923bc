"""Test files of videos in which something is missing or hidden, and the truth behind them.

- `video` (N, T, C, H, W) uint8: as it is observed;
- `complete`, likewise: nothing missing or hidden;
- `missing` (N, T, K) bool: where nothing of an object is visible in the observed frame;
- `component` (N, T, K, C, H, W) uint8, where it is known: each object of the complete video alone;
- `centre` (N, T, K, 2) float32, where it is known: row and column of the object's centre [pixels];
- further datasets of the dataset's own.

Compressed, a chunk per video, where these are frames. `pipeline_lib.data.prepared` says what prepared files share.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.hdf5 import BYTES, COMPRESSION_LEVEL, VideoFile, as_floats
from pipeline_lib.data.prepared import VideoDescription, new_file
from pipeline_lib.data.windows import WindowIndex

TRUTH = ("complete", "missing", "component", "centre")


def write_complete_videos(
    path: str | os.PathLike[str],
    n_videos: int,
    batches: Iterable[Mapping[str, NDArray[Any]]],
    description: VideoDescription,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> str:
    """Write a test file, atomically, one batch in memory at a time; `n_videos` is N.

    A batch holds its videos' part of `video` and of all that is known of them, by name; `arrays` are whole.
    Returns the content digest.
    """
    digest = hashlib.sha256()
    with new_file(path, "video", description, digest) as file:
        n_written = 0
        for batch in batches:
            n_new = len(batch["video"])
            assert n_written + n_new <= n_videos and all(len(part) == n_new for part in batch.values()), n_new
            for name, part in batch.items():
                if name not in file:
                    _create(file, name, n_videos, part)
                file[name][n_written : n_written + n_new] = part
            digest.update(np.ascontiguousarray(batch["video"]).data)
            n_written += n_new
        assert n_written == n_videos, f"{n_written} videos given, {n_videos} announced"
        for name, array in (arrays or {}).items():
            file.create_dataset(name, data=array)
    return digest.hexdigest()


def _create(file: h5py.File, name: str, n_videos: int, part: NDArray[Any]) -> None:
    layout: dict[str, Any] = {}
    if part.dtype == BYTES:
        layout = {"chunks": (1, *part.shape[1:]), "compression": "gzip", "compression_opts": COMPRESSION_LEVEL}
    file.create_dataset(name, (n_videos, *part.shape[1:]), part.dtype, **layout)


def truth_of_windows(file: VideoFile, index: WindowIndex, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """What a test file knows of these windows' frames: arrays (n, length, …); frames as float32 in [0, 1]."""
    frames_NT = index.frames(file.n_frames)
    truth: dict[str, NDArray[Any]] = {}
    for name in names:
        of_videos = {number: file.array(name, number, number + 1)[0] for number in np.unique(index.video).tolist()}
        parts = [of_videos[number][frames] for number, frames in zip(index.video.tolist(), frames_NT, strict=True)]
        values = np.stack(parts)
        truth[name] = as_floats(values) if values.dtype == BYTES else values
    return truth


def context(file: VideoFile, index: WindowIndex, n_cond: int) -> dict[str, NDArray[Any]]:
    """`complete`, `missing`, and where they are known `component` and `centre`, of all frames of the windows:
    (n, length, …)."""
    return truth_of_windows(file, index, [name for name in TRUTH if file.has(name)])
