"""Sequences cut from the release of MOTS: whose pixels they show, in which frames, and what leaves none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_lib.config.pedestrians import PedestriansSettings
from pipeline_lib.data import pedestrians
from pipeline_lib.data.cut_pedestrians import Box, Cut, canvas_of, cut_pedestrians, groups_of
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.pedestrian_frames import find_videos
from tests.data.mots_releases import (
    grey,
    labels,
    lines,
    run_lengths,
    write_challenge,
    write_images,
    write_masks,
)

pytest.importorskip("pycocotools", reason="masks as text are decoded by pycocotools")


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = tmp_path_factory.mktemp("release")
    write_challenge(release)
    (release / "test" / "MOTS20-01" / "img1").mkdir(parents=True)  # has no masks
    return release


@pytest.fixture(scope="module")
def cut(challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cut") / "sequences"
    assert cut_pedestrians(challenge, out) == Cut(n_annotated=1, n_sequences=1, n_videos=1)
    return out


def images(folder: Path) -> dict[str, np.ndarray]:
    return {path.name: np.asarray(Image.open(path)) for path in sorted(folder.iterdir())}


def test_the_pedestrians_of_all_frames_are_shown_in_grey_on_black(cut: Path) -> None:
    """Not 2009, which one frame lacks; 2001 is in, 12 of 60 rows high. The tallest is 24 high: 60 rows are cut."""
    assert sorted(path.name for path in cut.iterdir()) == ["seq_MOTS20-02_000", "source.txt"]
    found = images(cut / "seq_MOTS20-02_000")
    assert list(found) == [f"000_{frame:06d}_000.png" for frame in range(6, 96, 6)]
    shown = (2007, 2003, 2001)
    columns = np.flatnonzero(np.any([np.isin(labels(f), shown).any(axis=0) for f in range(6, 96, 6)], axis=0))
    first, last = columns[0], columns[-1] + 1
    for frame in range(6, 96, 6):
        image = found[f"000_{frame:06d}_000.png"]
        assert image.dtype == np.uint8 and image.shape == (60, last - first)
        # Rows 18 to 43 are the pedestrians'; 34 more are shared out above and below, 17 each: from row 1 on.
        expected = np.zeros((61, 80))
        expected[:60] = np.where(np.isin(labels(frame), shown), grey(frame), 0)
        np.testing.assert_allclose(image, expected[1:61, first:last], atol=1)
    assert (
        cut / "source.txt"
    ).read_text() == "cut from the release of MOTS by this project, not the sequences of the paper\n"


def test_every_layout_of_the_release_gives_the_same_sequences(cut: Path, tmp_path: Path) -> None:
    expected = images(cut / "seq_MOTS20-02_000")
    for kind in ("instances", "instances_txt"):
        release = tmp_path / kind
        write_images(release / "train" / "images" / "0002")
        if kind == "instances":
            write_masks(release / "train" / "instances" / "0002")
        else:
            (release / "train" / "instances_txt").mkdir()
            (release / "train" / "instances_txt" / "0002.txt").write_text("\n".join(lines(range(6, 93, 6))))
        cut_pedestrians(release, tmp_path / "out" / kind)
        found = images(tmp_path / "out" / kind / "seq_0002_000")
        assert list(found) == list(expected)
        for name in found:
            np.testing.assert_array_equal(found[name], expected[name])


def test_what_is_cut_is_read_as_the_authors_archive(cut: Path, tmp_path: Path) -> None:
    found, problems = find_videos(cut, 15)
    assert problems == [] and [len(videos) for videos in found.values()] == [1]
    raw = tmp_path / "sequences"
    raw.mkdir()
    for name in ("seq_a", "seq_b"):
        (raw / name).mkdir()
        for path in (cut / "seq_MOTS20-02_000").iterdir():
            (raw / name / path.name).write_bytes(path.read_bytes())
    (raw / "source.txt").write_bytes((cut / "source.txt").read_bytes())
    pedestrians.prepare(PedestriansSettings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=tmp_path, n_workers=1)
    with VideoFile(tmp_path / "train.h5") as file:
        assert file.array("frame")[0].tolist() == list(range(6, 96, 6))
        assert file.attributes["source"].endswith(
            "; cut from the release of MOTS by this project, not the sequences of the paper"
        )


def test_three_neighbours_are_a_permutation_and_who_is_left_another_one() -> None:
    boxes = [
        {n: Box(0, 30, 10 * n + t, 10 * n + t + 8) for n in range(7)} | {7: Box(0, 20, 0, 5), 8: Box(0, 9, 15, 20)}
        for t in (0, 2)
    ]
    del boxes[1][3]
    assert groups_of(boxes, 120) == [(7, 0, 1), (2, 4, 5), (6,)]
    assert groups_of(boxes, 121)[0] == (7, 0, 1) and groups_of(boxes, 300) == [(0, 1, 2), (4, 5, 6)]
    assert groups_of(boxes, 400) == []


def test_what_is_cut_is_high_enough_for_the_tallest() -> None:
    low, spread = [Box(10, 30, 4, 9), Box(12, 30, 40, 44)], [Box(10, 30, 4, 9), Box(60, 75, 40, 44)]
    assert canvas_of(low) == Box(-5, 45, 4, 44)
    assert canvas_of(spread) == Box(10, 75, 4, 44)


def test_every_fifteen_frames_are_a_sequence(tmp_path: Path) -> None:
    folder = tmp_path / "MOTS20-05"
    write_images(folder / "img1", 200)
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text("\n".join(lines(range(6, 201, 6))))
    reported: list[tuple[int, int]] = []
    assert cut_pedestrians(tmp_path, tmp_path / "out", lambda *done: reported.append(done)).n_sequences == 2
    assert sorted(path.name for path in (tmp_path / "out").glob("seq_*")) == [
        "seq_MOTS20-05_000",
        "seq_MOTS20-05_001",
    ]
    assert min(images(tmp_path / "out" / "seq_MOTS20-05_001")) == "000_000096_000.png"
    assert reported == [(15, 30), (30, 30)]


def damaged_image(folder: Path) -> None:
    path = folder / "img1" / "000048.png"
    path.write_bytes(path.read_bytes()[:300])


def no_image(folder: Path) -> None:
    (folder / "img1" / "000048.png").write_bytes(b"x")


def missing_image(folder: Path) -> None:
    (folder / "img1" / "000048.png").unlink()


def few_images(folder: Path) -> None:
    for path in (folder / "img1").iterdir():
        if int(path.stem) > 80:
            path.unlink()


def nameless_image(folder: Path) -> None:
    (folder / "img1" / "first.png").write_bytes(b"")


def small_image(folder: Path) -> None:
    Image.fromarray(np.zeros((60, 70, 3), np.uint8)).save(folder / "img1" / "000048.png")


def truncated_masks(folder: Path) -> None:
    text = (folder / "gt" / "gt.txt").read_text()
    (folder / "gt" / "gt.txt").write_text(text[:-12])


def nobody(folder: Path) -> None:
    mask = run_lengths(labels(6) == 2003)
    (folder / "gt" / "gt.txt").write_text(f"6 2003 2 60 80 {mask}\n")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (damaged_image, r"img1/000048\.png is damaged"),
        (no_image, r"img1/000048\.png is no JPEG or PNG image \(1 bytes\)"),
        (missing_image, r"MOTS20-02 lacks the image of frame 48"),
        (few_images, r"MOTS20-02 has 80 frames, 13 of them multiples of 6: a sequence takes 15"),
        (nameless_image, r"img1/first\.png: its name is not the number of a frame"),
        (small_image, r"gt\.txt, line \d+: a mask of 80x60 pixels, and its frame has 70x60"),
        (truncated_masks, r"gt\.txt, line \d+: .*truncated"),
        (nobody, r"in no 15 frames is there a pedestrian annotated in each"),
    ],
)
def test_what_is_wrong_with_a_release_is_told_and_nothing_is_written(tmp_path: Path, damage, complaint: str) -> None:
    damage(write_challenge(tmp_path / "release"))
    with pytest.raises(ValueError, match=complaint):
        cut_pedestrians(tmp_path / "release", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_a_folder_that_is_no_release_and_one_with_two_of_a_name_are_told(challenge: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no annotated videos: neither <sequence>/img1"):
        cut_pedestrians(tmp_path, tmp_path / "out")
    for copy in ("a", "b"):
        write_images(tmp_path / copy / "images" / "0002", 3)
        write_masks(tmp_path / copy / "instances" / "0002")
    with pytest.raises(ValueError, match="a/images/0002 and .*b/images/0002 hold sequences of one name"):
        cut_pedestrians(tmp_path, tmp_path / "out")
    (tmp_path / "a" / "images" / "0009").mkdir()
    with pytest.raises(ValueError, match="sequence 0009 has no masks: there is neither .*instances/0009 nor"):
        cut_pedestrians(tmp_path / "a", tmp_path / "out")


def test_what_is_there_is_not_overwritten(cut: Path, challenge: Path) -> None:
    before = sorted(cut.rglob("*"))
    with pytest.raises(ValueError, match="sequences is there already, and is not overwritten"):
        cut_pedestrians(challenge, cut)
    assert sorted(cut.rglob("*")) == before
