"""Prepared files of videos (`pipeline_lib.data.prepared` says what all prepared files share).

- `video`: (N, T, C, H, W), either float32, stored contiguously, so that any window is one read; or uint8, of which k
  stands for k / 255, one compressed chunk per video, for images that are mostly black;
- further named datasets, one entry per video or of a length of their own (parameters, sampled pixels, ...).
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.prepared import PreparedFile, VideoDescription, new_file
from pipeline_lib.data.windows import WindowIndex

FLOATS = np.dtype("<f4")
BYTES = np.dtype("u1")
# The lowest level halves the time of the next one, and black is black at any.
COMPRESSION_LEVEL = 1

Videos = NDArray[np.float32]


def write_videos(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int, int, int],
    batches: Iterable[NDArray[Any]],
    description: VideoDescription,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    dtype: np.dtype[Any] = FLOATS,
) -> str:
    """Write a prepared file, atomically, one batch (n, T, C, H, W) in memory at a time.

    `shape` is (N, T, C, H, W); the batches must add up to it. `dtype` is FLOATS or BYTES. Returns the content digest.
    """
    layout = {} if dtype == FLOATS else _compressed((1, *shape[1:]))
    digest = hashlib.sha256()
    with new_file(path, "video", description, digest) as file:
        video = file.create_dataset("video", shape, dtype, **layout)
        n_written = 0
        for batch in batches:
            assert batch.shape[1:] == shape[1:] and n_written + len(batch) <= shape[0], (batch.shape, shape)
            assert np.can_cast(batch.dtype, dtype, "same_kind"), (batch.dtype, dtype)
            stored = np.ascontiguousarray(batch, dtype)
            video[n_written : n_written + len(batch)] = stored
            digest.update(stored.data)
            n_written += len(batch)
        assert n_written == shape[0], f"{n_written} videos given, {shape[0]} announced"
        for name, array in (arrays or {}).items():
            file.create_dataset(name, data=array)
    return digest.hexdigest()


def write_long_video(
    path: str | os.PathLike[str],
    n_frames: int,
    frame_shape: tuple[int, int, int],
    parts: Iterable[NDArray[np.float32]],
    description: VideoDescription,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> str:
    """Write a prepared file of a single video of `n_frames` frames, atomically, one part of it in memory at a time.

    The parts (n, C, H, W) must add up to it. Returns the content digest.
    """
    digest = hashlib.sha256()
    with new_file(path, "video", description, digest) as file:
        video = file.create_dataset("video", (1, n_frames, *frame_shape), FLOATS)
        n_written = 0
        for part in parts:
            stored = np.ascontiguousarray(part, FLOATS)
            video[0, n_written : n_written + len(stored)] = stored
            digest.update(stored.data)
            n_written += len(stored)
        assert n_written == n_frames, f"{n_written} frames given, {n_frames} announced"
        for name, array in (arrays or {}).items():
            file.create_dataset(name, data=array)
    return digest.hexdigest()


def _compressed(chunk: tuple[int, ...]) -> dict[str, Any]:
    return {"chunks": chunk, "compression": "gzip", "compression_opts": COMPRESSION_LEVEL}


class VideoFile(PreparedFile):
    """A prepared file of videos, open for reading: `with VideoFile(path) as videos: videos.read(0, 8)`.

    Raises ValueError, naming the file and what to do, if it is missing, truncated, unfinished or not ours.
    """

    kind = "video"

    @property
    def n_videos(self) -> int:
        """N."""
        return int(self._contents.shape[0])

    @property
    def n_frames(self) -> int:
        """T, the same for all videos."""
        return int(self._contents.shape[1])

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, _, channels, height, width = self._contents.shape
        return int(channels), int(height), int(width)

    @property
    def facts(self) -> dict[str, Any]:
        """Which data these are, and how many videos of what shape."""
        shape = {"n_videos": self.n_videos, "n_frames": self.n_frames, "frame_shape": list(self.frame_shape)}
        return {**super().facts, **shape}

    def read(self, start: int, stop: int) -> Videos:
        """Videos start..stop-1 as (n, T, C, H, W) float32."""
        if not 0 <= start <= stop <= self.n_videos:
            raise ValueError(f"{self.path}: videos {start}..{stop} asked for, the file has {self.n_videos}")
        return as_floats(self._stored(np.s_[start:stop]))

    def read_stored(self) -> NDArray[Any]:
        """All videos as they are stored, (N, T, C, H, W) float32 or uint8."""
        return self._stored(np.s_[:])

    def iterate(self, batch: int) -> Iterator[Videos]:
        """All videos in order, `batch` at a time (the last batch may be smaller)."""
        for start in range(0, self.n_videos, batch):
            yield self.read(start, min(start + batch, self.n_videos))

    def read_windows(self, index: WindowIndex) -> Videos:
        """The windows of an index: (n, length, C, H, W) float32. Raises ValueError for such as go beyond a video."""
        video, frames_NT = index.video, index.frames(self.n_frames)
        if len(index) and (
            video.min() < 0 or video.max() >= self.n_videos or frames_NT.min() < 0 or frames_NT.max() >= self.n_frames
        ):
            raise ValueError(
                f"{self.path}: windows of {index.length} frames asked for that go beyond its {self.n_videos} videos "
                f"of {self.n_frames} frames"
            )
        windows = np.empty((*frames_NT.shape, *self.frame_shape), np.float32)
        # Windows of one video overlap: what they cover together is read once.
        for number in np.unique(video):
            chosen = np.flatnonzero(video == number)
            first, last = frames_NT[chosen].min(), frames_NT[chosen].max()
            covered = as_floats(self._stored(np.s_[number, first : last + 1]))
            for k in chosen:
                windows[k] = covered[frames_NT[k] - first]
        return windows

    def _check_contents(self) -> None:
        video = self._contents
        if video.dtype not in (FLOATS, BYTES) or len(video.shape) != 5 or 0 in video.shape:
            raise self._error(
                f"holds 'video' as {video.dtype} {video.shape}, expected float32 or uint8 (N, T, C, H, W)"
            )


def as_floats(values: NDArray[Any]) -> NDArray[np.float32]:
    """Bytes k as k / 255, correctly rounded; float32 as it is."""
    if values.dtype == BYTES:
        return np.divide(values, np.float32(255), dtype=np.float32)
    return np.asarray(values, np.float32)
