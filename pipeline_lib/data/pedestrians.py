"""MOTSChallenge pedestrians: up to three people walking on black, of whom one frame is missing (DIVE paper, section
4.2), from the folders that `pipeline_lib.data.pedestrian_frames` reads to train.h5 and test.h5.

The training part holds videos as they were read, each once: reversing, mirroring, drifting and blanking are for
`pipeline_lib.data.pedestrian_windows`, anew in every epoch. The test part has drifted, and its frames are blanked,
once and for all. The published loader differs in four things, which are not shared: it pads wide frames along their
longer axis, so that what is left of them lies beside the frame; it shuffles sequences anew for each part, so that the
parts overlap; its complete videos do not drift as the observed ones do; and it blanks the first frame to be forecast
in one video of twenty.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline_lib.config.pedestrians import PedestriansPreparation, PedestriansSettings
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.data.chair_images import listed
from pipeline_lib.data.complete_video import write_complete_videos
from pipeline_lib.data.drift import Disturbance, draw_disturbance
from pipeline_lib.data.hdf5 import BYTES, write_videos
from pipeline_lib.data.pedestrian_frames import FRAME_SHAPE, PLACES, Bytes, Video, find_videos, read_video
from pipeline_lib.data.prepared import VideoDescription
from pipeline_lib.runtime.seeding import generator
from pipeline_lib.runtime.workers import in_order

N_WORKERS = 2
SOURCE_FILE = "source.txt"
"""A sentence on where sequences come from, beside their folders; what `cut-pedestrians` writes."""


def split(sequences: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """The sequences for training and those for the test: sorted, shuffled once, the first 80 %."""
    ordered = sorted(sequences)
    shuffled = [ordered[k] for k in generator(seed, "shuffle").permutation(len(ordered))]
    n_train = PedestriansSettings.n_training_sequences(len(shuffled))
    return shuffled[:n_train], shuffled[n_train:]


def places(sequences: Sequence[str], seed: int) -> dict[str, str]:
    """Where the frames of each sequence lie in the square: start, middle and end are equally likely."""
    drawn = generator(seed, "draw").integers(len(PLACES), size=len(sequences))
    return {name: PLACES[k] for name, k in zip(sorted(sequences), drawn, strict=True)}


def prepare(
    settings: PedestriansSettings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
    *,
    raw: str | os.PathLike[str],
    n_workers: int = N_WORKERS,
) -> None:
    """Write the videos (15, 1, 256, 256) of both parts, from the folders seq_* below the folder `sequences` in `raw`.

    `progress` is called with the videos done and those to do in all. Both files hold, of the N videos, `sequence` (N,)
    and `permutation` (N,), where they are from, and `frame` (N, 15), the numbers of their frames. test.h5 besides:
    `complete` (N, 15, 1, 256, 256) uint8, the videos before a frame is blanked; `missing` (N, 15, 1), which one is;
    `drift` (N, 2) float32, rows and columns from a frame to the next [pixels].
    Raises ValueError, naming what is at fault, and all images that are (20 at most), before either file has its name.
    """
    made, folder = settings.preparation, Path(raw) / RAW_SOURCES[str(settings.raw_source)].files[0].name
    found = _find(folder, made)
    parts = {
        part: _in_turn([found[name] for name in names])
        for part, names in zip(("train", "test"), split(list(found), made.seed), strict=True)
    }
    _check_parts(parts, folder, len(found))
    reading = _Reading([*parts["test"], *parts["train"]], n_workers, progress)
    # The test part waits until all images are read: if one is bad, neither part gets its name.
    still = list(islice(reading.frames, len(parts["test"])))
    drawn = draw_disturbance(generator(made.seed, "videos"), len(still), made.n_input_frames, made.max_drift)
    raw_sha256: dict[str, str] = {}

    def train_videos() -> Iterator[Bytes]:
        for frames in reading.frames:
            yield frames[None]
        raw_sha256[folder.name] = reading.checked_sha256()

    def description(part: str) -> VideoDescription:
        # The sums are known, and written, when the last image of the training part has been read.
        source = RAW_SOURCES[str(settings.raw_source)].title + _source_of(folder)
        return VideoDescription.of(settings, part, code_version, raw_sha256, source)

    shape = (len(parts["train"]), made.n_frames, *FRAME_SHAPE)
    write_videos(train_path, shape, train_videos(), description("train"), _origin(parts["train"]), BYTES)
    pixels = drawn.drift * np.array(FRAME_SHAPE[1:]) / 2
    of_test = {"drift": pixels.astype(np.float32), **_origin(parts["test"])}
    write_complete_videos(test_path, len(still), _disturbed(still, drawn), description("test"), of_test)


def _find(folder: Path, made: PedestriansPreparation) -> dict[str, list[Video]]:
    """The videos of every sequence, each with its place in the square; ValueError names all that is wrong (20 at
    most)."""
    found, problems = find_videos(folder, made.n_frames)
    if problems:
        raise ValueError(listed(f"{folder}: sequences cannot be used; remove them or get them again", problems))
    place = places(list(found), made.seed)
    return {name: [video.at(place[name]) for video in videos] for name, videos in found.items()}


def _in_turn(sequences: Sequence[Sequence[Video]]) -> list[Video]:
    """The first video of every sequence, then the second one: so the first few show different sequences."""
    most = max((len(videos) for videos in sequences), default=0)
    return [videos[k] for k in range(most) for videos in sequences if k < len(videos)]


def _check_parts(parts: Mapping[str, Sequence[Video]], folder: Path, n_sequences: int) -> None:
    for part, videos in parts.items():
        if not videos:
            raise ValueError(
                f"{folder}: no video is left for the {part} part of {n_sequences} sequences, of which 80 % are for "
                "training: it takes more of them, or such whose successive images show one permutation"
            )


def _disturbed(videos: Sequence[Bytes], drawn: Disturbance) -> Iterator[dict[str, NDArray[Any]]]:
    """The test part, a video at a time: complete and observed (1, T, 1, 256, 256), and which frame is missing."""
    for k, frames in enumerate(videos):
        of_video = drawn[k : k + 1]
        complete = np.rint(255 * of_video.complete(torch.from_numpy(frames[None])).numpy()).astype(np.uint8)
        missing = of_video.missing(len(frames))
        observed = np.where(missing[..., None, None, None], np.uint8(0), complete)
        yield {"video": observed, "complete": complete, "missing": missing[..., None]}


def _origin(videos: Sequence[Video]) -> dict[str, NDArray[Any]]:
    return {
        "sequence": np.array([video.sequence.encode() for video in videos]),
        "permutation": np.array([video.permutation for video in videos], np.int64),
        "frame": np.array([video.frames for video in videos], np.int64),
    }


def _source_of(folder: Path) -> str:
    path = folder / SOURCE_FILE
    if not path.is_file():
        return ""
    try:
        return f"; {' '.join(path.read_text(encoding='utf-8').split())}"
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text ({error}); write into it where the sequences come from") from error


class _Reading:
    """Reads videos one after the other; remembers their sums, and what is wrong with their images."""

    def __init__(self, videos: Sequence[Video], n_workers: int, progress: Callable[[int, int], None] | None) -> None:
        self._videos, self._progress = videos, progress
        self._sums: list[str] = []
        self._problems: list[str] = []
        self.frames = self._read(n_workers)

    def _read(self, n_workers: int) -> Iterator[Bytes]:
        """Every video, (T, 1, 256, 256)."""
        for found in in_order(read_video, self._videos, n_workers):
            self._sums.append(found.sha256)
            self._problems += found.problems
            if self._progress is not None:
                self._progress(len(self._sums), len(self._videos))
            yield found.frames

    def checked_sha256(self) -> str:
        """Digest over names and bytes of all images, once all are read. Raises ValueError that names the bad ones."""
        if self._problems:
            raise ValueError(listed("images cannot be used; get them again", sorted(self._problems)))
        return hashlib.sha256("".join(self._sums).encode()).hexdigest()
