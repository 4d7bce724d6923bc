"""The MOTSChallenge pedestrians as the authors of DIVE preprocessed them: folders of images, one for every frame.

    …/seq_*/<any>_<number of the frame>_<number of the permutation>….png    grey, up to 3 pedestrians on black

A folder holds a sequence, in which permutations of its pedestrians follow each other. Of the images whose frame number
is a multiple of 6, in the order of their names, the first 15 are a video, the next 15 are another one, and so on; what
is left at the end is not used, and neither are 15 images whose first and last show different permutations.
"""

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline_lib.data.untrusted_images import DAMAGE, check_sides

FRAME_STEP = 6
FRAME_SIZE = 256
FRAME_SHAPE = (1, FRAME_SIZE, FRAME_SIZE)
PREFIX = "seq_"
PLACES = ("start", "middle", "end")
"""Where a frame lies in the square that it is padded to: along the axis that is shorter."""

FORMATS = ("PNG", "JPEG")
NUMBER = re.compile(r"[0-9]+")

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageName:
    """What the name of an image says: number of the frame in its video, number of the permutation."""

    frame: int
    permutation: int


@dataclass(frozen=True)
class Video:
    """Images that are a video, in time: names from the folder of all sequences on, and what these say."""

    sequence: str
    folder: Path
    names: tuple[str, ...]
    frames: tuple[int, ...]
    permutation: int
    place: str = PLACES[0]

    def at(self, place: str) -> "Video":
        """The same, its frames at another place in the square that they are padded to."""
        return replace(self, place=place)


@dataclass(frozen=True)
class VideoFrames:
    """A video as it was read: frames (T, 1, 256, 256), digest of its images, and what is wrong with any of them."""

    frames: Bytes
    sha256: str
    problems: tuple[str, ...]


def image_name(name: str) -> ImageName:
    """What the name of an image says. Raises ValueError for a name without the two numbers."""
    parts = name.split(".")[0].split("_")
    if len(parts) < 3 or not all(NUMBER.fullmatch(part) for part in parts[1:3]):
        raise ValueError(
            "its name does not hold the numbers of frame and permutation, as in 003_000096_003.png: between the first "
            "and the second _, and behind that"
        )
    return ImageName(int(parts[1]), int(parts[2]))


def find_videos(folder: Path, n_frames: int) -> tuple[dict[str, tuple[Video, ...]], list[str]]:
    """The videos of every sequence below a folder, by the sequences' paths from there on, sorted; a sequence may have
    none. And what is wrong with names and sequences, a sentence each.

    Raises ValueError, naming the folder, where it holds no sequences.
    """
    sequences = dict(sorted(_sequences(folder)))
    if not sequences:
        raise ValueError(
            f"{folder} holds no folders {PREFIX}*: extract the authors' archive there, or make them with "
            "`python -m pipeline_lib cut-pedestrians`"
        )
    problems: list[str] = []
    return {name: _videos(folder, name, images, n_frames, problems) for name, images in sequences.items()}, problems


def _sequences(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Path and images of every sequence, in any order. Links are not followed; ValueError names them."""
    for place, folders, images in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *images):
            if (path := Path(place, name)).is_symlink():
                raise ValueError(
                    f"{path} is a symbolic link; put what it stands for in its place, links are not followed"
                )
        if Path(place).name.startswith(PREFIX) and Path(place) != folder:
            yield Path(place).relative_to(folder).as_posix(), sorted(n for n in images if not n.startswith("."))


def _videos(folder: Path, sequence: str, images: list[str], n_frames: int, problems: list[str]) -> tuple[Video, ...]:
    """The videos of a sequence; what is wrong with it is added to `problems`."""
    said = {}
    for image in images:
        try:
            said[image] = image_name(image)
        except ValueError as error:
            problems.append(f"{sequence}/{image}: {error}")
    used = [image for image in said if said[image].frame % FRAME_STEP == 0]
    if len(used) < n_frames and len(said) == len(images):
        problems.append(
            f"{sequence}: {len(used)} images of frames whose number is a multiple of {FRAME_STEP}, a video takes "
            f"{n_frames}"
        )
    videos = []
    for first in range(0, len(used) - n_frames + 1, n_frames):
        names = used[first : first + n_frames]
        if said[names[0]].permutation == said[names[-1]].permutation:
            frames = tuple(said[name].frame for name in names)
            paths = tuple(f"{sequence}/{name}" for name in names)
            videos.append(Video(sequence, folder, paths, frames, said[names[0]].permutation))
    return tuple(videos)


def read_video(video: Video) -> VideoFrames:
    """Read the images of a video, each padded to a square at the video's place and brought to 256x256 pixels.

    What is wrong with an image is told, not raised, so that all can be told together; its frame is 0 then.
    """
    frames = np.zeros((len(video.names), *FRAME_SHAPE), np.uint8)
    digest, problems, size = hashlib.sha256(), [], None
    for k, name in enumerate(video.names):
        try:
            content = (video.folder / name).read_bytes()
            digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
            image = grey_image(content)
            size = size or image.size
            if image.size != size:
                found, expected = ("x".join(map(str, each)) for each in (image.size, size))
                raise ValueError(f"{found} pixels, the first image of its video has {expected}")
            frames[k, 0] = frame_of(image, video.place)
        except (OSError, ValueError) as error:
            problems.append(f"{name}: {error}")
    return VideoFrames(frames, digest.hexdigest(), tuple(problems))


def grey_image(content: bytes) -> Image.Image:
    """The image in a PNG or JPEG file of 8-bit grey. Raises ValueError that says what is wrong with it."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            check_sides(image)
            image.verify()  # the checksums of all chunks, which decoding skips; the image is of no use afterwards
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            image.load()
    except UnidentifiedImageError:
        raise ValueError(f"no PNG or JPEG image ({len(content)} bytes)") from None
    except DAMAGE as error:
        raise ValueError(f"damaged ({error})") from error
    if image.mode != "L":
        raise ValueError(f"pixels are {image.mode}, expected is grey of 8 bits (L)")
    return image


def frame_of(image: Image.Image, place: str) -> Bytes:
    """A grey image padded to a square with black, and brought to 256x256 pixels by Pillow's bicubic filter.

    place: of the image in the square, along the axis that is shorter: at its start, in its middle, at its end.
    """
    width, height = image.size
    side = max(width, height)
    left, top = (_first(side - length, place) for length in (width, height))
    square = Image.new("L", (side, side))
    square.paste(image, (left, top))
    return np.asarray(square.resize((FRAME_SIZE, FRAME_SIZE), Image.Resampling.BICUBIC))


def _first(n_free: int, place: str) -> int:
    return {"start": 0, "middle": n_free // 2, "end": n_free}[place]
