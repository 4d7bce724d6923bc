"""Flat faces seen in perspective, with a depth buffer: convex polygons to the nearest face of every pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

NOTHING = 0
"""What stands in a picture of faces where there is none; face k is k + 1."""


@dataclass(frozen=True)
class Camera:
    """A camera on a sphere around the origin, looking at it, with z upwards.

    distance: from the origin. focal_length: pixels that a length of 1 has at a distance of 1. size: pixels a side.
    """

    distance: float
    focal_length: float
    size: int

    def directions(self, azimuth: float, elevation: float) -> Float64:
        """Right, up and towards the camera as rows (3, 3), the camera standing there [radians]."""
        sin_a, cos_a = np.sin(azimuth), np.cos(azimuth)
        sin_e, cos_e = np.sin(elevation), np.cos(elevation)
        # At azimuth 0, the camera is on the y axis: in front of a chair that looks along it.
        right = [-cos_a, sin_a, 0]
        up = [-sin_e * sin_a, -sin_e * cos_a, cos_e]
        towards = [cos_e * sin_a, cos_e * cos_a, sin_e]
        return np.array([right, up, towards])

    def project(self, points: Float64) -> Float64:
        """Points (..., 3) in the camera's directions → (..., 3): column and row [pixels], inverse of the depth."""
        inverse = 1 / (self.distance - points[..., 2])
        column = self.size / 2 + self.focal_length * points[..., 0] * inverse
        row = self.size / 2 - self.focal_length * points[..., 1] * inverse
        return np.stack([column, row, inverse], axis=-1)


def nearest_faces(projected: Float64, size: int) -> NDArray[np.uint16]:
    """Which of faces (F, 4, 3), projected, is nearest in every pixel: (size, size), NOTHING or k + 1.

    A pixel belongs to a face that covers its centre. Faces whose back is to the camera are not seen. The inverse of
    the depth is linear on a face as it is seen, so it is compared where depths would have to be divided.
    """
    faces, depths = np.zeros((size, size), np.uint16), np.zeros((size, size))
    edges = _edges(projected)
    planes, areas = _planes(projected)
    low = np.maximum(np.ceil(projected[..., :2].min(axis=1) - 0.5), 0).astype(int)
    high = np.minimum(np.floor(projected[..., :2].max(axis=1) - 0.5) + 1, size).astype(int)
    centres = np.arange(size) + 0.5
    for k in np.flatnonzero((areas > 0) & (low < high).all(axis=1)):
        (left, top), (right, bottom) = low[k], high[k]
        x, y = centres[left:right], centres[top:bottom, None]
        a, b, c = edges[k].T
        inside = (a[0] * x + (b[0] * y + c[0])) >= 0
        for edge in range(1, 4):
            inside &= (a[edge] * x + (b[edge] * y + c[edge])) >= 0
        depth = planes[k, 0] * x + (planes[k, 1] * y + planes[k, 2])
        window = np.s_[top:bottom, left:right]
        inside &= depth > depths[window]
        np.copyto(depths[window], depth, where=inside)
        np.copyto(faces[window], np.uint16(k + 1), where=inside)
    return faces


def _edges(projected: Float64) -> Float64:
    """(F, 4, 3): a, b, c of each edge; a·column + b·row + c is positive inside a face that is seen from the front."""
    x, y = projected[..., 0], projected[..., 1]
    dx, dy = np.roll(x, -1, axis=1) - x, np.roll(y, -1, axis=1) - y
    # Rows count downwards, so that counter-clockwise corners run clockwise in the picture.
    return np.stack([dy, -dx, dx * y - dy * x], axis=-1)


def _planes(projected: Float64) -> tuple[Float64, Float64]:
    """(F, 3): the inverse depth on each face is p·column + q·row + r. (F,): its area, negative for the back of a face.

    By the diagonals of its corners, which differ where a corner comes twice.
    """
    first = projected[:, 2] - projected[:, 0]
    second = projected[:, 3] - projected[:, 1]
    normal = np.cross(first, second)
    area = -normal[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = -normal[:, 0] / normal[:, 2], -normal[:, 1] / normal[:, 2]
    middle = projected[:, 0]
    return np.stack([p, q, middle[:, 2] - p * middle[:, 0] - q * middle[:, 1]], axis=-1), area
