"""Trainings to break: the small experiment, its data, and `pipeline_lib train` as a process."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_train import configure, train_file  # noqa: F401 - fixtures


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("needs `mount`")
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a small disk ({mounted.stderr.strip()})")
    try:
        yield folder
    finally:
        # Lazily: tensors of a failed test may still be mapped from it.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
