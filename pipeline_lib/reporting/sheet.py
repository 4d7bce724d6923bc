"""A sheet of frames in a figure: rows of one video under each other, boxes around objects, and bars of their labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from pipeline_lib.reporting.frames import CHANNEL_GAP, LABEL_SIZE, Coloured, frame_name
from pipeline_lib.reporting.style import FAINT, INK, MUTED, VERMILION

Labels = NDArray[np.bool_]

BOX_LINE, BORDER_LINE = 0.9, 1.1
"""Widths of the lines of boxes, and of borders around columns [points]."""

DASHES: Any = (0, (1.6, 1.2))
"""Of the box around an object that is judged missing."""

BAR, MARK = 0.24, 0.08
"""Heights of the bar of visibility, and of the marks of what is truly missing below it, as parts of a frame's."""

CROSS: dict[str, Any] = {"marker": "x", "color": INK, "markersize": 3.4, "markeredgewidth": 0.9, "linestyle": "none"}


class Sheet:
    """Rows of one video that grow downwards, in pixels of a frame: input frames on the left, output frames apart.

    size: height and width of a frame. numbers_before, numbers_after: of the frames shown, counted from the last input
    frame, which is 0; there may be none after. n_beside: so many channels stand beside each other in each.
    """

    def __init__(
        self,
        axes: Axes,
        size: tuple[int, int],
        numbers_before: Sequence[int],
        numbers_after: Sequence[int] = (),
        n_beside: int = 1,
    ) -> None:
        self.axes, (self._frame_height, self._frame_width) = axes, size
        self._insets = [k * (self._frame_width + CHANNEL_GAP) for k in range(n_beside)]
        self._tile = self._insets[-1] + self._frame_width
        self._gap = max(1.0, self._tile / 16)
        self._numbers, self._n_before = [*numbers_before, *numbers_after], len(numbers_before)
        space, pitch = (3 * self._gap if numbers_after else 0.0), self._tile + self._gap
        self._lefts = [k * pitch + (space if k >= self._n_before else 0.0) for k in range(len(self._numbers))]
        self._top, self._labels = 0.0, list[tuple[float, str]]()
        self.height = 0.0

    @property
    def width(self) -> float:
        """Of the whole [pixels of a frame]; `height`: of the rows so far."""
        return self._lefts[-1] + self._tile

    def frames(self, label: str, frames: Coloured, blank: str = "") -> None:
        """A row of frames (N, H, W', 4): of all columns, or of the input ones, and `blank` says what lacks."""
        assert len(frames) in (self._n_before, len(self._lefts))
        self._begin_row(label, self._frame_height, self._gap if self._labels else 0.0)
        for frame, left in zip(frames, self._lefts, strict=False):
            extent = (left, left + self._tile, self._top + self._frame_height, self._top)
            self.axes.imshow(frame, extent=extent, interpolation="antialiased", interpolation_stage="rgba")
        if len(frames) < len(self._lefts):
            middle = (self._lefts[self._n_before] + self.width) / 2, self._top + self._frame_height / 2
            self.axes.text(*middle, blank, fontsize=LABEL_SIZE, color=MUTED, ha="center", va="center")

    def boxes(self, boxes_N4: NDArray[np.float32], colour: str, imputed_N: Labels) -> None:
        """Boxes in the frames of the last row: (N, 4), row and column of the centre, height, width [pixels].

        They are cut off at the edges of the frames, and dashed where the object is imputed.
        """
        for (row, column, height, width), left, imputed in zip(boxes_N4, self._lefts, imputed_N, strict=True):
            for inset in self._insets:
                # The middle of a frame's first pixel, which is 0 for boxes, lies half a pixel inside it.
                corner = (left + inset + 0.5 + column - width / 2, self._top + 0.5 + row - height / 2)
                style = DASHES if imputed else "solid"
                box = Rectangle(corner, width, height, fill=False, ec=colour, linewidth=BOX_LINE, linestyle=style)
                self.axes.add_patch(box)
                frame = Rectangle((left + inset, self._top), self._frame_width, self._frame_height)
                frame.set_transform(self.axes.transData)
                box.set_clip_path(frame)

    def bar(
        self,
        visibility_N: NDArray[np.float32],
        visible_N: Labels,
        missing_N: Labels | None,
        colour: str,
        label: str = "visibility",
    ) -> None:
        """A cell below each input frame of the last row, filled as high as its object's visibility in [0, 1].

        A cross stands in it where the object is judged missing, a mark below it where that is true.
        """
        height, mark = BAR * self._frame_height, MARK * self._frame_height
        self._begin_row(label, height, 0.8 * self._gap)
        self.height += 1.5 * mark
        for k, left in enumerate(self._lefts[: self._n_before]):
            filled = float(visibility_N[k]) * height
            self._fill(left, self._top, height, FAINT)
            self._fill(left, self._top + height - filled, filled, colour)
            if not visible_N[k]:
                self.axes.plot(left + self._tile / 2, self._top + height / 2, **CROSS)
            if missing_N is not None and missing_N[k]:
                self._fill(left, self._top + height + mark / 2, mark, INK)

    def frame_columns(self, marked_N: Labels) -> None:
        """A border around these columns of input frames, over all rows so far."""
        away = 0.4 * self._gap
        for k in np.flatnonzero(marked_N):
            corner = (self._lefts[k] - away, -away)
            size = (self._tile + 2 * away, self.height + 2 * away)
            self.axes.add_patch(
                Rectangle(corner, *size, fill=False, ec=VERMILION, linewidth=BORDER_LINE, clip_on=False)
            )

    def finish(self, title: str, heads: tuple[str, str] = ("", "")) -> None:
        """Labels of the rows, numbers of the frames on top, what the frames are above these, and a title."""
        axes = self.axes
        axes.set(xlim=(-self._gap, self.width + self._gap), ylim=(self.height + self._gap, -self._gap))
        axes.set_xticks([left + self._tile / 2 for left in self._lefts], [*map(frame_name, self._numbers)])
        axes.set_yticks(*zip(*self._labels, strict=True))
        axes.tick_params(length=0, labelsize=LABEL_SIZE, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.set_title(title, loc="left", fontsize=7, pad=24 if any(heads) else 15)
        if self._n_before < len(self._lefts):
            boundary = (self._lefts[self._n_before - 1] + self._tile + self._lefts[self._n_before]) / 2
            axes.axvline(boundary, color=INK, linewidth=0.8)
        columns = self._lefts[: self._n_before], self._lefts[self._n_before :]
        for head, lefts in zip(heads, columns, strict=True):
            if head and lefts:
                self._head(head, lefts[0], lefts[-1] + self._tile)

    def _head(self, text: str, left: float, right: float) -> None:
        """Text over a line from left to right, above the numbers of the frames."""
        inches, top = self.axes.figure.dpi_scale_trans, self.axes.get_xaxis_transform()
        line, above = (top + ScaledTranslation(0, points / 72, inches) for points in (12, 13.5))
        self.axes.plot([left, right], [1, 1], color=MUTED, linewidth=0.6, transform=line, clip_on=False)
        middle = (left + right) / 2
        self.axes.text(middle, 1, text, fontsize=LABEL_SIZE, ha="center", va="bottom", transform=above)

    def _begin_row(self, label: str, height: float, gap: float) -> None:
        self._top = self.height + gap
        self.height = self._top + height
        if label:
            self._labels.append((self._top + height / 2, label))

    def _fill(self, left: float, top: float, height: float, colour: str) -> None:
        self.axes.add_patch(Rectangle((left, top), self._tile, height, facecolor=colour, linewidth=0))
