"""Pictures of decompositions while training: what was seen, truth, prediction, and each object alone with its box."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline_lib.training.picture_page import (
    GAP,
    INK,
    SPACE,
    TOP,
    Colour,
    Frames,
    Page,
    Pixels,
    as_pixels,
    frame_name,
)

LEFT = 66
"""Labels of rows are longer than those of forecasts."""

MAX_COLUMNS = 10
"""Input frames at most, and output frames."""

FRAME_WIDTH = 64
"""About this large [pixels] is a frame; it is enlarged or reduced by a whole number."""

BAR, LANE, FOOT = 10, 4, 18
"""Heights of the bar of visibility, of a line of true labels, and of what explains both below [pixels]."""

OBJECT_COLOURS: tuple[Colour, ...] = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167))
"""Those of figures. Of more objects than these, colours come again."""

FAINT = (225, 225, 225)


def decomposition_montage(
    observed_NTCHW: Frames,
    video_NTCHW: Frames,
    reconstruction_NTCHW: Frames,
    forecast_NTCHW: Frames,
    components_NTKCHW: Frames,
    box_NTK4: NDArray[np.float32],
    visibility_NTK: NDArray[np.float32],
    missing_NTK: NDArray[np.bool_] | None,
) -> Image.Image:
    """Rows of frames for each window, input frames first: observed, truth, prediction, and every object with its box.

    observed, reconstruction (N, n_cond, C, H, W), forecast (N, n_pred, C, H, W). video (N, T, C, H, W): the truth, with
    nothing missing where that is known. components (N, T, K, C, H, W), box (N, T, K, 4): row and column of its centre,
    height, width [pixels]. visibility (N, n_cond, K): score in [0, 1]; a bar below each object is filled as high.
    missing (N, n_cond, K'): where a true object is missing, a line for each below the truth, as objects found need not
    stand in the order of the true ones; None where no dataset tells. The scale is the range of the truth, the same in
    all pictures of the same windows; values beyond it are cut off, NaN is black.
    """
    low, high = float(video_NTCHW.min()), float(video_NTCHW.max())
    n_windows, n_cond = observed_NTCHW.shape[:2]
    n_objects = components_NTKCHW.shape[2]
    before, after = columns(n_cond, forecast_NTCHW.shape[1])
    both = [*before, *(n_cond + t for t in after)]
    prediction = np.concatenate([reconstruction_NTCHW, forecast_NTCHW], axis=1)
    parts = [observed_NTCHW[:, before], video_NTCHW[:, both], prediction[:, both]]
    parts += [components_NTKCHW[:, both, k] for k in range(n_objects)]
    factor = _factor(*video_NTCHW.shape[3:])
    rows = [as_pixels(_reduced(part, factor), low, high) for part in parts]
    height, width = rows[0].shape[2:4]
    zoom = max(1, round(FRAME_WIDTH / width))
    sheet = _Sheet(before, len(after), zoom * height, zoom * width, zoom, factor)
    n_lanes = 0 if missing_NTK is None else missing_NTK.shape[2]
    pitch = (3 + n_objects) * (zoom * height + GAP) + n_lanes * (LANE + GAP) + n_objects * (BAR + 2 * GAP) + SPACE
    page = Page(sheet.edges[-1] + zoom * width + SPACE, TOP + n_windows * pitch, LEFT, FOOT)
    for n in range(n_windows):
        boxes, missing = box_NTK4[n][both], None if missing_NTK is None else missing_NTK[n][before]
        sheet.draw(page, TOP + n * pitch, [row[n] for row in rows], boxes, visibility_NTK[n][before], missing)
    for x, t in zip(sheet.edges, both, strict=True):
        page.write(frame_name(t - n_cond + 1), x + zoom * width / 2, TOP / 2, "mm")
    page.mark(sheet.edges[len(before)] - (SPACE + GAP) // 2)
    told = "bars: visibility as inferred" + ("; dark lines: objects that are missing" if n_lanes else "")
    page.write(told, LEFT, page.image.height - FOOT / 2 - GAP, "lm")
    return page.image


def columns(n_cond: int, n_pred: int) -> tuple[list[int], list[int]]:
    """Which input and which output frames are shown, counted from 0: spread evenly, the first and last among them."""
    before, after = (np.linspace(0, n - 1, min(n, MAX_COLUMNS)).round().astype(int).tolist() for n in (n_cond, n_pred))
    return before, after


def _factor(height: int, width: int) -> int:
    """By how much large frames are reduced; they stay as they are where no number divides them."""
    return next(k for k in range(max(1, width // FRAME_WIDTH), 0, -1) if height % k == width % k == 0)


def _reduced(frames_NTCHW: Frames, factor: int) -> Frames:
    """Means over squares of factor x factor pixels."""
    *first, height, width = frames_NTCHW.shape
    return frames_NTCHW.reshape(*first, height // factor, factor, width // factor, factor).mean(axis=(-3, -1))


class _Sheet:
    """Where the rows of a window stand: `edges` of the columns, frames of height x width pixels of the page."""

    def __init__(self, before: list[int], n_after: int, height: int, width: int, zoom: int, factor: int) -> None:
        self._n_before, self._height, self._width, self._zoom, self._factor = len(before), height, width, zoom, factor
        n_columns = len(before) + n_after
        self.edges = [LEFT + k * (width + GAP) + (SPACE if k >= len(before) else 0) for k in range(n_columns)]

    def draw(
        self,
        page: Page,
        y: int,
        rows: list[Pixels],
        boxes_TK4: NDArray[np.float32],
        visibility_TK: NDArray[np.float32],
        missing_TK: NDArray[np.bool_] | None,
    ) -> None:
        """One window below y: observed, truth above its missing labels, prediction, objects above their bars."""
        names = ["observed", "truth", "prediction", *(f"object {k + 1}" for k in range(len(rows) - 3))]
        for k, (name, frames) in enumerate(zip(names, rows, strict=True), start=-3):
            page.label_rows([name], y, self._height)
            for x, frame in zip(self.edges, frames, strict=False):
                page.put(frame, x, y, self._zoom, self._zoom)
            below = y + self._height + GAP
            if k >= 0:
                colour = OBJECT_COLOURS[k % len(OBJECT_COLOURS)]
                self._boxes(page, y, boxes_TK4[:, k], colour)
                below = self._bar(page, below, visibility_TK[:, k], colour)
            elif name == "truth" and missing_TK is not None:
                below = self._lanes(page, below, missing_TK)
            y = below

    def _lanes(self, page: Page, y: int, missing_TK: NDArray[np.bool_]) -> int:
        """A line for each true object, dark where it is missing; where the next row begins."""
        for missing_T in missing_TK.T:
            for x, missing in zip(self.edges, missing_T, strict=False):
                page.fill(x, y, self._width, LANE, INK if missing else FAINT)
            y += LANE + GAP
        return y

    def _bar(self, page: Page, y: int, visibility_T: NDArray[np.float32], colour: Colour) -> int:
        """Cells that are filled as high as the object is visible; where the next row begins."""
        for x, visibility in zip(self.edges, np.nan_to_num(visibility_T).clip(0, 1), strict=False):
            filled = round(float(visibility) * BAR)
            page.fill(x, y, self._width, BAR - filled, FAINT)
            page.fill(x, y + BAR - filled, self._width, filled, colour)
        return y + BAR + 2 * GAP

    def _boxes(self, page: Page, y: int, boxes_T4: NDArray[np.float32], colour: Colour) -> None:
        """A box in each frame of the row at y, cut off at the frame's edges; none where numbers are not finite."""
        scale = self._zoom / self._factor
        for x, box in zip(self.edges, boxes_T4, strict=True):
            if np.isfinite(box).all():
                row, column, height, width = box.tolist()
                # The middle of a frame's first pixel, which is 0 for boxes, lies half a pixel inside it.
                edges = (column - width / 2, row - height / 2, column + width / 2, row + height / 2)
                places = tuple((edge + 0.5) * scale for edge in edges)
                page.outline((x, y), (self._width, self._height), places, colour)
