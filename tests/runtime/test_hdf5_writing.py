"""HDF5 files are whole or absent, and a disk that is full is an error, not the end of the process."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.runtime.atomic import atomic_path
from pipeline_lib.runtime.hdf5_writing import hdf5_file

VALUES = np.arange(30_000, dtype=np.float32).reshape(3, 10_000)


def test_what_is_written_is_read_and_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("one.h5", "two.h5"):
        with hdf5_file(tmp_path / name) as file:
            dataset = file.create_dataset("values", VALUES.shape, VALUES.dtype)
            for row, values in enumerate(VALUES):
                dataset[row] = values
            file.attrs["complete"] = True
    with h5py.File(tmp_path / "one.h5") as file:
        np.testing.assert_array_equal(file["values"], VALUES)
        assert file.attrs["complete"] and file["values"].chunks is None
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"one.h5", "two.h5"}


def test_an_error_keeps_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    path.write_text("earlier")
    with pytest.raises(KeyError), hdf5_file(path) as file:
        file["values"] = VALUES
        raise KeyError
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]


AT_EVERY_LIMIT = """
import resource, sys
from pathlib import Path
import numpy as np
from pipeline_lib.runtime.hdf5_writing import hdf5_file

path = Path(sys.argv[1])

def write():
    with hdf5_file(path) as file:
        dataset = file.create_dataset("values", (4, 500), "<f4")
        for row in range(4):
            dataset[row] = row
        file.create_dataset("more", data=np.ones(5))
        file.attrs["complete"] = True

write()
size = path.stat().st_size
path.unlink()
for limit in range(0, size, 31):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
    try:
        write()
    except OSError as error:
        assert error.filename == str(path) and error.strerror.startswith("File too large ("), error
    else:
        raise AssertionError(f"no error with {limit} of {size} bytes")
    assert list(path.parent.iterdir()) == []
print("all named")
"""


def test_wherever_space_runs_out_the_file_is_named_and_the_process_lives_on(tmp_path: Path) -> None:
    """The size that files may have ends after more and more bytes, so that every write fails once, those on closing
    included."""
    command = [sys.executable, "-c", AT_EVERY_LIMIT, str(tmp_path / "file.h5")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "all named\n"), done.stderr


def test_a_full_disk_is_named_with_what_is_left(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    path = tmp_path / "file.bin"
    with pytest.raises(
        OSError, match=r"No space left on device \([0-9.]+ MB are free on the disk of .*\): '.*file.bin"
    ):
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"")
            with open("/dev/full", "wb", buffering=0) as full:
                full.write(b"1")
    assert os.listdir(tmp_path) == []
