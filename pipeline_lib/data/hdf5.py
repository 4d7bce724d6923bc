"""The prepared-file format: videos in HDF5, with the attributes that say what made them.

One file holds one part (train or test) of one dataset:

- `video`: (N, T, C, H, W) float32, stored contiguously, so that any window is one read;
- further named datasets, one entry per video or of a length of their own (parameters, sampled pixels, ...);
- attributes: see `VideoDescription`; `content_sha256` over the bytes of `video` (little-endian, C order), and
  `complete`, which is written last.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.runtime.hdf5_writing import hdf5_file

FORMAT = "pipeline_lib prepared videos"
FORMAT_VERSION = 1
STORED_DTYPE = np.dtype("<f4")

Videos = NDArray[np.float32]


@dataclass(frozen=True)
class VideoDescription:
    """What the attributes of a prepared file say.

    part: "train" or "test". source: where the videos come from, a sentence. preparation: the settings, plain JSON
    types. code_version: git commit that prepared the file, "unknown" outside a checkout. published_frame_width:
    the frame width that the published loader takes for the number of frames, None where it does not.
    """

    dataset: str
    part: str
    source: str
    preparation: Mapping[str, Any]
    code_version: str = "unknown"
    published_frame_width: int | None = None


def write_videos(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int, int, int],
    batches: Iterable[Videos],
    description: VideoDescription,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> str:
    """Write a prepared file, atomically, one batch (n, T, C, H, W) in memory at a time.

    `shape` is (N, T, C, H, W); the batches must add up to it. Returns the content digest.
    """
    digest = hashlib.sha256()
    with hdf5_file(path) as file:
        video = file.create_dataset("video", shape, STORED_DTYPE)
        n_written = 0
        for batch in batches:
            assert batch.shape[1:] == shape[1:] and n_written + len(batch) <= shape[0], (batch.shape, shape)
            stored = np.ascontiguousarray(batch, STORED_DTYPE)
            video[n_written : n_written + len(batch)] = stored
            digest.update(stored.data)
            n_written += len(batch)
        assert n_written == shape[0], f"{n_written} videos given, {shape[0]} announced"
        for name, array in (arrays or {}).items():
            file.create_dataset(name, data=array)
        file.attrs.update(_attributes(description))
        file.attrs["content_sha256"] = digest.hexdigest()
        file.attrs["complete"] = True
    return digest.hexdigest()


def _attributes(description: VideoDescription) -> dict[str, Any]:
    attributes = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "dataset": description.dataset,
        "part": description.part,
        "source": description.source,
        "preparation": json.dumps(dict(description.preparation), sort_keys=True),
        "package_version": _package_version(),
        "code_version": description.code_version,
    }
    if description.published_frame_width is not None:
        attributes["published_frame_width"] = description.published_frame_width
    return attributes


def _package_version() -> str:
    try:
        return metadata.version("video-disentanglement")
    except metadata.PackageNotFoundError:
        return "not installed"


class VideoFile:
    """A prepared file, open for reading: `with VideoFile(path) as videos: videos.read(0, 8)`.

    Raises ValueError, naming the file and what to do, if it is missing, truncated, unfinished or not ours.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self._open()
        try:
            self._check_format()
            self._video: h5py.Dataset = self._file["video"]
            self.attributes: dict[str, Any] = {name: _plain(value) for name, value in self._file.attrs.items()}
        except BaseException as error:
            self._file.close()
            if isinstance(error, (OSError, RuntimeError, KeyError, UnicodeDecodeError)):  # h5py, on damaged headers
                raise self._error(f"is damaged ({error})") from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; reading ends."""
        self._file.close()

    @property
    def n_videos(self) -> int:
        """N."""
        return int(self._video.shape[0])

    @property
    def n_frames(self) -> int:
        """T, the same for all videos."""
        return int(self._video.shape[1])

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, _, channels, height, width = self._video.shape
        return int(channels), int(height), int(width)

    @property
    def content_sha256(self) -> str:
        """Digest of the videos, as it was taken when they were written."""
        return str(self.attributes["content_sha256"])

    @property
    def preparation(self) -> dict[str, Any]:
        """The settings that the file was prepared with."""
        settings: dict[str, Any] = json.loads(self.attributes["preparation"])
        return settings

    def array(self, name: str) -> NDArray[Any]:
        """A further dataset of the file, whole; ValueError if it has none of that name."""
        if name not in self._file:
            raise self._error(f"has no dataset '{name}', only {sorted(self._file)}")
        values: NDArray[Any] = self._file[name][()]
        return values

    def read(self, start: int, stop: int) -> Videos:
        """Videos start..stop-1 as (n, T, C, H, W) float32."""
        if not 0 <= start <= stop <= self.n_videos:
            raise ValueError(f"{self.path}: videos {start}..{stop} asked for, the file has {self.n_videos}")
        return self._read(np.s_[start:stop])

    def iterate(self, batch: int) -> Iterator[Videos]:
        """All videos in order, `batch` at a time (the last batch may be smaller)."""
        for start in range(0, self.n_videos, batch):
            yield self.read(start, min(start + batch, self.n_videos))

    def read_windows(self, video: NDArray[np.int64], start: NDArray[np.int64], length: int) -> Videos:
        """Windows of `length` frames, window k from frame start[k] of video[k] on: (n, length, C, H, W) float32."""
        if len(video) and (
            video.min() < 0 or video.max() >= self.n_videos or start.min() < 0 or start.max() + length > self.n_frames
        ):
            raise ValueError(
                f"{self.path}: windows of {length} frames asked for that go beyond its {self.n_videos} videos "
                f"of {self.n_frames} frames"
            )
        windows = np.empty((len(video), length, *self.frame_shape), np.float32)
        # Windows of one video overlap: what they cover together is read once.
        for index in np.unique(video):
            chosen = np.flatnonzero(video == index)
            first, last = start[chosen].min(), start[chosen].max()
            frames = self._read(np.s_[index, first : last + length])
            for k in chosen:
                windows[k] = frames[start[k] - first : start[k] - first + length]
        return windows

    def check_content(self, batch: int = 8) -> None:
        """Read all videos and compare with `content_sha256`; ValueError if they are not what was written."""
        digest = hashlib.sha256()
        for videos in self.iterate(batch):
            digest.update(np.ascontiguousarray(videos, STORED_DTYPE).data)
        if digest.hexdigest() != self.content_sha256:
            raise self._error("holds videos that differ from those written (their SHA-256 is another one)")

    def _read(self, selection: Any) -> Videos:
        try:
            return np.asarray(self._video[selection], np.float32)
        except OSError as error:
            raise self._error(f"cannot be read ({error})") from error

    def _open(self) -> h5py.File:
        if not self.path.is_file():
            raise self._error("does not exist")
        try:
            # Prepared files never change once they have their name, and locks fail on many network file systems.
            return h5py.File(self.path, "r", locking=False)
        except OSError as error:
            what = "is damaged or truncated" if h5py.is_hdf5(self.path) else "is not an HDF5 file"
            raise self._error(f"{what} ({error})") from error

    def _check_format(self) -> None:
        attributes = self._file.attrs
        if attributes.get("format") != FORMAT:
            raise self._error("is an HDF5 file of another kind: it has no attribute format = '" + FORMAT + "'")
        if (version := attributes.get("format_version")) != FORMAT_VERSION:
            raise self._error(f"has version {version} of the format, {FORMAT_VERSION} is expected")
        if not attributes.get("complete", False):
            raise self._error("was not written to its end")
        video = self._file.get("video")
        if not isinstance(video, h5py.Dataset):
            raise self._error("has no dataset 'video'")
        if video.dtype != STORED_DTYPE or len(video.shape) != 5 or 0 in video.shape:
            raise self._error(f"holds 'video' as {video.dtype} {video.shape}, expected float32 (N, T, C, H, W)")

    def _error(self, what: str) -> ValueError:
        return ValueError(
            f"{self.path} {what}. It should be a prepared file: delete it and start the pipeline again, "
            "or make it with `python -m pipeline_lib prepare`."
        )


def _plain(value: Any) -> Any:
    """NumPy scalars as Python ones."""
    return value.item() if isinstance(value, np.generic) else value
