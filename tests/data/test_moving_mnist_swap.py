"""The content swap: which digits move along which trajectories, in every assignment."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.moving_mnist_swap import swap_items
from pipeline_lib.data.protocols import SwapBatch
from tests.data import moving_digits
from tests.reference import moving_mnist as reference

N_COND, N_PRED = 3, 12


@pytest.fixture(scope="module", params=[1, 2, 3])
def n_digits(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, n_digits: int) -> Path:
    made = moving_digits.settings(n_digits=n_digits, n_test_frames=20)
    return moving_digits.prepare(tmp_path_factory.mktemp("mnist"), 31, made) / "test.h5"


def items(path: Path, batch_size: int) -> SwapBatch:
    """All of them in one piece."""
    with VideoFile(path) as file:
        made = swap_items(file, N_COND, N_PRED)
        batches = list(made.batches(batch_size))
        assert made.n_items == file.n_videos and made.frame_shape == (1, 64, 64)
    assert max(len(batch.motion) for batch in batches) <= batch_size
    return SwapBatch(*(np.concatenate(values) for values in zip(*map(fields, batches), strict=True)))


def fields(batch: SwapBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return batch.motion, batch.content, batch.truths


def test_items_are_those_of_the_published_draws(path: Path, n_digits: int) -> None:
    digits, labels = moving_digits.digits(31, seed=2)
    videos = list(reference.test_videos(digits, labels, n_frames=20, n_digits=n_digits))
    n_videos = len(videos)
    p = np.random.RandomState(1).permutation(31)
    made = items(path, batch_size=4)
    assert made.truths.shape[:3] == (n_videos, {1: 1, 2: 2, 3: 6}[n_digits], N_PRED)
    for i in range(n_videos):
        content = [digits[p[i + n * n_videos]] for n in range(n_digits)]
        own, others = (videos[k].position.swapaxes(0, 1) for k in (i, n_videos - 1 - i))
        shown = reference.paste(content, list(others), 20)[:N_COND]
        np.testing.assert_array_equal(made.motion[i, :, 0], as_floats(videos[i].video[:N_COND]))
        np.testing.assert_array_equal(made.content[i, :, 0], as_floats(shown))
        for truth, assignment in zip(made.truths[i], permutations(range(n_digits)), strict=True):
            swapped = reference.paste([content[n] for n in assignment], list(own), 20)
            np.testing.assert_array_equal(truth[:, 0], as_floats(swapped[N_COND : N_COND + N_PRED]))


def as_floats(frames: np.ndarray) -> np.ndarray:
    return frames.astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_items_do_not_depend_on_the_batches(path: Path, batch_size: int) -> None:
    for made, expected in zip(fields(items(path, batch_size)), fields(items(path, 4)), strict=True):
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, expected)


def test_videos_that_are_too_short_are_named(path: Path) -> None:
    with VideoFile(path) as file:
        assert len(list(swap_items(file, 5, 15).batches(100))) == 1
        with pytest.raises(ValueError, match=r"test\.h5: .* 5 \+ 16 frames does not fit into videos of 20"):
            swap_items(file, 5, 16)


def test_too_many_assignments_are_refused(tmp_path: Path) -> None:
    made = moving_digits.settings(n_digits=6, n_test_frames=4)
    path = moving_digits.prepare(tmp_path, 12, made) / "test.h5"
    with VideoFile(path) as file, pytest.raises(ValueError, match=r"test\.h5: .* 6 digits, .* 720 assignments"):
        swap_items(file, 1, 2)
