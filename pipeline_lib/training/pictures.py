"""Pictures while training, a PNG file for each: of forecasts, truth above forecast for a few fixed windows.

They show how a model learns, and change nothing: no number of a training depends on them.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.atomic import atomic_path

N_WINDOWS = 4
MAX_COLUMNS, MAX_COND_COLUMNS = 12, 3
WINDOWS_BESIDE = 2
FRAME_WIDTH, STRIP_WIDTH, STRIP_HEIGHT = 64, 240, 120
"""About this large [pixels] are a frame of an image, and a window of vectors; they are enlarged by whole numbers."""

PAPER, INK, MARK = (255, 255, 255), (40, 40, 40), (213, 94, 0)
LEFT, TOP, GAP, SPACE = 56, 18, 2, 8
FONT_SIZE = 11

Frames = NDArray[np.float32]
Pixels = NDArray[np.uint8]


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
    cond, truth, forecast = (_as_pixels(part, low, high) for part in (cond_NTCHW, truth_NTCHW, forecast_NTCHW))
    is_vector = truth_NTCHW.shape[3] == 1
    return _strips(cond, truth, forecast) if is_vector else _rows(cond, truth, forecast)


def columns(n_cond: int, n_pred: int) -> tuple[list[int], list[int]]:
    """Which conditioning and which predicted frames are shown, counted from 0: the last conditioning frames, and
    predicted ones spread evenly, the first and the last among them."""
    n_before = min(n_cond, MAX_COND_COLUMNS)
    n_after = min(n_pred, MAX_COLUMNS - n_before)
    after = np.linspace(0, n_pred - 1, n_after).round().astype(int).tolist()
    return list(range(n_cond - n_before, n_cond)), after


def _as_pixels(frames_NTCHW: Frames, low: float, high: float) -> Pixels:
    """(N, T, C, H, W) → (N, T, H, W', 3); where there are not three channels, in grey, beside each other."""
    scaled = (np.nan_to_num(frames_NTCHW, nan=low) - low) / max(high - low, 1e-12)
    levels = (scaled.clip(0, 1) * 255).round().astype(np.uint8)
    if levels.shape[2] == 3:
        return np.moveaxis(levels, 2, -1)
    gap = np.full_like(levels[:, :, 0, :, :1], PAPER[0])
    channels = [part for channel in np.moveaxis(levels, 2, 0) for part in (gap, channel)]
    return np.repeat(np.concatenate(channels[1:], axis=-1)[..., None], 3, axis=-1)


def _rows(cond: Pixels, truth: Pixels, forecast: Pixels) -> Image.Image:
    """Two rows of frames for each window, under the numbers of the frames."""
    n_windows, n_cond, height, width, _ = cond.shape
    before, after = columns(n_cond, truth.shape[1])
    zoom = max(1, round(FRAME_WIDTH / width))
    width, height = zoom * width, zoom * height
    edges = [LEFT + k * (width + GAP) + (SPACE if k >= len(before) else 0) for k in range(len(before) + len(after))]
    page = _Page(edges[-1] + width + SPACE, TOP + n_windows * (2 * height + GAP + SPACE))
    for n in range(n_windows):
        top = TOP + n * (2 * height + GAP + SPACE)
        for x, frame in zip(edges, [*cond[n, before], *truth[n, after]], strict=True):
            page.put(frame, x, top, zoom, zoom)
        for x, frame in zip(edges[len(before) :], forecast[n, after], strict=True):
            page.put(frame, x, top + height + GAP, zoom, zoom)
        page.label_rows(top, height)
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
    page = _Page(LEFT + n_beside * (width + SPACE), TOP + n_below * (2 * height + GAP + SPACE))
    for n in range(n_windows):
        row, column = divmod(n, n_beside)
        left, top = LEFT + column * (width + SPACE), TOP + row * (2 * height + GAP + SPACE)
        present = left + n_cond * across
        page.put(_upright(np.concatenate([cond[n], truth[n]])), left, top, across, down)
        page.put(_upright(forecast[n]), present, top + height + GAP, across, down)
        page.label_rows(top, height)
        if row == 0:
            page.write(frame_name(0), present, TOP / 2, "mm")
            page.write(frame_name(n_pred), left + width, TOP / 2, "rm")
    for column in range(n_beside):
        page.mark(LEFT + column * (width + SPACE) + n_cond * across)
    return page.image


def _upright(frames_T1P3: Pixels) -> Pixels:
    """(T, 1, P, 3) → (P, T, 3), time from left to right, pixels from bottom to top."""
    return frames_T1P3[:, 0].swapaxes(0, 1)[::-1]


def frame_name(number: int) -> str:
    """Frames are counted from the last conditioning one, t."""
    return f"t{number:+d}" if number else "t"


class _Page:
    """A picture that grows by frames, labels and lines."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(FONT_SIZE)

    def put(self, frame_HW3: Pixels, x: int, y: int, across: int, down: int) -> None:
        """A frame, each pixel enlarged to `across` × `down`, with its upper left corner at x, y."""
        self.image.paste(Image.fromarray(frame_HW3.repeat(down, axis=0).repeat(across, axis=1)), (x, y))

    def write(self, text: str, x: float, y: float, anchor: str) -> None:
        self._pen.text((x, y), text, fill=INK, font=self._font, anchor=anchor)

    def label_rows(self, top: int, height: int) -> None:
        """What the two rows below `top` are."""
        for k, text in enumerate(("truth", "forecast")):
            self.write(text, LEFT - SPACE, top + k * (height + GAP) + height / 2, "rm")

    def mark(self, x: int) -> None:
        """A line where the conditioning frames end."""
        self._pen.line([(x, TOP), (x, self.image.height - SPACE)], fill=MARK)
