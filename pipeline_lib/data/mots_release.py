"""The release of MOTS as it is extracted: video frames and instance masks, in either of two layouts, at any depth.

    <sequence>/img1/000001.jpg …, <sequence>/gt/gt.txt           MOTSChallenge's: MOTS20-02, MOTS20-05, …
    images/<sequence>/000001.jpg …, and beside `images`
    instances/<sequence>/000001.png … or instances_txt/<sequence>.txt     the authors': 0002, 0005, …

Where there are both, masks are taken from images.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline_lib.data.mots_masks import Labels, MaskImages, Masks, MaskTexts
from pipeline_lib.data.untrusted_images import DAMAGE, check_sides

SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class AnnotatedSequence:
    """A video whose frames have masks: images by number of the frame, increasing."""

    name: str
    folder: Path
    images: dict[int, Path]
    masks: Masks

    def read(self, frame: int) -> tuple[NDArray[np.uint8], Labels]:
        """A frame in grey, and which of its pixels are which pedestrian, both (H, W).

        Raises ValueError, naming the file, where either cannot be used.
        """
        path = self.images[frame]
        try:
            with Image.open(path, formats=["JPEG", "PNG"]) as image:
                check_sides(image)
                grey = np.asarray(image.convert("L"))
        except UnidentifiedImageError:
            raise ValueError(f"{path} is no JPEG or PNG image ({path.stat().st_size} bytes)") from None
        except DAMAGE as error:
            raise ValueError(f"{path} is damaged ({error}); get it again") from error
        height, width = grey.shape
        return grey, self.masks.labels(frame, height, width)


def find_annotated(release: Path) -> list[AnnotatedSequence]:
    """The annotated sequences of a release, by name; those without masks, as of its test part, are passed by.

    Raises ValueError, naming folder or file, where there are none, two have one name, or masks are not what they must
    be.
    """
    found: dict[str, AnnotatedSequence] = {}
    for sequence in _sequences(release):
        if sequence.name in found:
            raise ValueError(
                f"{found[sequence.name].folder} and {sequence.folder} hold sequences of one name; keep one of them"
            )
        found[sequence.name] = sequence
    if not found:
        raise ValueError(
            f"{release} holds no annotated videos: neither <sequence>/img1 with <sequence>/gt/gt.txt, nor "
            "images/<sequence> with instances/<sequence> or instances_txt/<sequence>.txt beside `images`"
        )
    return [found[name] for name in sorted(found)]


def _sequences(release: Path) -> Iterator[AnnotatedSequence]:
    for place, folders, _ in os.walk(release):
        folders.sort()
        folder = Path(place)
        text = folder / "gt" / "gt.txt"
        if "img1" in folders and text.is_file():
            yield AnnotatedSequence(folder.name, folder, _numbered(folder / "img1"), MaskTexts(text))
        masks, texts = folder / "instances", folder / "instances_txt"
        if "images" in folders and (masks.is_dir() or texts.is_dir()):
            for images in sorted(each for each in (folder / "images").iterdir() if each.is_dir()):
                yield AnnotatedSequence(images.name, images, _numbered(images), _masks_of(images.name, masks, texts))


def _masks_of(name: str, masks: Path, texts: Path) -> Masks:
    if (masks / name).is_dir():
        return MaskImages(masks / name, _numbered(masks / name))
    if (texts / f"{name}.txt").is_file():
        return MaskTexts(texts / f"{name}.txt")
    raise ValueError(f"sequence {name} has no masks: there is neither {masks / name} nor {texts / name}.txt")


def _numbered(folder: Path) -> dict[int, Path]:
    """The images of a folder by the numbers that are their names, increasing. ValueError names one that is none."""
    images: dict[int, Path] = {}
    for path in folder.iterdir():
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            continue
        if not path.stem.isdecimal():
            raise ValueError(f"{path}: its name is not the number of a frame, as in 000001{path.suffix}")
        if int(path.stem) in images:
            raise ValueError(f"{path} and {images[int(path.stem)].name} are images of one frame; keep one of them")
        images[int(path.stem)] = path
    return dict(sorted(images.items()))
