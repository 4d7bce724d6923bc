"""The images of 3D Warehouse Chairs: in rendered_chairs.tar as it is published, or in the folder extracted from it.

    rendered_chairs/<chair>/renders/*.png      62 views of each chair, 600x600 pixels, RGB on white
    rendered_chairs/all_chair_names.mat        not read

Images are read where they lie; the archive is never extracted.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline_lib.data.damage import UnfitFile
from pipeline_lib.data.tar_members import tar_members
from pipeline_lib.data.untrusted_images import DAMAGE

ARCHIVE, FOLDER, RENDERS = "rendered_chairs.tar", "rendered_chairs", "renders"
N_VIEWS = 62
IMAGE_SIZE = (600, 600)
CROP = (100, 100, 500, 500)
FRAME_SIZE = 64
FRAME_SHAPE = (3, FRAME_SIZE, FRAME_SIZE)

LARGEST_IMAGE = 4 * 2**20
"""Bytes of an image file: 600x600 pixels RGB take 1,080,000 before they are compressed."""

MOST_NAMED = 20
"""Chairs or images that a message names; it counts the others."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """An image: its path from the archive's folder on, for messages, and where its bytes lie (-1: all of the file)."""

    name: str
    path: Path
    offset: int = 0
    n_bytes: int = -1

    def read(self) -> bytes:
        """The bytes of the image file. Raises ValueError where they are more than an image of a chair can have."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            content = file.read(min(self.n_bytes, LARGEST_IMAGE + 1) if self.n_bytes >= 0 else LARGEST_IMAGE + 1)
        if len(content) > LARGEST_IMAGE:
            raise ValueError(f"more than {LARGEST_IMAGE} bytes, which no image of 600x600 pixels has")
        return content


@dataclass(frozen=True)
class ChairViews:
    """A chair as it was read: frames (62, 3, 64, 64), digest of its images, and what is wrong with any of them."""

    frames: Bytes
    sha256: str
    problems: tuple[str, ...]


def find_chairs(raw: Path) -> dict[str, tuple[View, ...]]:
    """The chairs by name, sorted, each with its 62 views in the order of their file names.

    They are found in the archive in the folder `raw` or, where there is none, in the folder extracted from it.
    Raises ValueError, naming file or folder, for an archive that is damaged or not safe to read, where there are no
    chairs, and with the names of all chairs (20 at most) that have other than 62 views.
    """
    archive, folder = raw / ARCHIVE, raw / FOLDER
    if archive.is_file():
        place, images = archive, _in_archive(archive)
    elif folder.is_dir():
        place, images = folder, _in_folder(folder)
    else:
        raise ValueError(f"{raw} holds neither {ARCHIVE} nor the folder {FOLDER} extracted from it")
    found: dict[str, dict[str, View]] = {}
    for chair, view in images:
        views = found.setdefault(chair, {})
        if view is None:
            continue
        if view.name in views:
            raise ValueError(f"{place} holds {view.name} twice; remove it and get it again")
        views[view.name] = view
    if not found:
        raise ValueError(f"{place} holds no chairs; expected are {FOLDER}/<chair>/{RENDERS}/*.png")
    chairs = {chair: tuple(view for _, view in sorted(found[chair].items())) for chair in sorted(found)}
    if problems := _other_than_62(chairs):
        raise ValueError(listed(f"{place}: chairs have other than {N_VIEWS} views", problems))
    return chairs


def _in_archive(archive: Path) -> Iterator[tuple[str, View | None]]:
    """Every chair and image of the archive; chairs alone too, which might have no image."""
    for member in tar_members(archive, FOLDER):
        chair, *rest = member.parts
        if chair.startswith(".") or (not rest and not member.is_folder):
            continue
        is_image = not member.is_folder and len(rest) == 2 and rest[0] == RENDERS and _is_png(rest[1])
        name = "/".join((FOLDER, *member.parts))
        yield chair, View(name, archive, member.offset, member.n_bytes) if is_image else None


def _in_folder(folder: Path) -> Iterator[tuple[str, View | None]]:
    """The same of an extracted folder. Links in it are not followed; ValueError names them."""
    for chair in folder.iterdir():
        if chair.name.startswith(".") or not _is_folder(chair):
            continue
        yield chair.name, None
        renders = chair / RENDERS
        for path in renders.iterdir() if _is_folder(renders) else ():
            if _is_png(path.name):
                _refuse_link(path)
                yield chair.name, View("/".join((FOLDER, chair.name, RENDERS, path.name)), path)


def _is_folder(path: Path) -> bool:
    _refuse_link(path)
    return path.is_dir()


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise ValueError(f"{path} is a symbolic link; put what it stands for in its place, links are not followed")


def _is_png(name: str) -> bool:
    return name.endswith(".png") and not name.startswith(".")


def _other_than_62(chairs: Mapping[str, Sequence[View]]) -> list[str]:
    """Chairs with missing or further views, and which these are, where other chairs tell."""
    files = {chair: frozenset(_file(view) for view in views) for chair, views in chairs.items()}
    whole = Counter(names for names in files.values() if len(names) == N_VIEWS)
    usual = whole.most_common(1)[0][0] if whole else None
    problems = []
    for chair, names in files.items():
        if len(names) != N_VIEWS:
            differences = [] if usual is None else [("lacks", usual - names), ("has", names - usual)]
            told = "".join(f", {verb} {_some(those)}" for verb, those in differences if those)
            problems.append(f"{FOLDER}/{chair}: {len(names)} views{told}")
    return problems


def _some(names: Iterable[str]) -> str:
    first, rest = sorted(names)[:3], sorted(names)[3:]
    return ", ".join(first) + (f" and {len(rest)} more" if rest else "")


def _file(view: View) -> str:
    return view.name.rsplit("/", 1)[1]


def listed(heading: str, problems: Sequence[str]) -> str:
    """A message that lists problems, the first 20 of them."""
    lines = [f"{heading} ({len(problems)}):", *(f"  {problem}" for problem in problems[:MOST_NAMED])]
    if len(problems) > MOST_NAMED:
        lines.append(f"  and {len(problems) - MOST_NAMED} more")
    return "\n".join(lines)


def read_chair(views: Sequence[View]) -> ChairViews:
    """Read the views of a chair, each cropped to (100, 100)-(500, 500) and brought to 64x64 by Lanczos.

    What is wrong with an image is told, not raised, so that all can be told together; its frame is 0 then.
    """
    frames = np.zeros((len(views), *FRAME_SHAPE), np.uint8)
    digest, problems = hashlib.sha256(), []
    for k, view in enumerate(views):
        try:
            content = view.read()
            digest.update(f"{view.name} {hashlib.sha256(content).hexdigest()}\n".encode())
            frames[k] = frame_of(content)
        except (OSError, ValueError) as error:
            problems.append(f"{view.name}: {error}")
    return ChairViews(frames, digest.hexdigest(), tuple(problems))


def frame_of(content: bytes) -> Bytes:
    """The frame (3, 64, 64) that a PNG file makes. Raises ValueError that says what is wrong with the image."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size != IMAGE_SIZE or image.mode != "RGB":
                width, height = image.size
                raise UnfitFile(f"{width}x{height} pixels {image.mode}, expected are 600x600 pixels RGB")
            image.verify()  # the checksums of all chunks, which decoding skips; the image is of no use afterwards
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            small = image.crop(CROP).resize((FRAME_SIZE, FRAME_SIZE), Image.Resampling.LANCZOS)
    except UnfitFile:
        raise
    except UnidentifiedImageError:
        raise ValueError(f"no PNG image ({len(content)} bytes)") from None
    except DAMAGE as error:
        raise ValueError(f"damaged ({error})") from error
    return np.asarray(small).transpose(2, 0, 1)
