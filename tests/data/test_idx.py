"""The idx format: what is read is what was written, and no damaged file is taken for a whole one."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.data.idx import read_idx, write_idx

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
HEADER = struct.pack(">4I", 0x803, 2, 3, 4)
WHOLE = HEADER + IMAGES.tobytes()


def gzipped(content: bytes) -> bytes:
    """Without the time: names of tests are made of it, and processes that share tests must agree on them."""
    return gzip.compress(content, mtime=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "images.gz"


def test_bytes_laid_out_by_hand_are_read(path: Path) -> None:
    path.write_bytes(gzip.compress(WHOLE))
    np.testing.assert_array_equal(read_idx(path, 3), IMAGES)


def test_what_is_written_has_the_format_and_is_read_again(path: Path) -> None:
    write_idx(path, IMAGES)
    assert gzip.decompress(path.read_bytes()) == WHOLE
    np.testing.assert_array_equal(read_idx(path, 3), IMAGES)
    write_idx(path, IMAGES[0, 0])
    assert gzip.decompress(path.read_bytes()) == struct.pack(">2I", 0x801, 4) + bytes(range(4))
    assert list(path.parent.iterdir()) == [path]


def test_neither_name_nor_time_nor_layout_is_in_the_bytes(path: Path) -> None:
    write_idx(path, IMAGES)
    other = path.with_name("other.gz")
    write_idx(other, np.asfortranarray(IMAGES))
    assert other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzipped(struct.pack(">2I", 0x801, 24) + bytes(24)), "magic number 0x00000801, expected is 0x00000803"),
        (gzipped(struct.pack("<4I", 0x803, 2, 3, 4) + bytes(24)), "magic number 0x03080000"),
        (gzipped(struct.pack(">4I", 0xD03, 2, 3, 4) + bytes(96)), "magic number 0x00000d03"),
        (gzipped(WHOLE[:-1]), r"holds 23 bytes of values, but its header announces 24 \(an array \(2, 3, 4\)\)"),
        (gzipped(WHOLE + b"\0"), "goes on after the 24 bytes that its header announces"),
        (gzipped(HEADER[:10]), "ends within the header: 10 bytes after decompression, the header has 16"),
        (gzipped(b""), "ends within the header: 0 bytes"),
        (gzipped(struct.pack(">4I", 0x803, 60_000, 28, 28)), "array .60000, 28, 28. of 47040000 bytes, more tha"),
        (gzipped(struct.pack(">4I", 0x803, *[2**32 - 1] * 3)), "more than its [0-9]+ bytes can hold"),
        (gzipped(struct.pack(">4I", 0x803, 0, 2**32 - 1, 1)), "more than its [0-9]+ bytes can hold"),
        (gzipped(WHOLE)[:-9], "is truncated: its gzip stream of [0-9]+ bytes breaks off"),
        (gzipped(WHOLE)[:-3], "is truncated: its gzip stream of [0-9]+ bytes breaks off"),
        (gzipped(WHOLE)[:-8] + bytes(8), "is no gzip file, or a corrupt one .CRC check failed"),
        (gzipped(WHOLE)[:10] + b"\xff" * 30, "is no gzip file, or a corrupt one"),
        (gzipped(WHOLE) + b"more", "is no gzip file, or a corrupt one"),
        (WHOLE, "is no gzip file, or a corrupt one"),
        (b"<html>not found</html>", "is no gzip file, or a corrupt one"),
        (b"", "ends within the header: 0 bytes"),
    ],
)
def test_a_damaged_file_is_named_with_what_was_found_and_what_to_do(path: Path, content: bytes, complaint: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"images\.gz .*{complaint}.*downloaded again"):
        read_idx(path, 3)


def test_a_flipped_bit_never_gives_other_values(path: Path) -> None:
    """It is found, unless it is one of the few that fill up the last byte of the compressed stream."""
    content = gzip.compress(WHOLE, mtime=0)
    found = 0
    for bit in range(8 * 10, 8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            np.testing.assert_array_equal(read_idx(path, 3), IMAGES)
        except ValueError as error:
            assert "images.gz" in str(error)
            found += 1
    assert found >= 8 * (len(content) - 11)


def test_what_a_header_announces_is_not_asked_for_before_it_is_believed(path: Path) -> None:
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x803, 2**31 - 1, 28, 28) + bytes(10_000)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="can hold"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_well_compressed_file_is_no_suspect(path: Path) -> None:
    write_idx(path, np.zeros((1000, 100, 100), np.uint8))
    assert not read_idx(path, 3).any()


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(ValueError, match=r"images\.gz is not there"):
        read_idx(path, 3)
