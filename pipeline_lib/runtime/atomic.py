"""Files, and folders of them, that are either whole or absent: temporary file in the same folder, fsync, rename, fsync
of the folder."""

import errno
import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a system says of a full disk, a used-up quota, a file beyond the size that is allowed."""


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to; when the block ends, the file there takes the name `path`.

    The folder of `path` is made if needed. On any exception the temporary file is removed and what stood at
    `path` before stays as it was. A process that is killed leaves at most a `.<name>.<random>.tmp` behind.
    Where space runs out, the error is an OSError that names `path` and what its disk has left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        yield temporary
        publish(temporary, path)
    except BaseException as error:
        full = _full_disk(error, path)
        temporary.unlink(missing_ok=True)
        if full:
            raise full from error
        raise


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new temporary folder to fill; when the block ends, it takes the name `path`, in place of what had it.

    On any exception the temporary folder is removed, and what stood at `path` stays as it was, as with `atomic_path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, earlier = (path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp" for _ in range(2))
    temporary.mkdir()
    try:
        yield temporary
        for below in (*temporary.rglob("*"), temporary):
            _sync(below)
        if path.exists():
            os.replace(path, earlier)
        os.replace(temporary, path)
        _sync(path.parent)
    except BaseException as error:
        full = _full_disk(error, path)
        shutil.rmtree(temporary, ignore_errors=True)
        if full:
            raise full from error
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def publish(temporary: Path, path: Path) -> None:
    """Give a file that is whole its final name, in the same folder or at least on the same disk."""
    _sync(temporary)
    os.replace(temporary, path)
    # The rename itself lives in the folder: without this, a power cut can take it back.
    _sync(path.parent)


def out_of_space(error: OSError, path: Path) -> OSError:
    """`error`, which is one of `NO_SPACE`, for users: what could not be written, and what its disk has left."""
    assert error.errno in NO_SPACE, error
    free = shutil.disk_usage(path.parent).free
    left = f"{free / 1e6:.1f} MB are free on the disk of {path.parent}"
    return OSError(error.errno, f"{os.strerror(error.errno)} ({left})", str(path))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let errors of a file that is open already, which do not say which it is, name `path` like those of opening it."""
    try:
        yield
    except OSError as error:
        if full := _full_disk(error, path):
            raise full from error
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to `target`, all of it or nothing."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left of `atomic_path` in a folder and below it; only for who has it to itself."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def remove_leftovers_of(path: Path) -> None:
    """Remove what killed processes left of `atomic_path`, or `atomic_folder`, for this path; only for who has it to
    itself."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`, all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8 with the line ends it has, all of it or nothing."""
    write_bytes(path, text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON, all of it or nothing.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _full_disk(error: BaseException, path: Path) -> OSError | None:
    """What to tell users of an error that says that space has run out; None for any other."""
    if not isinstance(error, OSError):
        # What is written in Rust (safetensors) has errors of its own, and the system's number in their text.
        number = re.search(r"\(os error (\d+)\)", str(error))
        error = OSError(int(number[1]) if number else 0, "")
    return out_of_space(error, path) if error.errno in NO_SPACE else None


def _sync(path: Path) -> None:
    """Have the system put the file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
