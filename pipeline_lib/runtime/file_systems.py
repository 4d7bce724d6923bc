"""What kind of file system a folder is on, and what can be done there: written to, locked."""

import fcntl
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|afs|9p|virtiofs|ceph|lustre|gpfs|beegfs|pvfs2|orangefs|panfs|wekafs|glusterfs|ocfs2|gfs2"
    r"|fuse\.(sshfs|glusterfs|ceph\S*|s3fs|rclone|gcsfuse|mfs\w*|juicefs)"
)
"""File systems that several machines share, or that another machine serves."""


@dataclass(frozen=True)
class Trial:
    """What came of trying a folder. error: why it cannot be written to. locks: None where that was not tried."""

    error: str | None
    locks: bool | None


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(above for above in (path.absolute(), *path.absolute().parents) if above.is_dir())


def file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the file system that a folder is on, such as ext4 or nfs4; None where the system does not tell."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    place, best = folder.resolve(), (-1, "")
    for line in lines:
        before, separator, after = line.partition(" - ")
        fields = before.split()
        if not separator or len(fields) < 5 or not after.split():
            continue
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        # Of several file systems mounted on one point, the last hides the others.
        if place.is_relative_to(point) and len(point) >= best[0]:
            best = (len(point), after.split()[0])
    return best[1] or None


def is_network(kind: str | None) -> bool:
    """Whether other machines may have such a file system too."""
    return kind is not None and NETWORK.fullmatch(kind) is not None


def try_out(folder: Path) -> Trial:
    """Write and lock a file without a name in a folder that is there; nothing of it stays."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
            file.flush()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return Trial(None, False)
            return Trial(None, True)
    except OSError as error:
        return Trial(os.strerror(error.errno) if error.errno else str(error), None)
