"""A small stand-in for 3D Warehouse Chairs that needs no network: chairs of a series, rendered from 62 sides.

The archive has the layout, the file names and the kind of images of rendered_chairs.tar: 600x600 pixels, RGB on white,
31 azimuths at each of two elevations. Pictures are rendered with 300x300 pixels and enlarged.
"""

import hashlib
import io
import os
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.samples.chair_shapes import Chair, make_chair
from pipeline_lib.data.samples.rasteriser import Camera, nearest_faces
from pipeline_lib.runtime.atomic import atomic_path

ARCHIVE, ROOT = "rendered_chairs.tar", "rendered_chairs"
N_CHAIRS = 44
SEED = 0

N_AZIMUTHS, ELEVATIONS = 31, (20, 30)
"""Views: all azimuths at the first elevation, then all at the second [degrees]."""

SIZE, RENDERED_SIZE = 600, 300
# All chairs stay within the middle 400x400 pixels, which preparation keeps.
CAMERA = Camera(distance=3.2, focal_length=460, size=RENDERED_SIZE)

# The light comes over the left shoulder of whoever looks.
LIGHT = np.array([-0.40, 0.65, 0.65]) / np.linalg.norm([-0.40, 0.65, 0.65])
AMBIENT = 0.55

WHITE = 255


def make(folder: str | os.PathLike[str], n_chairs: int = N_CHAIRS) -> None:
    """Write rendered_chairs.tar with the views of `n_chairs` chairs; all of it or nothing."""
    with (
        atomic_path(Path(folder) / ARCHIVE) as temporary,
        tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as tar,
    ):
        _add(tar, f"{ROOT}/all_chair_names.mat", _empty_mat_file())
        for number in range(n_chairs):
            name = hashlib.sha256(f"chair {number}".encode()).hexdigest()[:32]
            for file, image in zip(view_names(), render(make_chair(number, SEED)), strict=True):
                _add(tar, f"{ROOT}/{name}/renders/{file}", png_file(image))


def view_names() -> list[str]:
    """File names of the 62 views, in their order. As in the archive, the number between the elevations is left out."""
    return [
        f"image_{row * (N_AZIMUTHS + 1) + k:03d}_p{elevation:03d}_t{k * 360 // N_AZIMUTHS:03d}_r096.png"
        for row, elevation in enumerate(ELEVATIONS)
        for k in range(N_AZIMUTHS)
    ]


def views() -> Iterator[NDArray[np.float64]]:
    """The camera's directions (3, 3) at each of the 62 views, in the order of `view_names`."""
    for elevation in ELEVATIONS:
        for k in range(N_AZIMUTHS):
            yield CAMERA.directions(2 * np.pi * k / N_AZIMUTHS, np.deg2rad(elevation))


def centred(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of a chair's faces (F, 4, 3) with the middle of the chair where the camera looks."""
    return corners - (corners.min(axis=(0, 1)) + corners.max(axis=(0, 1))) / 2


def render(chair: Chair) -> Iterator[NDArray[np.uint8]]:
    """The views of a chair in the order of `view_names`: (600, 600, 3) each."""
    corners = centred(chair.corners)
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    zoom = SIZE // RENDERED_SIZE
    for directions in views():
        faces = nearest_faces(CAMERA.project(corners @ directions.T), RENDERED_SIZE)
        brightness = AMBIENT + (1 - AMBIENT) * np.maximum(normals @ directions.T @ LIGHT, 0)
        shades = np.full((len(corners) + 1, 3), WHITE, np.uint8)
        shades[1:] = np.rint(255 * chair.colours * brightness[:, None])
        yield shades[faces].repeat(zoom, axis=0).repeat(zoom, axis=1)


def png_file(image: NDArray[np.uint8]) -> bytes:
    """An image (H, W, 3) as a PNG file.

    Each row is stored as its difference to the row above, which is 0 in every other row here; a writer of images in
    general tries five ways on each row and takes twice as long.
    """
    height, width, _ = image.shape
    rows = image.reshape(height, 3 * width)
    filtered = np.full((height, 1 + 3 * width), 2, np.uint8)
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.data, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _empty_mat_file() -> bytes:
    """A MATLAB 5 file without variables: nothing needs the names of the chairs."""
    return b"MATLAB 5.0 MAT-file, without variables".ljust(124) + b"\x00\x01IM"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file that bears no trace of who wrote it and when."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
