"""The members of a tar archive, found without extracting it: where in the archive the bytes of each file lie.

Nothing is written and nothing is followed, so that no archive can reach beyond itself: a member whose path leads out of
the archive's one folder, and one that is neither a plain file nor a folder, is an error.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.data.damage import UnfitFile

PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
}
"""What a member can be that is neither file nor folder, for users."""

EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
LARGEST_EXTENSION = 2**20
"""Bytes of what extends a member's header: a long name takes some hundreds."""


@dataclass(frozen=True)
class TarMember:
    """A file or a folder in an archive.

    parts: its path, without that of the archive's folder. offset, n_bytes: where a file's bytes lie in the archive.
    """

    parts: tuple[str, ...]
    is_folder: bool
    offset: int
    n_bytes: int


def tar_members(path: Path, folder: str) -> Iterator[TarMember]:
    """All members of an archive that are in its folder of this name, in their order; the folder itself is left out.

    Raises ValueError, naming the archive, and the member at fault, where there is one: if it is no tar archive, is
    truncated or damaged, has members outside the folder, or such as are neither file nor folder.
    """
    n_bytes, last = path.stat().st_size, -1
    try:
        with tarfile.open(path, "r:", tarinfo=_Header) as archive:
            while (member := archive.next()) is not None:
                # The archive keeps all members in a list, which is not needed and would grow with it.
                archive.members = []  # type: ignore[attr-defined]
                if member.offset <= last or member.size < 0:
                    raise UnfitFile(f"{path} is damaged: {member.name!r} has a size of {member.size} bytes. {_REMEDY}")
                if member.offset_data + member.size > n_bytes:
                    raise UnfitFile(
                        f"{path} is truncated: it ends after {n_bytes} bytes, within {member.name!r}. {_REMEDY}"
                    )
                last = member.offset
                found = _checked(member, path, folder)
                if found.parts:
                    yield found
            _check_end(path, archive.offset)
    except UnfitFile:
        raise
    except (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        what = "is truncated or damaged" if last >= 0 else "is no tar archive, or a damaged one"
        raise UnfitFile(f"{path} {what} ({error}). {_REMEDY}") from error


class _Header(tarfile.TarInfo):
    """A member's header. Long names and the like stand before it as members of their own, which tarfile reads whole."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in EXTENSIONS and self.size > LARGEST_EXTENSION:
            raise tarfile.HeaderError(f"a header of {self.size} bytes, at most {LARGEST_EXTENSION} are read")
        return super()._proc_member(archive)  # type: ignore[misc]


_REMEDY = "Remove it and get it again"


def _checked(member: tarfile.TarInfo, path: Path, folder: str) -> TarMember:
    """What a member is; ValueError, naming it, unless it is a file or a folder in the archive's folder."""
    where = f"{path}: member {member.name!r}"
    if not (member.isdir() or member.type in PLAIN) or member.issparse():
        what = KINDS.get(member.type, f"of type {member.type!r}")
        target = f" to {member.linkname!r}" if member.linkname else ""
        raise UnfitFile(f"{where} is {what}{target}; expected are files and folders only, so none of it is read")
    if not member.name.isprintable():  # nor are bytes in no encoding, which stand in names as lone surrogates
        raise UnfitFile(f"{where} has a name that cannot be written, so none of it is read")
    parts = tuple(part for part in member.name.split("/") if part not in ("", "."))
    if member.name.startswith("/") or ".." in parts or (parts and parts[0] != folder):
        raise UnfitFile(f"{where} lies outside the archive's folder {folder}/, so none of it is read")
    return TarMember(parts[1:], member.isdir(), member.offset_data, member.size)


def _check_end(path: Path, offset: int) -> None:
    """An archive ends in a block of zeros; without it, it breaks off, or holds something that is no member."""
    with open(path, "rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        n_bytes = offset + len(block)
        raise UnfitFile(f"{path} is truncated: it ends after {n_bytes} bytes, without the mark of its end. {_REMEDY}")
    if any(block):
        what = f"what stands at byte {offset} is no member's header, or none that is whole"
        raise UnfitFile(f"{path} is truncated or damaged: {what}. {_REMEDY}")
