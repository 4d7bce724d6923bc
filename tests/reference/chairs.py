"""3D Warehouse Chairs the plain way: an extracted folder, one image and one item after the other."""

import os

import numpy as np
from PIL import Image


def split(folder: str | os.PathLike[str], seed: int = 42) -> tuple[list[str], list[str]]:
    """Chair folders for training and for the test."""
    chairs = sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))
    np.random.RandomState(seed).shuffle(chairs)
    n_train = int(len(chairs) * 0.85)
    return chairs[:n_train], chairs[n_train:]


def video(folder: str | os.PathLike[str], chair: str) -> np.ndarray:
    """The views of a chair, (62, 3, 64, 64) uint8."""
    renders = os.path.join(folder, chair, "renders")
    frames = []
    for name in sorted(os.listdir(renders)):
        image = Image.open(os.path.join(renders, name)).crop((100, 100, 500, 500))
        frames.append(np.array(image.resize((64, 64), Image.Resampling.LANCZOS)).transpose(2, 0, 1))
    return np.stack(frames)


def sequence(video: np.ndarray, start: int, length: int) -> np.ndarray:
    """Consecutive views, going around: (length, 3, 64, 64)."""
    return np.stack([video[(start + k) % len(video)] for k in range(length)])


def swap_items(videos: np.ndarray, n_cond: int, n_pred: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Motion, content and truth of every item of the swap test, for the test videos (N, 62, 3, 64, 64)."""
    generator = np.random.RandomState(1)
    n_chairs, n_views = videos.shape[:2]
    length = n_cond + n_pred
    items = []
    for i in range(n_chairs * n_views):
        chair, view = i % n_chairs, i // n_chairs
        content_chair = generator.randint(n_chairs)
        content_view = generator.randint(n_views - length)
        motion = sequence(videos[chair], view, length)[:n_cond]
        content = sequence(videos[content_chair], content_view, length)[:n_cond]
        truth = sequence(videos[content_chair], view, length)[n_cond:]
        items.append((motion, content, truth))
    return items
