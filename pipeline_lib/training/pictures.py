"""Pictures while training, a PNG file for each: of forecasts, truth above forecast for a few fixed windows.

They show how a model learns, and change nothing: no number of a training depends on them.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.atomic import atomic_path
from pipeline_lib.training.picture_page import GAP, LEFT, SPACE, TOP, Frames, Page, Pixels, as_pixels, frame_name

N_WINDOWS = 4
MAX_COLUMNS, MAX_COND_COLUMNS = 12, 3
WINDOWS_BESIDE = 2
FRAME_WIDTH, STRIP_WIDTH, STRIP_HEIGHT = 64, 240, 120
"""About this large [pixels] are a frame of an image, and a window of vectors; they are enlarged by whole numbers."""


class TrainingPictures:
    """Writes the pictures of one training to `folder` and journals each, by its path from `run_dir`, when it is whole.

    key: what the journal calls the series. A training that repeats the steps after its last checkpoint finds what it
    has drawn journalled, and leaves it.
    """

    def __init__(self, key: str, folder: Path, run_dir: Path, journal: Journal) -> None:
        self.key, self.folder, self.run_dir, self.journal = key, folder, run_dir, journal

    def lacks(self, iteration: int) -> bool:
        """Whether no picture of this iteration, or of a later one, is journalled."""
        return not self.journal.has_artifact(self.key, iteration)

    def save(self, iteration: int, picture: Image.Image) -> Path:
        """Write the picture, all of it or nothing, and journal it."""
        path = self.folder / f"{self.key}_{iteration:08d}.png"
        with atomic_path(path) as temporary:
            picture.save(temporary, format="PNG", optimize=True)
        self.journal.artifact(path.relative_to(self.run_dir).as_posix(), self.key, iteration)
        return path


def montage(cond_NTCHW: Frames, truth_NTCHW: Frames, forecast_NTCHW: Frames) -> Image.Image:
    """Truth above forecast, window by window.

    Images are rows of frames, at most `MAX_COLUMNS` of them, the conditioning ones first; vectors (frames of height 1)
    are strips of pixels against time. The whole is about square, because that is how web pages show pictures small.
    Three channels are RGB, others grey, beside each other. The scale is the range of the truth, the same in all
    pictures of the same windows; forecasts beyond it are cut off, NaN is black.
    """
    low = float(min(cond_NTCHW.min(), truth_NTCHW.min()))
    high = float(max(cond_NTCHW.max(), truth_NTCHW.max()))
    cond, truth, forecast = (as_pixels(part, low, high) for part in (cond_NTCHW, truth_NTCHW, forecast_NTCHW))
    is_vector = truth_NTCHW.shape[3] == 1
    return _strips(cond, truth, forecast) if is_vector else _rows(cond, truth, forecast)


def columns(n_cond: int, n_pred: int) -> tuple[list[int], list[int]]:
    """Which conditioning and which predicted frames are shown, counted from 0: the last conditioning frames, and
    predicted ones spread evenly, the first and the last among them."""
    n_before = min(n_cond, MAX_COND_COLUMNS)
    n_after = min(n_pred, MAX_COLUMNS - n_before)
    after = np.linspace(0, n_pred - 1, n_after).round().astype(int).tolist()
    return list(range(n_cond - n_before, n_cond)), after


def _rows(cond: Pixels, truth: Pixels, forecast: Pixels) -> Image.Image:
    """Two rows of frames for each window, under the numbers of the frames."""
    n_windows, n_cond, height, width, _ = cond.shape
    before, after = columns(n_cond, truth.shape[1])
    zoom = max(1, round(FRAME_WIDTH / width))
    width, height = zoom * width, zoom * height
    edges = [LEFT + k * (width + GAP) + (SPACE if k >= len(before) else 0) for k in range(len(before) + len(after))]
    page = Page(edges[-1] + width + SPACE, TOP + n_windows * (2 * height + GAP + SPACE))
    for n in range(n_windows):
        top = TOP + n * (2 * height + GAP + SPACE)
        for x, frame in zip(edges, [*cond[n, before], *truth[n, after]], strict=True):
            page.put(frame, x, top, zoom, zoom)
        for x, frame in zip(edges[len(before) :], forecast[n, after], strict=True):
            page.put(frame, x, top + height + GAP, zoom, zoom)
        page.label_rows(("truth", "forecast"), top, height)
    numbers = [t - n_cond + 1 for t in before] + [t + 1 for t in after]
    for x, number in zip(edges, numbers, strict=True):
        page.write(frame_name(number), x + width / 2, TOP / 2, "mm")
    page.mark(edges[len(before)] - (SPACE + GAP) // 2)
    return page.image


def _strips(cond: Pixels, truth: Pixels, forecast: Pixels) -> Image.Image:
    """Two windows beside each other, the others below; the first pixel of the vectors is at the bottom."""
    (n_windows, n_cond), n_pred, n_pixels = cond.shape[:2], truth.shape[1], truth.shape[3]
    across, down = max(1, round(STRIP_WIDTH / (n_cond + n_pred))), max(1, round(STRIP_HEIGHT / n_pixels))
    width, height = across * (n_cond + n_pred), down * n_pixels
    n_beside = min(n_windows, WINDOWS_BESIDE)
    n_below = math.ceil(n_windows / n_beside)
    page = Page(LEFT + n_beside * (width + SPACE), TOP + n_below * (2 * height + GAP + SPACE))
    for n in range(n_windows):
        row, column = divmod(n, n_beside)
        left, top = LEFT + column * (width + SPACE), TOP + row * (2 * height + GAP + SPACE)
        present = left + n_cond * across
        page.put(_upright(np.concatenate([cond[n], truth[n]])), left, top, across, down)
        page.put(_upright(forecast[n]), present, top + height + GAP, across, down)
        page.label_rows(("truth", "forecast"), top, height)
        if row == 0:
            page.write(frame_name(0), present, TOP / 2, "mm")
            page.write(frame_name(n_pred), left + width, TOP / 2, "rm")
    for column in range(n_beside):
        page.mark(LEFT + column * (width + SPACE) + n_cond * across)
    return page.image


def _upright(frames_T1P3: Pixels) -> Pixels:
    """(T, 1, P, 3) → (P, T, 3), time from left to right, pixels from bottom to top."""
    return frames_T1P3[:, 0].swapaxes(0, 1)[::-1]
