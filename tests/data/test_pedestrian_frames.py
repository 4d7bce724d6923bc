"""Sequences of pedestrians found and read as the plain way does, and refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_lib.data.pedestrian_frames import PLACES, find_videos, frame_of, image_name, read_video
from tests.data.pedestrian_folders import names, picture, png, write_sequence
from tests.reference import pedestrians as reference


@pytest.mark.parametrize("size", [(40, 24), (24, 40), (32, 32), (41, 24)])
@pytest.mark.parametrize("place", PLACES)
def test_videos_are_those_of_the_plain_way(tmp_path: Path, size: tuple[int, int], place: str) -> None:
    """Three permutations of a wide, a tall and a square sequence."""
    images = [name for p, first in ((3, 12), (5, 600), (7, 96)) for name in names(p, first)]
    write_sequence(tmp_path / "seq_a", images, size)
    found, problems = find_videos(tmp_path, 15)
    expected = reference.videos(tmp_path / "seq_a", place)
    assert problems == [] and len(found["seq_a"]) == len(expected) == 3
    for video, frames in zip(found["seq_a"], expected, strict=True):
        made = read_video(video.at(place))
        assert made.problems == () and made.frames.shape == (15, 1, 256, 256)
        np.testing.assert_array_equal(made.frames[:, 0], frames)
    assert [video.permutation for video in found["seq_a"]] == [3, 5, 7]
    assert found["seq_a"][1].frames == tuple(range(600, 690, 6))


def test_a_wide_frame_is_whole_in_its_square_wherever_it_lies() -> None:
    wide = Image.fromarray(np.full((64, 128), 200, np.uint8))
    for place, rows in (("start", slice(0, 128)), ("middle", slice(64, 192)), ("end", slice(128, 256))):
        frame = frame_of(wide, place)
        assert (frame > 100).sum() == 128 * 256 and (frame[rows] > 100).all()


def test_frames_that_are_not_used_are_left_out_and_mixed_chunks_too(tmp_path: Path) -> None:
    """20 images of one permutation and 25 of the next one: of three chunks, the second one shows both."""
    write_sequence(
        tmp_path / "deep" / "seq_b", [*names(1, 6, 20), *names(2, 6, 25), *names(1, 7, 5), "2_00007_2_x.png"]
    )
    found, problems = find_videos(tmp_path, 15)
    assert problems == [] and list(found) == ["deep/seq_b"]
    assert [(video.permutation, video.frames[0]) for video in found["deep/seq_b"]] == [(1, 6), (2, 66)]
    assert len(reference.videos(tmp_path / "deep" / "seq_b", "start")) == 2


def test_names_say_frame_and_permutation() -> None:
    for name in ("0_000096_3.png", "clip_96_003_of_7.png", "_96_3"):
        assert (image_name(name).frame, image_name(name).permutation) == (96, 3)


@pytest.mark.parametrize("name", ["frame.png", "0_000096.png", "0_x_3.png", "0_6_b.png", "0_-6_1.png", "Thumbs.db"])
def test_a_name_without_numbers_is_told(tmp_path: Path, name: str) -> None:
    write_sequence(tmp_path / "seq_a", [*names(0, 6), name])
    _, problems = find_videos(tmp_path, 15)
    assert len(problems) == 1 and problems[0].startswith(f"seq_a/{name}: its name does not hold the numbers")


def test_a_sequence_of_too_few_frames_is_told(tmp_path: Path) -> None:
    write_sequence(tmp_path / "seq_a", names(0, 6, 14))
    write_sequence(tmp_path / "seq_b", names(0, 1, 30, step=1))
    _, problems = find_videos(tmp_path, 15)
    expected = "images of frames whose number is a multiple of 6, a video takes 15"
    assert problems == [f"seq_a: 14 {expected}", f"seq_b: 5 {expected}"]


def test_a_folder_without_sequences_is_named(tmp_path: Path) -> None:
    (tmp_path / "sequences" / "other").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"{tmp_path}/sequences holds no folders seq_\*: extract"):
        find_videos(tmp_path / "sequences", 15)


def test_links_are_not_followed(tmp_path: Path) -> None:
    write_sequence(tmp_path / "in" / "seq_a", names(0, 6))
    (tmp_path / "in" / "seq_b").symlink_to(tmp_path / "in" / "seq_a")
    with pytest.raises(ValueError, match="seq_b is a symbolic link"):
        find_videos(tmp_path / "in", 15)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no image at all", r"no PNG or JPEG image \(15 bytes\)"),
        (png(picture(1))[:60], "damaged"),
        (png(picture(1)).replace(b"IDAT", b"IDAT\x01"), "damaged"),
        (png(picture(1), "RGB"), "pixels are RGB, expected is grey of 8 bits"),
        (png(picture(1, 24, 40)), "24x40 pixels, the first image of its video has 40x24"),
        (b"", r"no PNG or JPEG image \(0 bytes\)"),
    ],
)
def test_what_is_wrong_with_an_image_is_told_and_the_others_are_read(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    write_sequence(tmp_path / "seq_a", names(0, 6))
    bad = names(0, 6)[4]
    (tmp_path / "seq_a" / bad).write_bytes(content)
    ((video,),) = find_videos(tmp_path, 15)[0].values()
    made = read_video(video)
    assert len(made.problems) == 1
    assert made.problems[0].startswith(f"seq_a/{bad}: ")
    assert re.search(complaint, made.problems[0])
    assert not made.frames[4].any() and all(made.frames[k].any() for k in range(15) if k != 4)
