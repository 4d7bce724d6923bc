"""3D Warehouse Chairs: a video is the 62 views around a chair, 31 azimuths at each of two elevations (PDE paper,
appendix on the datasets)."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.chairs import ChairsSettings
from pipeline_lib.data.chair_images import (
    ARCHIVE,
    FOLDER,
    FRAME_SHAPE,
    N_VIEWS,
    View,
    find_chairs,
    listed,
    read_chair,
)
from pipeline_lib.data.hdf5 import BYTES, write_videos
from pipeline_lib.data.prepared import VideoDescription
from pipeline_lib.runtime.workers import in_order

N_WORKERS = 2


def split(chairs: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """The chairs for training and those for the test: sorted, shuffled by NumPy's legacy generator, the first 85 %."""
    shuffled = sorted(chairs)
    np.random.RandomState(seed).shuffle(shuffled)
    n_train = ChairsSettings.n_training_chairs(len(shuffled))
    return shuffled[:n_train], shuffled[n_train:]


def prepare(
    settings: ChairsSettings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
    *,
    raw: str | os.PathLike[str],
    n_workers: int = N_WORKERS,
) -> None:
    """Write the videos (62, 3, 64, 64) of the training and of the test chairs, from rendered_chairs.tar, or the folder
    extracted from it, in the folder `raw`. They do not depend on the number of processes, `n_workers`.

    `progress` is called with the chairs done and those to do in all. The files' further dataset is `chair` (N,), the
    names of the chairs. Raises ValueError, naming what is at fault, and all images that are (20 at most), before
    either file has its name.
    """
    preparation = settings.preparation
    chairs = find_chairs(Path(raw))
    _check_number(len(chairs), settings, Path(raw))
    train, test = split(list(chairs), preparation.seed)
    reading = _Reading(chairs, [*test, *train], n_workers, progress)
    # The test part, 160 MB, waits until all images are read: if one is bad, neither part gets its name.
    test_videos = list(islice(reading.videos, len(test)))
    raw_sha256: dict[str, str] = {}

    def train_videos() -> Iterator[NDArray[np.uint8]]:
        yield from reading.videos
        raw_sha256[FOLDER] = reading.checked_sha256()

    parts = (("train", train_path, train, train_videos()), ("test", test_path, test, iter(test_videos)))
    for part, path, names, videos in parts:
        # The sums are known, and written, when the last image of the training part has been read.
        description = VideoDescription.of(settings, part, code_version, raw_sha256)
        arrays = {"chair": np.array([name.encode() for name in names])}
        write_videos(path, (len(names), N_VIEWS, *FRAME_SHAPE), videos, description, arrays, BYTES)


def _check_number(n_chairs: int, settings: ChairsSettings, raw: Path) -> None:
    expected = settings.preparation.n_chairs
    if n_chairs != expected:
        raise ValueError(
            f"{raw}: {n_chairs:,} chairs in {ARCHIVE} or {FOLDER}, expected are {expected:,}, on which the split into "
            "training and test depends. Get the whole archive, or set dataset.preparation.n_chairs of all experiments "
            f"on {settings.name} to {n_chairs} to go on with these"
        )


class _Reading:
    """Reads chairs one after the other; remembers their sums, and what is wrong with their images."""

    def __init__(
        self,
        chairs: Mapping[str, Sequence[View]],
        order: Sequence[str],
        n_workers: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._chairs, self._order, self._progress = chairs, order, progress
        self._sums: dict[str, str] = {}
        self._problems: dict[str, tuple[str, ...]] = {}
        self.videos = self._read(n_workers)

    def _read(self, n_workers: int) -> Iterator[NDArray[np.uint8]]:
        """Every chair's video, (1, 62, 3, 64, 64)."""
        results = in_order(read_chair, (self._chairs[chair] for chair in self._order), n_workers)
        for chair, views in zip(self._order, results, strict=True):
            self._sums[chair], self._problems[chair] = views.sha256, views.problems
            if self._progress is not None:
                self._progress(len(self._sums), len(self._order))
            yield views.frames[None]

    def checked_sha256(self) -> str:
        """Digest over names and bytes of all images, once all are read. Raises ValueError that names the bad ones."""
        problems = [problem for chair in sorted(self._problems) for problem in self._problems[chair]]
        if problems:
            raise ValueError(listed("images cannot be used; get them again", problems))
        return hashlib.sha256("".join(self._sums[chair] for chair in sorted(self._sums)).encode()).hexdigest()
