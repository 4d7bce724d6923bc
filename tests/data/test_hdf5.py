"""The prepared-file format: what is written comes back; what is not a whole file of ours is refused by name."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.data.hdf5 import BYTES, VideoDescription, VideoFile, write_videos
from pipeline_lib.data.windows import WindowIndex

SHAPE = (7, 9, 2, 3, 4)
DESCRIPTION = VideoDescription(
    dataset="toy", part="train", source="random numbers", preparation={"seed": 3}, published_frame_width=64
)


@pytest.fixture
def videos() -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE, np.float32)


@pytest.fixture
def path(tmp_path: Path, videos: np.ndarray) -> Path:
    path = tmp_path / "folder" / "train.h5"
    write_videos(path, SHAPE, (videos[i : i + 3] for i in range(0, 7, 3)), DESCRIPTION, {"speed": np.arange(7.0)})
    return path


def test_what_is_written_comes_back(path: Path, videos: np.ndarray) -> None:
    with VideoFile(path) as file:
        assert (file.n_videos, file.n_frames, file.frame_shape) == (7, 9, (2, 3, 4))
        np.testing.assert_array_equal(file.read(2, 5), videos[2:5])
        batches = list(file.iterate(3))
        assert [len(batch) for batch in batches] == [3, 3, 1]
        np.testing.assert_array_equal(np.concatenate(batches), videos)
        np.testing.assert_array_equal(file.array("speed"), np.arange(7.0))
        assert file.preparation == {"seed": 3}
        attributes = {k: file.attributes[k] for k in ("dataset", "part", "source", "published_frame_width", "complete")}
        assert attributes == {
            "dataset": "toy",
            "part": "train",
            "source": "random numbers",
            "published_frame_width": 64,
            "complete": True,
        }
        assert file.content_sha256 == hashlib.sha256(videos.tobytes()).hexdigest()
        file.check_content()


def test_windows_are_slices_of_the_videos(path: Path, videos: np.ndarray) -> None:
    video, start = np.array([4, 0, 4, 6, 4]), np.array([5, 1, 0, 2, 5])
    with VideoFile(path) as file:
        windows = file.read_windows(WindowIndex(video, start, 4))
        assert windows.dtype == np.float32
        for window, v, s in zip(windows, video, start, strict=True):
            np.testing.assert_array_equal(window, videos[v, s : s + 4])
        assert file.read_windows(WindowIndex(video[:0], start[:0], 4)).shape == (0, 4, 2, 3, 4)


def test_windows_may_go_backwards_and_wrap_around(path: Path, videos: np.ndarray) -> None:
    video, start = np.array([4, 0]), np.array([5, 7])
    n_frames = videos.shape[1]
    with VideoFile(path) as file:
        backwards = file.read_windows(WindowIndex(video, start, 4, step=-1))
        around = file.read_windows(WindowIndex(video, start, 4, wraps=True))
    for k in range(2):
        np.testing.assert_array_equal(backwards[k], videos[video[k], start[k] - 3 : start[k] + 1][::-1])
        np.testing.assert_array_equal(around[k], videos[video[k], (start[k] + np.arange(4)) % n_frames])


def test_bytes_are_stored_compressed_and_read_as_floats(tmp_path: Path) -> None:
    path = tmp_path / "test.h5"
    stored = np.zeros((5, 20, 1, 64, 64), np.uint8)
    stored[:, :, 0, 10:26, 7:23] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    stored += np.arange(5, dtype=np.uint8)[:, None, None, None, None]
    write_videos(path, stored.shape, (stored[i : i + 2] for i in range(0, 5, 2)), DESCRIPTION, dtype=BYTES)
    assert path.stat().st_size < stored.nbytes / 10
    with h5py.File(path) as file:
        assert file["video"].dtype == np.uint8 and file["video"].chunks == (1, 20, 1, 64, 64)
        np.testing.assert_array_equal(file["video"], stored)
    with VideoFile(path) as file:
        assert file.content_sha256 == hashlib.sha256(stored.tobytes()).hexdigest()
        file.check_content()
        expected = stored.astype(np.float32) / np.float32(255)
        assert expected.min() == 0 and expected.max() == 1
        videos = file.read(1, 4)
        assert videos.dtype == np.float32
        np.testing.assert_array_equal(videos, expected[1:4])
        np.testing.assert_array_equal(np.concatenate(list(file.iterate(2))), expected)
        windows = file.read_windows(WindowIndex(np.array([4, 1, 4]), np.array([3, 0, 16]), 4))
        np.testing.assert_array_equal(windows, np.stack([expected[4, 3:7], expected[1, :4], expected[4, 16:]]))


def test_floats_are_not_cut_down_to_bytes(tmp_path: Path, videos: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        write_videos(tmp_path / "train.h5", SHAPE, [videos], DESCRIPTION, dtype=BYTES)
    assert not list(tmp_path.iterdir())


def test_part_of_an_array_and_the_part_of_the_dataset(path: Path) -> None:
    with VideoFile(path) as file:
        np.testing.assert_array_equal(file.array("speed", 2, 5), np.arange(2.0, 5.0))
        file.check_dataset("toy", "train")
        with pytest.raises(ValueError, match=r"train\.h5 is the train part of toy; the test part of toy is wanted"):
            file.check_dataset("toy", "test")


@pytest.mark.parametrize(("video", "start"), [(7, 0), (-1, 0), (0, 6), (0, -1)])
def test_windows_beyond_the_videos_are_refused(path: Path, video: int, start: int) -> None:
    with VideoFile(path) as file, pytest.raises(ValueError, match=r"train\.h5: windows of 4 frames .* beyond"):
        file.read_windows(WindowIndex(np.array([0, video]), np.array([0, start]), 4))


def test_reading_beyond_the_videos_or_an_unknown_array_is_refused(path: Path) -> None:
    with VideoFile(path) as file:
        with pytest.raises(ValueError, match=r"train\.h5: videos 5\.\.8 asked for, the file has 7"):
            file.read(5, 8)
        with pytest.raises(ValueError, match=r"has no dataset 'pixels', only \['speed', 'video'\]"):
            file.array("pixels")


def test_a_file_can_be_read_where_it_cannot_be_written(path: Path) -> None:
    path.chmod(0o444)
    with VideoFile(path) as first, VideoFile(path) as second:
        np.testing.assert_array_equal(first.read(0, 1), second.read(0, 1))


@pytest.mark.parametrize("kept", [0, 1, 7, 100, 0.25, 0.5, 0.9, -100, -1])
def test_truncated_file_is_refused_by_name(path: Path, kept: float) -> None:
    whole = path.read_bytes()
    size = int(kept * len(whole)) if isinstance(kept, float) else kept % len(whole)
    path.write_bytes(whole[:size])
    with pytest.raises(ValueError, match=r"train\.h5 is (damaged or truncated|not an HDF5 file).*pipeline_lib prepare"):
        VideoFile(path)


def test_missing_and_foreign_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.h5 does not exist.*pipeline_lib prepare"):
        VideoFile(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("frame,value\n" * 400)
    with pytest.raises(ValueError, match=r"text\.h5 is not an HDF5 file"):
        VideoFile(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["video"] = np.zeros(SHAPE, np.float32)
    with pytest.raises(ValueError, match=r"other\.h5 is an HDF5 file of another kind"):
        VideoFile(tmp_path / "other.h5")


def replace_video(value: np.ndarray) -> Callable[[h5py.File], None]:
    def damage(file: h5py.File) -> None:
        del file["video"]
        file["video"] = value

    return damage


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda file: file.attrs.pop("complete"), "was not written to its end"),
        (lambda file: file.attrs.modify("format_version", 2), "has version 2 of the format, 1 is expected"),
        (lambda file: file.pop("video"), "has no dataset 'video'"),
        (replace_video(np.zeros(SHAPE)), "holds 'video' as float64"),
        (replace_video(np.zeros(SHAPE[1:], np.float32)), r"holds 'video' as float32 \(9, 2, 3, 4\)"),
        (replace_video(np.zeros((0, *SHAPE[1:]), np.float32)), r"expected float32 or uint8 \(N, T, C, H, W\)"),
    ],
)
def test_unfinished_and_unexpected_files_are_refused(
    path: Path, damage: Callable[[h5py.File], None], complaint: str
) -> None:
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(ValueError, match=rf"train\.h5 .*{complaint}"):
        VideoFile(path)


def test_changed_content_is_found(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["video"][3, 4, 1, 2, 0] += np.float32(1e-3)
    with VideoFile(path) as file, pytest.raises(ValueError, match=r"train\.h5 holds other contents than were written"):
        file.check_content()


def test_an_error_in_mid_write_keeps_the_earlier_file(path: Path, videos: np.ndarray) -> None:
    def failing():
        yield videos[:3]
        raise OSError("disk on fire")

    before = path.read_bytes()
    with pytest.raises(OSError, match="disk on fire"):
        write_videos(path, SHAPE, failing(), DESCRIPTION)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["train.h5"]


KILLED = """
import sys, time
import numpy as np
from pipeline_lib.data.hdf5 import VideoDescription, write_videos

def batches():
    yield np.ones((1, 2, 1, 4, 4), np.float32)
    print("half", flush=True)
    time.sleep(60)
    yield np.ones((1, 2, 1, 4, 4), np.float32)

write_videos(sys.argv[1], (2, 2, 1, 4, 4), batches(), VideoDescription("toy", "train", "ones", {}))
"""


def test_killed_in_mid_write_leaves_nothing_under_the_final_name(tmp_path: Path, repository: Path) -> None:
    path = tmp_path / "train.h5"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=repository
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "half\n"
        assert list(tmp_path.iterdir()), "the writer is at work in the folder"
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert not path.exists()
