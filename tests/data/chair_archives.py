"""rendered_chairs.tar and its extracted folder, written by hand: a few chairs whose every view is another picture."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

N_VIEWS = 62
FILES = [f"image_{k:03d}_p{20 if k < 31 else 30:03d}_t{k % 31 * 11:03d}_r096.png" for k in range(N_VIEWS)]


@cache
def png(number: int, size: tuple[int, int] = (600, 600), mode: str = "RGB") -> bytes:
    """A picture of its own for every number: white, with a coloured box and a gradient."""
    width, height = size
    pixels = np.full((height, width, 3), 255, np.uint8)
    box = slice(120 + number % 97, 300 + number % 151), slice(110 + number % 83, 420)
    pixels[box] = (37 * number % 256, 91 * number % 256, 11 * number % 256)
    pixels[box][..., 1] += np.arange(pixels[box].shape[1], dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def members(chairs: Mapping[str, int]) -> dict[str, bytes]:
    """Path and content of every file, for chairs by name with the number of their first picture."""
    files = {"rendered_chairs/all_chair_names.mat": b"not read"}
    for chair, first in chairs.items():
        for k, file in enumerate(FILES):
            files[f"rendered_chairs/{chair}/renders/{file}"] = png(first + k)
    return files


def write_archive(raw: Path, files: Mapping[str, bytes | tarfile.TarInfo], shuffled: bool = False) -> Path:
    """Write rendered_chairs.tar with these files, and with members that are given as such, in this or another order."""
    raw.mkdir(parents=True, exist_ok=True)
    path = raw / "rendered_chairs.tar"
    names = list(files)
    if shuffled:
        np.random.default_rng(0).shuffle(names)
    with tarfile.open(path, "w") as archive:
        for name in names:
            content = files[name]
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                archive.addfile(file_member(name, len(content)), io.BytesIO(content))
    return path


def write_folder(raw: Path, files: Mapping[str, bytes]) -> Path:
    """Write the extracted folder."""
    for name, content in files.items():
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return raw / "rendered_chairs"


def file_member(name: str, n_bytes: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = n_bytes
    return member


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member without content: a folder, a link, a device."""
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


def hostile_members() -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Members that reach beyond the archive, and what is said of each."""
    inside = "rendered_chairs/one/renders/image.png"
    for name in ("rendered_chairs/../../escaped.png", "../escaped.png", "rendered_chairs/one/../../../escaped.png"):
        yield "lies outside the archive's folder rendered_chairs/", file_member(name, 0)
    yield "lies outside the archive's folder rendered_chairs/", file_member("/etc/escaped.png", 0)
    yield "lies outside the archive's folder rendered_chairs/", file_member("other/one/renders/image.png", 0)
    yield "is a symbolic link to '/etc/passwd'", member(inside, tarfile.SYMTYPE, "/etc/passwd")
    yield "is a symbolic link to '..'", member("rendered_chairs/one/renders", tarfile.SYMTYPE, "..")
    yield "is a hard link to 'rendered_chairs/other.png'", member(inside, tarfile.LNKTYPE, "rendered_chairs/other.png")
    yield "is a device", member(inside, tarfile.CHRTYPE)
    yield "is a device", member(inside, tarfile.BLKTYPE)
    yield "is a named pipe", member(inside, tarfile.FIFOTYPE)
    yield "is of type b'S'", member(inside, tarfile.GNUTYPE_SPARSE)
