"""Walkers made of a head, a body, two arms and two legs that swing, drawn in grey on black."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SUPERSAMPLING = 3
"""Frames are drawn so many times as large, and brought to their size by averaging: edges are smooth."""

STRIDE = 0.42
"""Largest angle of a leg to either side [radians]."""


@dataclass(frozen=True)
class Walker:
    """A walker, in pixels and frames.

    height: from head to foot. x: of the middle, at frame 0; speed: pixels per frame, negative to the left. foot: row of
    the feet. phase: where in a step the walk begins [radians]; pace: of the swing [radians per frame]. width: of the
    body, against that of others. greys: of head, body, near and far limbs.
    """

    height: float
    x: float
    speed: float
    foot: float
    phase: float
    pace: float
    width: float
    greys: tuple[int, int, int, int]

    def draw(self, canvas: ImageDraw.ImageDraw, frame: int, zoom: int) -> None:
        """Draw the walker as it is at a frame, `zoom` times as large."""
        unit, x = zoom * self.height, zoom * (self.x + self.speed * frame)
        swing = np.sin(self.phase + self.pace * frame)
        foot = zoom * self.foot - 0.02 * unit * abs(np.cos(self.phase + self.pace * frame))
        hip, shoulder, head = foot - 0.47 * unit, foot - 0.8 * unit, foot - 0.91 * unit
        ahead = 1 if self.speed >= 0 else -1
        of_head, of_body, near, far = self.greys
        self._limb(canvas, x, shoulder, 0.33 * unit, -0.7 * STRIDE * swing, 0.055 * unit, far)
        self._limb(canvas, x, hip, 0.45 * unit, STRIDE * swing, 0.085 * unit, far)
        self._limb(canvas, x, hip, 0.45 * unit, -STRIDE * swing, 0.085 * unit, near)
        half = 0.095 * unit * self.width
        canvas.rounded_rectangle((x - half, shoulder - 0.03 * unit, x + half, hip + 0.04 * unit), 0.7 * half, of_body)
        self._limb(canvas, x, shoulder, 0.33 * unit, 0.7 * STRIDE * swing, 0.055 * unit, near)
        radius, x_head = 0.075 * unit, x + 0.02 * ahead * unit
        canvas.ellipse((x_head - 0.85 * radius, head - radius, x_head + 0.85 * radius, head + radius), of_head)

    @staticmethod
    def _limb(
        canvas: ImageDraw.ImageDraw, x: float, y: float, length: float, angle: float, width: float, grey: int
    ) -> None:
        """A limb that hangs from (x, y)."""
        end_x, end_y, half = x + length * np.sin(angle), y + length * np.cos(angle), width / 2
        canvas.line((x, y, end_x, end_y), grey, round(width))
        canvas.ellipse((end_x - half, end_y - half, end_x + half, end_y + half), grey)


def make_walkers(random: np.random.Generator, width: int, height: int, n_frames: int, n_walkers: int) -> list[Walker]:
    """Walkers that are in sight of a frame of this size most of the time, the farthest first: it is the smallest, and
    its feet are the highest."""
    sizes = np.sort(random.uniform(0.2, 0.38, n_walkers)) * max(width, height)
    walkers = []
    for size in sizes:
        # Where the walk is half done; it goes as far as the frame lets it.
        middle = random.uniform(0.3, 0.7) * width
        speed = random.choice([-1, 1]) * random.uniform(0.2, 0.55) * width / n_frames
        body, head = (int(grey) for grey in random.integers((90, 150), (256, 240)))
        limbs = int(random.integers(100, 256))
        walkers.append(
            Walker(
                height=float(size),
                x=float(middle - speed * (n_frames - 1) / 2),
                speed=float(speed),
                foot=float(0.97 * height - 0.35 * (sizes[-1] - size) - random.uniform(0, 0.25) * (height - sizes[-1])),
                phase=float(random.uniform(0, 2 * np.pi)),
                pace=float(random.uniform(0.7, 1.3)),
                width=float(random.uniform(0.85, 1.4)),
                greys=(head, body, limbs, int(0.6 * limbs)),
            )
        )
    return walkers


def draw_walkers(walkers: Sequence[Walker], width: int, height: int, frame: int) -> Image.Image:
    """A grey image of the walkers at a frame; who comes later stands in front."""
    large = Image.new("L", (SUPERSAMPLING * width, SUPERSAMPLING * height))
    canvas = ImageDraw.Draw(large)
    for walker in walkers:
        walker.draw(canvas, frame, SUPERSAMPLING)
    return large.reduce(SUPERSAMPLING)
