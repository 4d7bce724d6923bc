"""Window counts of the published splits, their order, and the limits of both sets."""

import numpy as np
import pytest

from pipeline_lib.data.wave_eq_windows import published_windows
from pipeline_lib.data.windows import WindowIndex, all_windows


@pytest.mark.parametrize(
    ("n_videos", "length", "n_all", "n_published"), [(240, 25, 30_240, 9_600), (60, 45, 6_360, 1_200)]
)
def test_counts_of_the_published_splits(n_videos: int, length: int, n_all: int, n_published: int) -> None:
    everything = all_windows(n_videos, 150, length)
    published = published_windows(n_videos, 150, length, frame_width=64)
    assert len(everything) == n_all
    assert len(published) == n_published
    np.testing.assert_array_equal(published.video, everything.video[:n_published])
    np.testing.assert_array_equal(published.start, everything.start[:n_published])


def test_published_training_windows_end_in_the_77th_simulation() -> None:
    published = published_windows(240, 150, 25, frame_width=64)
    assert (published.video[-1], published.start[-1]) == (76, 23)


def test_windows_go_video_by_video_and_stay_inside() -> None:
    windows = all_windows(2, 5, 3)
    assert list(zip(windows.video.tolist(), windows.start.tolist(), strict=True)) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert windows.video.dtype == windows.start.dtype == np.int64


def test_a_window_as_long_as_the_video_is_allowed_and_a_longer_one_is_not() -> None:
    assert len(all_windows(3, 5, 5)) == 3
    with pytest.raises(ValueError, match="windows of 6 frames do not fit into videos of 5 frames"):
        all_windows(3, 5, 6)


def test_published_set_may_neither_be_empty_nor_exceed_all() -> None:
    with pytest.raises(ValueError, match="sees no window of 65 frames"):
        published_windows(3, 150, 65, frame_width=64)
    with pytest.raises(ValueError, match="would read 120 windows where the videos of 50 frames have 78"):
        published_windows(3, 50, 25, frame_width=64)


def test_frames_of_a_window_go_on_by_steps_and_wrap_where_they_may() -> None:
    start = np.array([0, 3])
    assert WindowIndex(start, start, 3).frames(5).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert WindowIndex(start, start, 3, step=-1).frames(5).tolist() == [[0, -1, -2], [3, 2, 1]]
    assert WindowIndex(start, start, 3, wraps=True).frames(5).tolist() == [[0, 1, 2], [3, 4, 0]]


def test_a_subset_is_found_in_any_order_and_others_are_no_subset() -> None:
    windows = all_windows(3, 6, 4)
    chosen = np.array([1, 4, 5, 8])
    np.testing.assert_array_equal(windows.numbers_of(windows[chosen]), chosen)
    np.testing.assert_array_equal(windows[::-1].numbers_of(windows[:2]), [8, 7])
    with pytest.raises(AssertionError, match="not a subset"):
        windows.numbers_of(WindowIndex(np.array([0]), np.array([5]), 4))


def test_windows_that_are_joined_come_behind_and_keep_their_direction() -> None:
    forward = all_windows(1, 5, 3)
    backward = WindowIndex(forward.video, forward.start + 2, 3, step=-1)
    joined = forward.joined(backward)
    assert joined.frames(5).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [2, 1, 0], [3, 2, 1], [4, 3, 2]]
    assert joined[[1, 4]].frames(5).tolist() == [[1, 2, 3], [3, 2, 1]]
    np.testing.assert_array_equal(joined.numbers_of(backward), [3, 4, 5])
    np.testing.assert_array_equal(joined.numbers_of(forward[1:]), [1, 2])
    with pytest.raises(AssertionError, match="not a subset"):
        forward.numbers_of(backward)


def test_what_is_there_already_is_not_joined_again() -> None:
    windows = all_windows(3, 6, 4)
    assert windows.joined(windows[2:5]) is windows
    np.testing.assert_array_equal(windows[2:5].joined(windows[4:7]).start, windows.start[2:7])
