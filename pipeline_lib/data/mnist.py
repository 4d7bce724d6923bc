"""MNIST's digits, or a sample in the same four files."""

import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.idx import read_idx, write_idx

IMAGE_SIZE = 28
N_CLASSES = 10

Part = Literal["train", "test"]
FILES: dict[Part, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
"""Part -> its file of images and its file of labels, as the authors of MNIST name them."""

Bytes = NDArray[np.uint8]


def read_digits(folder: str | os.PathLike[str], part: Part) -> tuple[Bytes, Bytes]:
    """Images (N, 28, 28) uint8, 0 for the background, and labels (N,) uint8, 0 to 9, in the order of the files.

    Raises ValueError, naming the file, if one is missing or damaged, or if the two do not belong together.
    """
    images_path, labels_path = (Path(folder) / name for name in FILES[part])
    images, labels = read_idx(images_path, n_axes=3), read_idx(labels_path, n_axes=1)
    if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or len(images) == 0:
        raise ValueError(f"{images_path} holds images {images.shape}, expected (N, {IMAGE_SIZE}, {IMAGE_SIZE})")
    if len(images) != len(labels):
        raise ValueError(
            f"{images_path} holds {len(images)} images, but {labels_path} {len(labels)} labels: "
            "they are of different data sets or parts"
        )
    if labels.max() >= N_CLASSES:
        raise ValueError(f"{labels_path} holds the label {labels.max()}, expected are 0 to {N_CLASSES - 1}")
    return images, labels


def write_digits(folder: str | os.PathLike[str], part: Part, images: Bytes, labels: Bytes) -> None:
    """Write what `read_digits` reads."""
    assert images.shape == (len(labels), IMAGE_SIZE, IMAGE_SIZE), (images.shape, labels.shape)
    images_path, labels_path = (Path(folder) / name for name in FILES[part])
    write_idx(images_path, images)
    write_idx(labels_path, labels)
