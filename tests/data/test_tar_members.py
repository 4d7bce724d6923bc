"""Members of an archive: where their bytes lie, and that no archive reaches beyond itself or passes when it is cut."""

import io
import tarfile
from pathlib import Path

import pytest

from pipeline_lib.data.tar_members import tar_members
from tests.data import chair_archives

FILES = {
    "rendered_chairs/names.mat": b"names",
    "rendered_chairs/one/renders/a.png": b"A" * 1000,
    "rendered_chairs/" + "long/" * 60 + "b.png": b"B" * 512,
    "rendered_chairs/empty.txt": b"",
    "rendered_chairs/ümlaut/c.png": b"C" * 513,
}


def contents(path: Path) -> dict[str, bytes | None]:
    """What the index says that the archive holds, read by offset."""
    whole = path.read_bytes()
    return {
        "/".join(member.parts): None if member.is_folder else whole[member.offset : member.offset + member.n_bytes]
        for member in tar_members(path, "rendered_chairs")
    }


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("prefix", ["", "./"])
def test_bytes_are_found_where_tar_puts_them(tmp_path: Path, layout: int, prefix: str) -> None:
    files = {name: text for name, text in FILES.items() if layout != tarfile.USTAR_FORMAT or len(name) < 90}
    with tarfile.open(tmp_path / "a.tar", "w", format=layout) as archive:
        for folder in ("rendered_chairs", "rendered_chairs/one"):
            archive.addfile(chair_archives.member(prefix + folder, tarfile.DIRTYPE))
        for name, text in files.items():
            archive.addfile(chair_archives.file_member(prefix + name, len(text)), io.BytesIO(text))
    expected = {name.removeprefix("rendered_chairs/"): text for name, text in files.items()}
    assert contents(tmp_path / "a.tar") == {"one": None} | expected


@pytest.mark.parametrize(("complaint", "member"), list(chair_archives.hostile_members()))
def test_members_that_reach_beyond_the_archive_are_named(
    tmp_path: Path, complaint: str, member: tarfile.TarInfo
) -> None:
    path = chair_archives.write_archive(tmp_path / "raw", {**FILES, "hostile": member})
    with pytest.raises(ValueError) as caught:
        contents(path)
    message = str(caught.value)
    assert f"{path}: member {member.name!r} " in message and complaint in message and "none of it is read" in message
    assert sorted(tmp_path.rglob("*")) == [path.parent, path], "nothing is written"


def test_wherever_an_archive_is_cut_it_is_said_to_be_truncated(tmp_path: Path) -> None:
    path = chair_archives.write_archive(tmp_path, FILES)
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        end = archive.getmembers()[-1].offset_data + 1024
    for n_bytes in (*range(200, end, 200), *range(512, end + 1, 512), end + 511):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(ValueError, match=r"rendered_chairs\.tar (is truncated|is no tar archive)") as caught:
            contents(path)
        assert "Remove it and get it again" in str(caught.value)
        assert n_bytes < 512 or "is truncated" in str(caught.value), n_bytes
    path.write_bytes(whole[: end + 512])
    assert len(contents(path)) == len(FILES), "one block of zeros marks the end"


def test_what_is_no_member_between_members_is_damage(tmp_path: Path) -> None:
    path = chair_archives.write_archive(tmp_path, FILES)
    whole = bytearray(path.read_bytes())
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[2].offset
    whole[offset : offset + 512] = b"?" * 512
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=f"damaged: what stands at byte {offset} is no member's header"):
        contents(path)


def test_a_size_below_zero_does_not_lead_back_into_the_archive(tmp_path: Path) -> None:
    path = chair_archives.write_archive(tmp_path, FILES)
    whole = bytearray(path.read_bytes())
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[1].offset
    header = whole[offset : offset + 512]
    header[124:136] = b"\xff" * 10 + b"\xf8\x00"  # -2048
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    whole[offset : offset + 512] = header
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="is damaged"):
        contents(path)


@pytest.mark.parametrize("content", [b"", b"no archive" * 200, b"\x1f\x8b\x08\x00" + b"\0" * 600])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rendered_chairs.tar"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"rendered_chairs\.tar is no tar archive, or a damaged one"):
        contents(path)
