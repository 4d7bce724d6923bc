"""SHA256SUMS: the SHA-256 of every file of a results folder, as `sha256sum --check` reads it."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline_lib.runtime.atomic import write_text
from pipeline_lib.runtime.checksums import sha256_of

NAME = "SHA256SUMS"

LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass(frozen=True)
class SumsCheck:
    """A folder against its SHA256SUMS: files by their path from the folder, in order. n_files: that are as recorded."""

    n_files: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    changed: tuple[str, ...]


def write_sums(folder: Path) -> int:
    """Write SHA256SUMS for all files in a folder, in one step; how many there are.

    Raises ValueError for a name with a line break, which the file cannot hold.
    """
    files = files_of(folder)
    for name in files:
        if "\n" in name or "\r" in name or "\\" in name:
            raise ValueError(f"{folder}: the name {name!r} cannot stand in {NAME}; rename the file")
    write_text(folder / NAME, "".join(f"{sha256_of(folder / name)}  {name}\n" for name in files))
    return len(files)


def read_sums(path: Path) -> dict[str, str]:
    """Path from the folder -> SHA-256. Raises ValueError, naming the line, where the file is not what was written."""
    sums: dict[str, str] = {}
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text ({error}); restore it from a copy") from error
    for number, line in enumerate(text.splitlines(), start=1):
        parts = LINE.fullmatch(line)
        if parts is None:
            raise ValueError(f"{path}, line {number}: expected a SHA-256, two spaces, a path; restore it from a copy")
        name = PurePosixPath(parts[2])
        if name.is_absolute() or ".." in name.parts:
            raise ValueError(f"{path}, line {number}: {parts[2]} lies outside the folder; restore it from a copy")
        if parts[2] in sums:
            raise ValueError(f"{path}, line {number}: {parts[2]} for the second time; restore it from a copy")
        sums[parts[2]] = parts[1]
    return sums


def check_sums(folder: Path) -> SumsCheck:
    """Compare all files of a folder with its SHA256SUMS. Raises ValueError where that is damaged."""
    recorded, there = read_sums(folder / NAME), files_of(folder)
    both = [name for name in there if name in recorded]
    changed = tuple(name for name in both if sha256_of(folder / name) != recorded[name])
    missing = tuple(sorted(recorded.keys() - set(there)))
    extra = tuple(name for name in there if name not in recorded)
    return SumsCheck(len(both) - len(changed), missing, extra, changed)


def files_of(folder: Path) -> list[str]:
    """Paths from the folder of all its files but SHA256SUMS and locks, which belong to processes, in order."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not _is_left_out(path))


def _is_left_out(path: Path) -> bool:
    return path == Path(NAME) or (path.name.startswith(".") and path.name.endswith(".lock"))
