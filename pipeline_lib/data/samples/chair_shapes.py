"""Chairs made of flat faces, no two alike: what `pipeline_lib.data.samples.chairs` renders.

A chair stands on z = 0 and looks along y; x is to its right. Lengths are metres. A face is a convex polygon of four
corners, counter-clockwise as seen from outside; a triangle has a corner twice.
"""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Colour = tuple[float, float, float]

LEGS = ("straight", "round", "sled", "pedestal")
SEATS = ("square", "round", "tapered", "cushioned")
BACKS = ("panel", "slats", "ladder", "curved", "frame")


@dataclass(frozen=True)
class Chair:
    """corners (F, 4, 3) of its faces, colours (F, 3) in [0, 1]."""

    corners: Float64
    colours: Float64


class _Builder:
    """Gathers the faces of one chair."""

    def __init__(self) -> None:
        self._corners: list[Float64] = []
        self._colours: list[Colour] = []

    def prism(self, bottom: Sequence[Any], top: Sequence[Any], colour: Colour) -> None:
        """The body between two polygons with as many corners (n, 3), counter-clockwise as seen from above."""
        low, high = np.asarray(bottom, np.float64), np.asarray(top, np.float64)
        n = len(low)
        for k in range(n):
            self._face([low[k], low[(k + 1) % n], high[(k + 1) % n], high[k]], colour)
        for k in range(1, n - 1, 2):  # the ends as a fan
            last = min(k + 2, n - 1)
            self._face([high[0], high[k], high[k + 1], high[last]], colour)
            self._face([low[0], low[last], low[k + 1], low[k]], colour)

    def box(self, low: Sequence[float], high: Sequence[float], colour: Colour) -> None:
        """A box with edges along the axes, between two opposite corners."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        around = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        self.prism([(x, y, z0) for x, y in around], [(x, y, z1) for x, y in around], colour)

    def bar(self, start: Sequence[float], end: Sequence[float], radii: tuple[float, float], colour: Colour) -> None:
        """A round bar, six-sided, from start to end, with the radius of each."""
        first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
        along = (last - first) / np.linalg.norm(last - first)
        # The axis that the bar runs along least makes the cross-section well defined.
        side = np.cross(along, np.eye(3)[np.abs(along).argmin()])
        side /= np.linalg.norm(side)
        other = np.cross(along, side)
        angles = np.arange(6) * np.pi / 3
        ring = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * other
        self.prism(first + radii[0] * ring, last + radii[1] * ring, colour)

    def finished(self) -> Chair:
        return Chair(np.array(self._corners), np.array(self._colours))

    def _face(self, corners: Sequence[Float64], colour: Colour) -> None:
        self._corners.append(np.array(corners))
        self._colours.append(colour)


def disc(radius: float, height: float, n: int = 12) -> list[tuple[float, float, float]]:
    """A regular polygon around the z axis."""
    return [(radius * np.cos(a), radius * np.sin(a), height) for a in 2 * np.pi * np.arange(n) / n]


def make_chair(number: int, seed: int) -> Chair:
    """Chair `number` of a series: its kinds of legs, seat and back go round, its measures and colours are drawn."""
    random = np.random.RandomState([seed, number])
    legs = LEGS[number % len(LEGS)]
    # Offset by the rounds that have passed, so that the same kinds do not always meet.
    seat = SEATS[(number + number // len(LEGS)) % len(SEATS)]
    back = BACKS[(number + number // (len(LEGS) * len(BACKS))) % len(BACKS)]
    width, depth = random.uniform(0.40, 0.60), random.uniform(0.38, 0.54)
    height, thickness = random.uniform(0.36, 0.52), random.uniform(0.03, 0.07)
    frame, cloth = _colours(random)
    chair = _Builder()
    _add_seat(chair, seat, width, depth, height, thickness, cloth)
    if seat == "round":  # legs and back stand where there is something of the seat
        width, depth = 0.7 * width, 0.8 * depth
    _add_legs(chair, legs, width, depth, height, frame, random)
    _add_back(chair, back, width, depth, height + thickness, frame, cloth, random)
    if random.uniform() < 0.3:
        _add_arms(chair, width, depth, height + thickness, frame)
    return chair.finished()


def _colours(random: np.random.RandomState) -> tuple[Colour, Colour]:
    """Of the frame (wood, metal or paint) and of the seat."""
    kind = random.randint(3)
    wood = colorsys.hsv_to_rgb(random.uniform(0.05, 0.10), random.uniform(0.45, 0.75), random.uniform(0.30, 0.75))
    grey = (random.uniform(0.15, 0.65),) * 3
    paint = colorsys.hsv_to_rgb(random.uniform(), random.uniform(0.3, 0.8), random.uniform(0.3, 0.8))
    cloth = colorsys.hsv_to_rgb(random.uniform(), random.uniform(0.2, 0.9), random.uniform(0.25, 0.9))
    return (wood, grey, paint)[kind], cloth if random.uniform() < 0.7 else (wood, grey, paint)[kind]


def _add_legs(
    chair: _Builder,
    kind: str,
    width: float,
    depth: float,
    height: float,
    colour: Colour,
    random: np.random.RandomState,
) -> None:
    x, y, thick = 0.44 * width, 0.44 * depth, random.uniform(0.015, 0.028)
    corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
    if kind == "straight":
        for a, b in corners:
            chair.box((a - thick, b - thick, 0), (a + thick, b + thick, height), colour)
        if random.uniform() < 0.5:
            for a in (-x, x):
                chair.bar((a, -y, 0.4 * height), (a, y, 0.4 * height), (0.6 * thick, 0.6 * thick), colour)
    elif kind == "round":
        splay = random.uniform(1.0, 1.3)
        for a, b in corners:
            chair.bar((splay * a, splay * b, 0), (0.8 * a, 0.8 * b, height), (0.7 * thick, 1.3 * thick), colour)
    elif kind == "sled":
        for a in (-x, x):
            chair.box((a - thick, -y, 0), (a + thick, y, 2 * thick), colour)
            for b in (-y, y):
                chair.box((a - thick, b - thick, 0), (a + thick, b + thick, height), colour)
    else:
        n_feet, reach = random.randint(3, 6), random.uniform(0.24, 0.32)
        chair.bar((0, 0, 0.05), (0, 0, height), (1.5 * thick, 1.2 * thick), colour)
        for angle in 2 * np.pi * np.arange(n_feet) / n_feet:
            foot = (reach * np.cos(angle), reach * np.sin(angle), thick)
            chair.bar((0, 0, 0.08), foot, (1.4 * thick, 0.8 * thick), colour)


def _add_seat(
    chair: _Builder, kind: str, width: float, depth: float, height: float, thickness: float, colour: Colour
) -> None:
    x, y, top = width / 2, depth / 2, height + thickness
    if kind == "round":
        radius = (x + y) / 2
        chair.prism(disc(radius, height), disc(radius, top), colour)
        return
    back = 0.8 * x if kind == "tapered" else x
    around = [(-back, -y), (back, -y), (x, y), (-x, y)]
    chair.prism([(a, b, height) for a, b in around], [(a, b, top) for a, b in around], colour)
    if kind == "cushioned":
        low = [(0.92 * a, 0.92 * b, top) for a, b in around]
        high = [(0.8 * a, 0.8 * b, top + 0.05) for a, b in around]
        chair.prism(low, high, colour)


def _add_back(
    chair: _Builder,
    kind: str,
    width: float,
    depth: float,
    base: float,
    frame: Colour,
    cloth: Colour,
    random: np.random.RandomState,
) -> None:
    height, tilt, thick = random.uniform(0.28, 0.60), random.uniform(0.0, 0.12), random.uniform(0.012, 0.022)
    x, y = 0.46 * width, -0.46 * depth

    def at(across: float, up: float) -> tuple[float, float, float]:
        """A place on the back: from side to side in [-1, 1], from the seat to the top in [0, 1]."""
        return across * x, y - tilt * up, base + height * up

    def slab(left: float, right: float, low: float, high: float, colour: Colour) -> None:
        """A flat piece of the back."""
        corners = [at(left, low), at(right, low), at(right, high), at(left, high)]
        a, b, c, d = (np.array(corner) for corner in corners)
        behind = np.array([0, -2 * thick, 0])
        chair.prism([a + behind, b + behind, b, a], [d + behind, c + behind, c, d], colour)

    if kind == "curved":
        # Panels around the rear of the seat, like a tub.
        angles = np.linspace(-0.30, 0.30, 6) * np.pi - np.pi / 2
        for low, high in zip(angles, angles[1:], strict=False):
            inner, outer = ([(r * x * np.cos(a), -r * y * np.sin(a)) for a in (low, high)] for r in (1.0, 1.1))
            around = [outer[0], outer[1], inner[1], inner[0]]
            chair.prism([(a, b, base) for a, b in around], [(a, b - tilt, base + height) for a, b in around], cloth)
        return
    if kind == "panel":
        slab(-1, 1, 0, 1, cloth)
        return
    for side in (-1.0, 1.0):
        chair.bar(at(0.95 * side, 0), at(0.95 * side, 1), (1.3 * thick, thick), frame)
    slab(-1, 1, 0.86, 1, frame)
    n = random.randint(3, 6)
    if kind == "slats":
        for middle in np.linspace(-0.75, 0.75, n):
            slab(middle - 0.08, middle + 0.08, 0, 0.88, frame)
    elif kind == "ladder":
        for low in np.linspace(0.15, 0.62, n - 1):
            slab(-0.95, 0.95, low, low + 0.08, frame)
    else:
        slab(-0.8, 0.8, 0.3, 0.86, cloth)


def _add_arms(chair: _Builder, width: float, depth: float, base: float, colour: Colour) -> None:
    x, y, height = 0.5 * width, 0.46 * depth, 0.20
    for side in (-1, 1):
        chair.box((side * x - 0.025, -y, base + height), (side * x + 0.025, 0.8 * y, base + height + 0.025), colour)
        chair.bar((side * x, 0.6 * y, base - 0.02), (side * x, 0.6 * y, base + height), (0.014, 0.014), colour)
