"""The idx format of the MNIST files: a big-endian header and bytes, compressed with gzip.

Header: a magic number, 0x00000800 plus the number of axes (0x08 stands for unsigned bytes), then the size of every axis
as a 32-bit integer. The values follow in C order, and nothing after them.
"""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.damage import LARGEST_COMPRESSION
from pipeline_lib.runtime.atomic import atomic_path

MAGIC_OF_BYTES = 0x0800
LARGEST_SIZE = 2**31 - 1
BYTE_ORDER = np.dtype(">u4")

Bytes = NDArray[np.uint8]


def read_idx(path: str | os.PathLike[str], n_axes: int) -> Bytes:
    """The array in an idx-gzip file of unsigned bytes with `n_axes` axes.

    Raises ValueError, naming the file, what was found and what is expected, unless the file is whole and holds just
    that. Memory is asked for only when the file is large enough to hold what its header announces.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is not there. {_REMEDY}")
    try:
        with gzip.open(path) as stream:
            return _read(cast(BinaryIO, stream), path, n_axes)
    except EOFError:
        raise ValueError(f"{path} is truncated: its gzip stream of {_size(path)} breaks off. {_REMEDY}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is no gzip file, or a corrupt one ({error}). {_REMEDY}") from None


def write_idx(path: str | os.PathLike[str], array: Bytes) -> None:
    """Write an array of unsigned bytes as an idx-gzip file, all of it or nothing; equal arrays give equal bytes."""
    assert array.dtype == np.uint8 and 0 < array.ndim < 256 and max(array.shape) <= LARGEST_SIZE, array
    header = np.array([MAGIC_OF_BYTES + array.ndim, *array.shape], BYTE_ORDER)
    # Neither the time nor the (temporary) name goes into the gzip header.
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream:
            stream.write(header.tobytes())
            stream.write(np.ascontiguousarray(array).data)


_REMEDY = "Remove it and have it downloaded again: docs/datasets/mnist.md says how"


def _read(stream: BinaryIO, path: Path, n_axes: int) -> Bytes:
    expected_magic = MAGIC_OF_BYTES + n_axes
    header = stream.read(4 * (1 + n_axes))
    magic = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and magic != expected_magic:
        raise ValueError(
            f"{path} begins with the magic number 0x{magic:08x}, expected is 0x{expected_magic:08x} "
            f"(unsigned bytes, {n_axes} axes): it is another file than its name says. {_REMEDY}"
        )
    if len(header) < 4 * (1 + n_axes):
        raise ValueError(
            f"{path} ends within the header: {len(header)} bytes after decompression, the header has "
            f"{4 * (1 + n_axes)}. {_REMEDY}"
        )
    shape = tuple(np.frombuffer(header, BYTE_ORDER, offset=4).tolist())
    n_bytes = math.prod(shape)
    if max(shape) > LARGEST_SIZE or n_bytes > LARGEST_COMPRESSION * path.stat().st_size:
        raise ValueError(
            f"{path} announces an array {shape} of {n_bytes} bytes, more than its {_size(path)} can hold. {_REMEDY}"
        )
    values = np.empty(n_bytes, np.uint8)
    n_read = 0
    while n_read < n_bytes and (n_more := stream.readinto(values[n_read:].data)):  # type: ignore[attr-defined]
        n_read += n_more
    if n_read < n_bytes:
        raise ValueError(
            f"{path} holds {n_read} bytes of values, but its header announces {n_bytes} (an array {shape}). {_REMEDY}"
        )
    # This read also has the checksum at the end of the gzip stream compared.
    if stream.read(1):
        raise ValueError(
            f"{path} goes on after the {n_bytes} bytes that its header announces (an array {shape}). {_REMEDY}"
        )
    return values.reshape(shape)


def _size(path: Path) -> str:
    return f"{path.stat().st_size} bytes"
