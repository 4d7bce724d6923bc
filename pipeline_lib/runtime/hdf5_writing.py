"""Writing HDF5 files, whole or not at all, also where the disk is full."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from pipeline_lib.runtime.atomic import atomic_path


@contextmanager
def hdf5_file(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Yield a new HDF5 file to fill; when the block ends without an error, it stands at `path`.

    Raises OSError, naming `path`, where it cannot be written; what stood there before stays.
    """
    with atomic_path(path) as temporary, _Target(temporary) as target:
        try:
            with h5py.File(target, "w") as file:
                try:
                    yield file
                finally:
                    target.raises = False
        finally:
            if target.error is not None:  # what h5py says of it is less clear, and nothing if it happened on closing
                raise target.error


class _Target(io.RawIOBase):
    """A file that fails once.

    After a failed write, HDF5 tries again on closing and at the end of the process; when that fails too, it cannot let
    go of the file and crashes the process instead of reporting. So from the first error on, nothing is written any
    more, and all is said to be well. `raises`: whether the first error is raised, too; HDF5 bears none on closing.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "w+b", buffering=0)
        self.error: OSError | None = None
        self.raises = True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        n_written = 0
        try:
            while self.error is None and n_written < len(view):
                n_written += self._file.write(view[n_written:])
        except OSError as error:
            self._note(error)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            if self.error is None:
                self._file.truncate(size)
        except OSError as error:
            self._note(error)
        return size or 0

    def _note(self, error: OSError) -> None:
        self.error = error
        if self.raises:
            raise error

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
