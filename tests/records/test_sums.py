"""SHA256SUMS: what is listed, and what of a folder is told apart from it."""

import pytest

from pipeline_lib.records.sums import NAME, SumsCheck, check_sums, files_of, read_sums, write_sums


def test_a_folder_is_listed_in_order_and_compared(tmp_path):
    for name in ("b.txt", "a/c.txt", "a b.txt", ".lock", "a/.x.lock", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    assert files_of(tmp_path) == [".hidden", "a b.txt", "a/c.txt", "b.txt"]
    assert write_sums(tmp_path) == 4
    assert list(read_sums(tmp_path / NAME)) == files_of(tmp_path)
    assert check_sums(tmp_path) == SumsCheck(4, (), (), ())
    before = (tmp_path / NAME).read_bytes()
    assert write_sums(tmp_path) == 4 and (tmp_path / NAME).read_bytes() == before
    (tmp_path / "b.txt").write_text("other")
    (tmp_path / "a/c.txt").rename(tmp_path / "a/d.txt")
    assert check_sums(tmp_path) == SumsCheck(2, ("a/c.txt",), ("a/d.txt",), ("b.txt",))


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=f"{NAME}: not text"):
        read_sums(tmp_path / NAME)
