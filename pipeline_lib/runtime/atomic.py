"""Files that are either whole or absent: temporary file in the same folder, fsync, rename, fsync of the folder."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to; when the block ends, the file there takes the name `path`.

    The folder of `path` is made if needed. On any exception the temporary file is removed and what stood at
    `path` before stays as it was. A process that is killed leaves at most a `.<name>.<random>.tmp` behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # The rename itself lives in the folder: without this, a power cut can take it back.
    _sync(path.parent)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to `target`, all of it or nothing."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left of `atomic_path` in a folder and below it; only for who has it to itself."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


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


def _sync(path: Path) -> None:
    """Have the system put the file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
