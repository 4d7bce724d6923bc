"""The chairs' archive: its members where Python's tarfile finds them, or a sentence that names it; bounded memory."""

import io
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.config.chairs import ChairsPreparation, ChairsSettings
from pipeline_lib.data.chair_images import View, frame_of, read_chair
from pipeline_lib.data.chairs import prepare
from pipeline_lib.data.tar_members import LARGEST_EXTENSION, tar_members
from tests.data.chair_archives import file_member, png
from tests.properties.boundary import answer, damaged, files_in
from tests.properties.pictures import chunk, picture

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
LONG = "rendered_chairs/" + "x" * 120 + "ü/renders/a.png"


def archive_of(files: dict[str, bytes], layout: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=layout) as archive:
        for name, content in files.items():
            archive.addfile(file_member(name, len(content)), io.BytesIO(content))
    return stream.getvalue()


def contents(path: Path) -> dict[str, bytes]:
    """Bytes of the members by their paths."""
    whole = path.read_bytes()
    return {"/".join(m.parts): whole[m.offset : m.offset + m.n_bytes] for m in tar_members(path, "rendered_chairs")}


names = st.text("abü ", min_size=1, max_size=150).filter(lambda name: name.strip())


@given(st.dictionaries(names, st.binary(max_size=1100), min_size=1, max_size=4), st.sampled_from(FORMATS[1:]))
def test_members_are_where_tar_has_put_them(tmp_path: Path, files: dict[str, bytes], layout: int) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(archive_of({f"rendered_chairs/{name}": content for name, content in files.items()}, layout))
    assert answer(lambda: contents(path), path) == files


@pytest.mark.parametrize("layout", FORMATS)
@given(data=st.data())
def test_damaged_archives_are_refused_or_reach_no_further_than_themselves(
    tmp_path: Path, layout: int, data: st.DataObject
) -> None:
    path = tmp_path / "a.tar"
    files = {"rendered_chairs/b.png": b"B" * 700, "rendered_chairs/c.png": b"C"}
    sound = archive_of(files if layout == tarfile.USTAR_FORMAT else files | {LONG: b"A"}, layout)
    path.write_bytes(data.draw(damaged(sound, len(sound) - 10240 if len(sound) > 10240 else 3000)))
    found = answer(lambda: contents(path), path)
    assert isinstance(found, str) or sum(map(len, found.values())) <= path.stat().st_size


def header(name: str, kind: bytes, size: int) -> bytes:
    """A header whose sum is right, of any size."""
    member = file_member(name, size)
    member.type = kind
    return member.tobuf(tarfile.GNU_FORMAT)


PAX_KEYS = ["size", "path", "GNU.sparse.map", "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.realsize", "mtime"]
PAX_KEYS += ["GNU.sparse.size", "GNU.sparse.numblocks", "GNU.sparse.offset", "GNU.sparse.name", "hdrcharset", "uid"]
PAX_VALUES = [
    "",
    "0",
    "1",
    "-1",
    "x",
    "1,2",
    "9" * 30,
    "9" * 5000,
    "../../x",
    "/etc/x",
    "BINARY",
    "1.0",
    "nan",
    "\ud800",
]


@given(
    st.dictionaries(st.sampled_from(PAX_KEYS), st.sampled_from(PAX_VALUES), min_size=1, max_size=5), st.integers(0, 3)
)
def test_extended_headers_of_any_kind(tmp_path: Path, pax: dict[str, str], wrong: int) -> None:
    path, records = tmp_path / "a.tar", b""
    for key, value in pax.items():
        body = f" {key}={value}\n".encode("utf-8", "surrogatepass")
        length = len(body) + len(str(len(body) + 3))
        records += f"{length + wrong - (wrong > 1)}".encode() + body
    content = header("pax", tarfile.XHDTYPE, len(records)) + records.ljust(-(-len(records) // 512) * 512, b"\0")
    path.write_bytes(content + archive_of({"rendered_chairs/a.png": b"1\n0\n5\n".ljust(512)}))
    found = answer(lambda: contents(path), path)
    assert isinstance(found, str) or all(".." not in name and not name.startswith("/") for name in found)


BOMBS = {
    "a member of exabytes": header("rendered_chairs/a.png", tarfile.REGTYPE, 2**60),
    "a member beyond all numbers": header("rendered_chairs/a.png", tarfile.REGTYPE, 2**80),
    "a sparse member": header("rendered_chairs/a.png", tarfile.GNUTYPE_SPARSE, 2**40),
    "thousands of long names": (header("././@LongLink", tarfile.GNUTYPE_LONGNAME, 3) + b"abc".ljust(512, b"\0")) * 5000,
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_absurd_sizes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content + bytes(10240))
    assert isinstance(answer(lambda: contents(path), path), str)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_headers_of_gigabytes_are_not_read_even_if_they_are_there(tmp_path: Path, kind: bytes) -> None:
    path, size = tmp_path / "a.tar", 2**33
    with open(path, "wb") as file:
        file.write(header("long", kind, size))
        file.truncate(512 + size)  # a hole, which takes no disk
    assert f"at most {LARGEST_EXTENSION} are read" in answer(lambda: list(tar_members(path, "rendered_chairs")), path)


def test_an_image_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "rendered_chairs.tar"
    with open(path, "wb") as file:
        file.truncate(2**33)
    for view in (View("rendered_chairs/a.png", path, 512, 2**33 - 512), View("rendered_chairs/a.png", path)):
        (problem,) = read_chair([view]).problems
        assert problem.startswith("rendered_chairs/a.png: more than 4194304 bytes")


LARGE = zlib.compress(bytes(10**8), 9)
PICTURES = {
    "pixels": picture(2**31 - 1, 2**31 - 1),
    "columns": picture(2**31 - 1, 1),
    "a text": picture(600, 600, chunk(b"zTXt", b"a\0\0" + LARGE)),
    "a profile": picture(600, 600, chunk(b"iCCP", b"a\0\0" + LARGE)),
    "pixels of another image": picture(600, 600),
}


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_pictures_that_unpack_to_far_more_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    read = answer(lambda: read_chair([View("a.png", tmp_path / "a.png")]), "a.png")
    assert len(read.problems) == 1


@given(st.data())
def test_damaged_pictures_are_refused(data: st.DataObject) -> None:
    content = data.draw(damaged(png(1), 200))
    try:
        assert frame_of(content).shape == (3, 64, 64)
    except ValueError as error:
        assert str(error)


def test_a_damaged_archive_leaves_no_dataset_half_written(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    short = PICTURES["pixels of another image"]
    files = {f"rendered_chairs/{c}/renders/{k:02d}.png": short for c in "ab" for k in range(62)}
    (raw / "rendered_chairs.tar").write_bytes(archive_of(files))
    settings = ChairsSettings(preparation=ChairsPreparation(n_chairs=2))
    said = answer(lambda: prepare(settings, out / "train.h5", out / "test.h5", raw=raw, n_workers=1), "rendered_chairs")
    assert "images cannot be used" in said and files_in(out) == []
