"""What all prepared files share: HDF5, attributes that say what made them, and refusal of anything else.

A prepared file holds one part (train or test) of one dataset, in one of two kinds, each with a dataset of its name:

- `video`: the videos themselves (`pipeline_lib.data.hdf5`);
- `digits`: images of which videos are made as they are needed (`pipeline_lib.data.digit_file`).

Attributes: see `VideoDescription`; `content_sha256` over the bytes of that dataset (little-endian, C order), and
`complete`, which is written last.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.data.damage import UnfitFile, damage_told
from pipeline_lib.data.hdf5_reading import stored_dataset
from pipeline_lib.runtime.hdf5_writing import hdf5_file

FORMATS = {"video": "pipeline_lib prepared videos", "digits": "pipeline_lib prepared digits"}
FORMAT_VERSION = 1
TEXTS = ("dataset", "part", "source", "preparation", "content_sha256")
"""Attributes that every file has and that are asked for."""
# Read at a time where all contents are read.
CHECKED_BYTES = 2**24


@dataclass(frozen=True)
class VideoDescription:
    """What the attributes of a prepared file say.

    part: "train" or "test". source: where the videos come from, a sentence. preparation: the settings, plain JSON
    types. code_version: git commit that prepared the file, "unknown" outside a checkout. published_frame_width:
    the frame width that the published loader takes for the number of frames, None where it does not. raw_sha256:
    digests of the raw files, by name.
    """

    dataset: str
    part: str
    source: str
    preparation: Mapping[str, Any]
    code_version: str = "unknown"
    published_frame_width: int | None = None
    raw_sha256: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        settings: DatasetSettings,
        part: str,
        code_version: str,
        raw_sha256: Mapping[str, str],
        source: str | None = None,
    ) -> Self:
        """Of a dataset with a raw source, whose title the source is unless there is more to say."""
        return cls(
            dataset=settings.name,
            part=part,
            source=source or RAW_SOURCES[str(settings.raw_source)].title,
            preparation=settings.preparation.model_dump(mode="json"),
            code_version=code_version,
            raw_sha256=raw_sha256,
        )


class Digest(Protocol):
    """A running digest, as hashlib makes them."""

    def update(self, data: Any, /) -> None: ...

    def hexdigest(self) -> str: ...


@contextmanager
def new_file(
    path: str | os.PathLike[str], kind: str, description: VideoDescription, digest: Digest
) -> Iterator[h5py.File]:
    """Yield a file to write the contents to; when the block ends, it gets its attributes and then its name.

    The block leaves in `digest` that of the dataset `kind`.
    """
    with hdf5_file(path) as file:
        yield file
        file.attrs.update(_attributes(kind, description))
        file.attrs["content_sha256"] = digest.hexdigest()
        file.attrs["complete"] = True


def _attributes(kind: str, description: VideoDescription) -> dict[str, Any]:
    attributes = {
        "format": FORMATS[kind],
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
    if description.raw_sha256:
        attributes["raw_sha256"] = json.dumps(dict(description.raw_sha256), sort_keys=True)
    return attributes


def _package_version() -> str:
    try:
        return metadata.version("video-disentanglement")
    except metadata.PackageNotFoundError:
        return "not installed"


class PreparedFile:
    """A prepared file of either kind, open for reading what they share; the sub-classes open one kind.

    Raises ValueError, naming the file and what to do, if it is missing, truncated, unfinished, not ours or of the
    other kind.
    """

    kind: ClassVar[str | None] = None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self._open()
        try:
            with damage_told(self._error):
                self._contents: h5py.Dataset = self._find_contents()
                self._check_contents()
                self.attributes: dict[str, Any] = {name: _plain(value) for name, value in self._file.attrs.items()}
                self._check_attributes()
        except BaseException:
            self._file.close()
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
    def content_sha256(self) -> str:
        """Digest of the contents, as it was taken when they were written."""
        return str(self.attributes["content_sha256"])

    @property
    def preparation(self) -> dict[str, Any]:
        """The settings that the file was prepared with."""
        settings: dict[str, Any] = json.loads(self.attributes["preparation"])
        return settings

    @property
    def facts(self) -> dict[str, Any]:
        """Which data these are: name and part of the dataset, digest of the contents, source."""
        return {
            "name": str(self.attributes["dataset"]),
            "part": str(self.attributes["part"]),
            "digest": self.content_sha256,
            "source": str(self.attributes["source"]),
        }

    @property
    def summary(self) -> str:
        """What the file holds, in a few words."""
        if len(self._contents.shape) == 5:
            n_videos, n_frames, *frame_shape = self._contents.shape
            return f"{n_videos} video{'s' if n_videos > 1 else ''} of {n_frames} frames {tuple(frame_shape)}"
        return f"{self._contents.shape[0]} digits {self._contents.shape[1:]}, of which videos are made as needed"

    def has(self, name: str) -> bool:
        """Whether the file has a further dataset of this name."""
        return name in self._file

    def array(self, name: str, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """A further dataset of the file, or its entries first..last-1; ValueError if it has none of that name, or a
        damaged one."""
        with damage_told(self._error):
            values: NDArray[Any] = stored_dataset(self._file, name, self._error)[first:last]
        return values

    def check_dataset(self, dataset: str, part: str) -> None:
        """ValueError unless this is that part of that dataset."""
        found = (self.attributes["dataset"], self.attributes["part"])
        if found != (dataset, part):
            raise ValueError(
                f"{self.path} is the {found[1]} part of {found[0]}; the {part} part of {dataset} is wanted"
            )

    def check_content(self) -> None:
        """Read all contents and compare with `content_sha256`; ValueError if they are not what was written."""
        digest = hashlib.sha256()
        n_entries, *entry_shape = self._contents.shape
        step = max(1, CHECKED_BYTES // (math.prod(entry_shape) * self._contents.dtype.itemsize))
        for first in range(0, n_entries, step):
            digest.update(np.ascontiguousarray(self._stored(np.s_[first : first + step])).data)
        if digest.hexdigest() != self.content_sha256:
            raise self._error("holds other contents than were written (their SHA-256 is another one)")

    def _stored(self, selection: Any) -> NDArray[Any]:
        """Part of the contents, as they are stored."""
        with damage_told(self._error):
            values: NDArray[Any] = self._contents[selection]
        return values

    def _open(self) -> h5py.File:
        if not self.path.is_file():
            raise self._error("does not exist")
        try:
            # Prepared files never change once they have their name, and locks fail on many network file systems.
            return h5py.File(self.path, "r", locking=False)
        except OSError as error:
            what = "is damaged or truncated" if h5py.is_hdf5(self.path) else "is not an HDF5 file"
            raise self._error(f"{what} ({error})") from error

    def _find_contents(self) -> h5py.Dataset:
        attributes = self._file.attrs
        kinds = {written: kind for kind, written in FORMATS.items()}
        kind = kinds.get(attributes.get("format"))
        if kind is None:
            expected = " or ".join(f"'{written}'" for written in kinds)
            raise self._error(f"is an HDF5 file of another kind: it has no attribute format = {expected}")
        if (version := attributes.get("format_version")) != FORMAT_VERSION:
            raise self._error(f"has version {version} of the format, {FORMAT_VERSION} is expected")
        if not attributes.get("complete", False):
            raise self._error("was not written to its end")
        if self.kind not in (None, kind):
            raise UnfitFile(
                f"{self.path} is a file of {FORMATS[kind]}, one of {FORMATS[str(self.kind)]} is wanted here"
            )
        return stored_dataset(self._file, kind, self._error)

    def _check_attributes(self) -> None:
        """ValueError unless there is all that `attributes`, `preparation` and `facts` are asked for."""
        for name in TEXTS:
            text = self.attributes.get(name)
            if not isinstance(text, str):
                raise self._error(f"has no text as its attribute '{name}'")
            text.encode()  # h5py gives bytes in no encoding as lone surrogates, which nobody can write
        if not isinstance(json.loads(self.attributes["preparation"]), dict):
            raise self._error("does not say in its attribute 'preparation' what it was prepared with")

    def _check_contents(self) -> None:
        """ValueError unless shape and type of the contents are those of the kind."""

    def _error(self, what: str) -> UnfitFile:
        return UnfitFile(
            f"{self.path} {what}. It should be a prepared file: delete it and start the pipeline again, "
            "or make it with `python -m pipeline_lib prepare`."
        )


def _plain(value: Any) -> Any:
    """NumPy scalars as Python ones."""
    return value.item() if isinstance(value, np.generic) else value
