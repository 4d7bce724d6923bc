"""Chairs found in an archive or in the extracted folder, and their images: read as Pillow does, refused by name."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_lib.data.chair_images import find_chairs, frame_of, read_chair
from tests.data import chair_archives
from tests.data.chair_archives import FILES
from tests.reference import chairs as reference

CHAIRS = {"b1": 0, "a2": 100, "c3": 200}
Writer = Callable[[Path, dict], Path]


@pytest.fixture
def files() -> dict[str, bytes]:
    return chair_archives.members(CHAIRS)


@pytest.fixture(params=[chair_archives.write_archive, chair_archives.write_folder], ids=["archive", "folder"])
def write(request: pytest.FixtureRequest) -> Writer:
    """Writes the raw data in either form."""
    return request.param


def error(raw: Path) -> str:
    with pytest.raises(ValueError) as caught:
        find_chairs(raw)
    return str(caught.value)


def test_chairs_and_views_come_in_the_order_of_their_names(tmp_path: Path, files: dict[str, bytes]) -> None:
    chair_archives.write_archive(tmp_path / "tar", files, shuffled=True)
    chair_archives.write_folder(tmp_path / "folder", files)
    for raw in (tmp_path / "tar", tmp_path / "folder"):
        chairs = find_chairs(raw)
        assert list(chairs) == ["a2", "b1", "c3"]
        for chair, views in chairs.items():
            assert [view.name for view in views] == [f"rendered_chairs/{chair}/renders/{file}" for file in FILES]
            assert views[7].read() == chair_archives.png(CHAIRS[chair] + 7)


def test_frames_are_those_of_the_plain_way(tmp_path: Path, files: dict[str, bytes], write: Writer) -> None:
    write(tmp_path / "raw", files)
    folder = chair_archives.write_folder(tmp_path / "plain", files)
    for chair, views in find_chairs(tmp_path / "raw").items():
        read = read_chair(views)
        assert read.frames.dtype == np.uint8 and read.problems == ()
        np.testing.assert_array_equal(read.frames, reference.video(folder, chair))


def test_the_digest_tells_images_and_their_names_apart_and_not_how_they_are_kept(tmp_path: Path) -> None:
    def digest(name: str, write: Writer, **changes: bytes) -> str:
        files = chair_archives.members({"one": 0})
        write(tmp_path / name, files | {f"rendered_chairs/one/renders/{FILES[3]}": changes.get("view", b"x")})
        return read_chair(find_chairs(tmp_path / name)["one"]).sha256

    first = digest("first", chair_archives.write_archive)
    assert digest("folder", chair_archives.write_folder) == first
    assert digest("other", chair_archives.write_folder, view=b"y") != first


def test_what_is_no_view_is_passed_by(tmp_path: Path, files: dict[str, bytes], write: Writer) -> None:
    others = {
        "rendered_chairs/.DS_Store": b"",
        "rendered_chairs/.git/renders/a.png": b"",
        "rendered_chairs/b1/notes.txt": b"",
        "rendered_chairs/b1/a.png": b"",
        f"rendered_chairs/b1/renders/._{FILES[0]}": b"",
        "rendered_chairs/b1/renders/thumbs.db": b"",
    }
    write(tmp_path, files | others)
    assert {chair: len(views) for chair, views in find_chairs(tmp_path).items()} == dict.fromkeys(
        ("a2", "b1", "c3"), 62
    )


def test_the_archive_goes_before_the_folder_and_neither_is_said_to_be_missing(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    assert f"{tmp_path} holds neither rendered_chairs.tar nor the folder rendered_chairs" in error(tmp_path)
    chair_archives.write_folder(tmp_path, chair_archives.members({"other": 0}))
    assert list(find_chairs(tmp_path)) == ["other"]
    chair_archives.write_archive(tmp_path, files)
    assert "other" not in find_chairs(tmp_path)


def test_no_chairs_at_all_are_told(tmp_path: Path, write: Writer) -> None:
    place = write(tmp_path, {"rendered_chairs/all_chair_names.mat": b"names"})
    assert f"{place} holds no chairs; expected are rendered_chairs/<chair>/renders/*.png" in error(tmp_path)


def test_chairs_with_other_than_62_views_are_all_named_with_what_they_lack(
    tmp_path: Path, files: dict[str, bytes], write: Writer
) -> None:
    del files[f"rendered_chairs/b1/renders/{FILES[5]}"]
    files["rendered_chairs/c3/renders/image_099.png"] = b"one more"
    files["rendered_chairs/d4/notes.txt"] = b"no image"
    place = write(tmp_path, files)
    message = error(tmp_path)
    assert f"{place}: chairs have other than 62 views (3):" in message
    assert f"\n  rendered_chairs/b1: 61 views, lacks {FILES[5]}\n" in message
    assert "\n  rendered_chairs/c3: 63 views, has image_099.png\n" in message
    assert "\n  rendered_chairs/d4: 0 views" in message and "a2" not in message


def test_of_many_bad_chairs_some_are_named(tmp_path: Path, write: Writer) -> None:
    write(tmp_path, {f"rendered_chairs/chair_{n:02d}/renders/{FILES[0]}": b"" for n in range(50)})
    message = error(tmp_path)
    assert "other than 62 views (50):" in message and "chair_19: 1 views" in message and "and 30 more" in message
    assert "chair_20" not in message


def test_an_image_that_an_archive_holds_twice_is_named(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = chair_archives.write_archive(tmp_path, files)
    name = f"rendered_chairs/b1/renders/{FILES[9]}"
    with tarfile.open(path, "a") as archive:
        archive.addfile(chair_archives.file_member(name, 3), io.BytesIO(b"new"))
    assert f"{path} holds {name} twice" in error(tmp_path)


@pytest.mark.parametrize(
    "linked", ["rendered_chairs/b1", "rendered_chairs/b1/renders", f"rendered_chairs/b1/renders/{FILES[2]}"]
)
def test_links_in_a_folder_are_not_followed(tmp_path: Path, files: dict[str, bytes], linked: str) -> None:
    chair_archives.write_folder(tmp_path, files)
    (tmp_path / linked).rename(tmp_path / "elsewhere")
    (tmp_path / linked).symlink_to(tmp_path / "elsewhere")
    assert f"{tmp_path / linked} is a symbolic link" in error(tmp_path)


def test_the_folder_itself_may_be_a_link_to_another_disk(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = chair_archives.write_folder(tmp_path / "disk", files)
    (tmp_path / "rendered_chairs").symlink_to(folder)
    assert len(find_chairs(tmp_path)) == 3


def damaged(change: Callable[[bytearray], object]) -> bytes:
    content = bytearray(chair_archives.png(0))
    change(content)
    return bytes(content)


def flip(content: bytearray) -> None:
    content[len(content) // 2] ^= 255


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", r"no PNG image \(0 bytes\)"),
        (b"<html>not found</html>", r"no PNG image \(22 bytes\)"),
        (chair_archives.png(0)[:1000], "damaged"),
        (chair_archives.png(0)[:-6], "damaged"),
        (damaged(flip), "damaged"),
        (chair_archives.png(0, size=(600, 599)), "600x599 pixels RGB, expected are 600x600 pixels RGB"),
        (chair_archives.png(0, size=(64, 64)), "64x64 pixels RGB"),
        (chair_archives.png(0, mode="L"), "600x600 pixels L, expected"),
        (chair_archives.png(0, mode="RGBA"), "600x600 pixels RGBA, expected"),
    ],
    ids=["empty", "text", "cut", "cut at its end", "flipped", "599", "64", "grey", "transparent"],
)
def test_what_is_wrong_with_an_image_is_said(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        frame_of(content)


def test_an_image_of_another_format_is_none() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (600, 600)).save(stream, "JPEG")
    with pytest.raises(ValueError, match="no PNG image"):
        frame_of(stream.getvalue())


def test_all_bad_images_of_a_chair_are_told_and_the_others_read(tmp_path: Path, write: Writer) -> None:
    files = chair_archives.members({"one": 0})
    for k in (3, 60):
        files[f"rendered_chairs/one/renders/{FILES[k]}"] = b"broken"
    write(tmp_path, files)
    read = read_chair(find_chairs(tmp_path)["one"])
    assert read.problems == tuple(f"rendered_chairs/one/renders/{FILES[k]}: no PNG image (6 bytes)" for k in (3, 60))
    np.testing.assert_array_equal(read.frames[4], frame_of(chair_archives.png(4)))


def test_images_that_vanish_while_they_are_read_are_told(tmp_path: Path) -> None:
    folder = chair_archives.write_folder(tmp_path, chair_archives.members({"one": 0}))
    views = find_chairs(tmp_path)["one"]
    (folder / "one" / "renders" / FILES[1]).unlink()
    assert [problem.split(": ")[0] for problem in read_chair(views).problems] == [views[1].name]
