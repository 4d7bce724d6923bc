"""A small stand-in for MNIST that needs no network: the 1,797 handwritten digits that scikit-learn brings.

They are 8x8 pixels of 17 grey levels (test part of the UCI data set "Optical Recognition of Handwritten Digits").
As in MNIST, each digit is brought to 20x20 pixels and stands in the middle of a black square of 28x28.
"""

import os

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.mnist import IMAGE_SIZE, write_digits

SMALL_SIZE, LARGEST_GREY = 8, 16
DIGIT_SIZE = 20
BORDER = (IMAGE_SIZE - DIGIT_SIZE) // 2


def make(folder: str | os.PathLike[str]) -> None:
    """Write the four files of MNIST with the sample's digits: the last fifth is the test part, 358 of them.

    Their number is even, because Moving MNIST uses every test digit once, two in a video.
    """
    from sklearn.datasets import load_digits  # here, because only whoever makes the sample needs scikit-learn

    small, labels = load_digits(return_X_y=True)
    images = enlarge(small.reshape(-1, SMALL_SIZE, SMALL_SIZE).astype(np.uint8))
    labels = labels.astype(np.uint8)
    n_test = len(images) // 5 // 2 * 2
    write_digits(folder, "train", images[:-n_test], labels[:-n_test])
    write_digits(folder, "test", images[-n_test:], labels[-n_test:])


def enlarge(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Digits (N, 8, 8) of 0..16 as images (N, 28, 28) of 0..255, by linear interpolation along both axes.

    The centre of pixel i of 20 lies at (4 i - 3) / 10 on the small grid, which is black beyond its border. So all
    weights are tenths, and integers make the result the same on every machine.
    """
    centres = 4 * np.arange(DIGIT_SIZE) - 3
    tenths = np.maximum(0, 10 - abs(10 * np.arange(SMALL_SIZE) - centres[:, None]))
    sums = tenths @ small.astype(np.int64) @ tenths.T
    whole = 100 * LARGEST_GREY
    images = np.zeros((len(small), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    inner = slice(BORDER, BORDER + DIGIT_SIZE)
    images[:, inner, inner] = (255 * sums + whole // 2) // whole
    return images
