"""Prepared files of digits, for videos that are made as they are needed.

- `digits`: (N, 28, 28) uint8, in the order of the raw files; `labels`: (N,) uint8.

`pipeline_lib.data.prepared` says what all prepared files share.
"""

import hashlib
import os

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.prepared import PreparedFile, VideoDescription, new_file

Bytes = NDArray[np.uint8]


def write_digit_file(path: str | os.PathLike[str], digits: Bytes, labels: Bytes, description: VideoDescription) -> str:
    """Write digits (N, 28, 28) and labels (N,), atomically. Returns the content digest."""
    assert digits.dtype == labels.dtype == np.uint8 and len(digits) == len(labels) and digits.ndim == 3, digits.shape
    digest = hashlib.sha256(np.ascontiguousarray(digits).data)
    with new_file(path, "digits", description, digest) as file:
        file.create_dataset("digits", data=digits, compression="gzip")
        file.create_dataset("labels", data=labels, compression="gzip")
    return digest.hexdigest()


class DigitFile(PreparedFile):
    """A prepared file of digits. Raises ValueError, naming the file and what to do, if it is not a whole one."""

    kind = "digits"

    def read(self) -> Bytes:
        """All digits, (N, 28, 28) uint8."""
        return self._stored(np.s_[:])

    def _check_contents(self) -> None:
        digits = self._contents
        if digits.dtype != np.uint8 or len(digits.shape) != 3 or 0 in digits.shape:
            raise self._error(f"holds 'digits' as {digits.dtype} {digits.shape}, expected uint8 (N, H, W)")
