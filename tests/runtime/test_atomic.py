"""Atomic writes: whole or absent, whatever happens in between."""

import json
import os
from pathlib import Path

import pytest

from pipeline_lib.runtime.atomic import (
    atomic_folder,
    atomic_path,
    remove_leftovers_of,
    write_bytes,
    write_json,
    write_text,
)


def test_file_appears_only_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent, "a rename across file systems is not atomic"
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_keeps_the_earlier_file_and_removes_the_temporary_one(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    path.write_text("earlier")
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("hal")
        raise error
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("earlier")
    with pytest.raises(FileNotFoundError), atomic_path(path):
        pass
    assert path.read_text() == "earlier"


def test_content_is_on_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).suffix or 'folder'}")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        events.append("rename")
        real_replace(source, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to tell what is synchronised")
    folder = tmp_path / "folder"
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_bytes(folder / "file.bin", b"content")
    assert events == ["fsync .tmp", "rename", "fsync folder"]


def test_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_helpers_write_what_they_are_given(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"\x00\r\n")
    assert (tmp_path / "a").read_bytes() == b"\x00\r\n"
    write_text(tmp_path / "b", "λ = 45\r\n")
    assert (tmp_path / "b").read_bytes() == "λ = 45\r\n".encode()
    write_json(tmp_path / "c", {"λ": [1, 2.5, None]})
    text = (tmp_path / "c").read_text(encoding="utf-8")
    assert json.loads(text) == {"λ": [1, 2.5, None]} and text.endswith("\n") and "λ" in text
    with pytest.raises(ValueError):
        write_json(tmp_path / "c", float("nan"))
    assert (tmp_path / "c").read_text(encoding="utf-8") == text


def test_folder_appears_only_when_the_block_ends_in_place_of_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    for content in ("first", "second"):
        with atomic_folder(path) as temporary:
            (temporary / content).mkdir()
            (temporary / content / "file.txt").write_text(content)
            assert temporary.parent == path.parent and not (path / content).exists()
        assert [each.relative_to(path).as_posix() for each in sorted(path.rglob("*"))] == [
            content,
            f"{content}/file.txt",
        ]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_keeps_the_earlier_folder_and_removes_the_temporary_one(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "file.txt").write_text("earlier")
    with pytest.raises(error), atomic_folder(path) as temporary:
        (temporary / "file.txt").write_text("hal")
        raise error
    assert (path / "file.txt").read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_content_of_a_folder_is_on_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[tuple[str, int]] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append(("fsync", os.fstat(descriptor).st_ino))
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        events.append(("rename", Path(source).stat().st_ino))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    path = tmp_path / "folder"
    with atomic_folder(path) as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "file.txt").write_text("content")
    content = {("fsync", each.stat().st_ino) for each in (path, *path.rglob("*"))}
    assert len(content) == 3 and set(events[:3]) == content
    assert events[3:] == [("rename", path.stat().st_ino), ("fsync", tmp_path.stat().st_ino)]


def test_leftovers_of_a_path_are_removed_be_they_files_or_folders_and_no_others(tmp_path: Path) -> None:
    (tmp_path / ".zones.0123.tmp").mkdir()
    (tmp_path / ".zones.0123.tmp" / "file").write_text("")
    for name in (".zones.4567.tmp", ".other.0123.tmp", "zones"):
        (tmp_path / name).write_text("")
    remove_leftovers_of(tmp_path / "zones")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.0123.tmp", "zones"]
