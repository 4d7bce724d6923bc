"""The content swap of chairs against the plain loop: which chair is to turn as which, from which views on."""

from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.data.chairs_swap import draw_contents, swap_items
from pipeline_lib.data.hdf5 import BYTES, VideoDescription, VideoFile, write_videos
from tests.reference import chairs as reference

N_COND, N_PRED = 3, 12


@pytest.fixture(scope="module")
def videos() -> np.ndarray:
    """Three chairs whose every view differs."""
    return np.random.default_rng(0).integers(0, 256, (3, 62, 3, 6, 5), dtype=np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, videos: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("chairs") / "test.h5"
    write_videos(path, videos.shape, [videos], VideoDescription("chairs", "test", "made up", {}), dtype=BYTES)
    return path


@pytest.mark.parametrize("batch_size", [1, 50, 1000])
def test_items_are_those_of_the_plain_loop(path: Path, videos: np.ndarray, batch_size: int) -> None:
    expected = reference.swap_items(videos, N_COND, N_PRED)
    with VideoFile(path) as file:
        items = swap_items(file, N_COND, N_PRED)
        batches = list(items.batches(batch_size))
        assert items.n_items == len(expected) == 3 * 62 and items.frame_shape == (3, 6, 5)
    assert max(len(batch.motion) for batch in batches) <= batch_size
    made = [np.concatenate([getattr(batch, part) for batch in batches]) for part in ("motion", "content", "truths")]
    assert made[2].shape == (3 * 62, 1, N_PRED, 3, 6, 5) and {part.dtype for part in made} == {np.dtype(np.float32)}
    for part, plain in zip(made, zip(*expected, strict=True), strict=True):
        values = np.stack(plain).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(part.reshape(values.shape), values)


def test_draws_are_one_after_the_other_for_the_published_test_set() -> None:
    generator = np.random.RandomState(1)
    expected = [(generator.randint(209), generator.randint(62 - 15)) for _ in range(209 * 62)]
    assert list(zip(*draw_contents(209, 62, 15), strict=True)) == expected


def test_videos_for_a_grid_show_different_chairs_from_different_views(path: Path, videos: np.ndarray) -> None:
    with VideoFile(path) as file:
        items = swap_items(file, N_COND, N_PRED)
        two, many = items.different_videos(2), items.different_videos(10)
    assert two.shape == (2, 15, 3, 6, 5) and len(many) == 3
    for k, video in enumerate(many):
        expected = reference.sequence(videos[k], 62 * k // 3, 15).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(video, expected)


def test_sequences_that_leave_no_choice_where_to_begin_are_refused(path: Path) -> None:
    with VideoFile(path) as file:
        assert swap_items(file, 5, 56).n_items == 186
        with pytest.raises(ValueError, match=r"test\.h5: a content swap of 5 \+ 57 views .* 62 views .* no choice"):
            swap_items(file, 5, 57)
