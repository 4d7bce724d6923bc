"""A source of two small files, and downloads of it in which a test looks at what is left."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.config.raw import RawFile, RawSource
from pipeline_lib.data.download import Patience, download
from tests.data.mirror_server import Mirror

IMAGES, LABELS = np.random.default_rng(0).bytes(300_000), b"0123456789" * 50
QUICK = Patience(timeout=5.0, tries=3, first_pause=0.001, longest_pause=0.01)


def raw_file(name: str, content: bytes) -> RawFile:
    return RawFile(name, hashlib.sha256(content).hexdigest(), len(content))


ONE = RawSource("toy", "Toy digits", "https://page.example/", "A licence.", (raw_file("images.gz", IMAGES),))
TWO = RawSource("toy", "Toy digits", "https://page.example/", "A licence.", (*ONE.files, raw_file("labels", LABELS)))


def get(folder: Path, *mirrors: Mirror | str | Path, source: RawSource = ONE, **how: object) -> list[str]:
    """Download; the lines said on the way."""
    lines: list[str] = []
    addresses = [mirror.url if isinstance(mirror, Mirror) else str(mirror) for mirror in mirrors]
    download(source, folder, addresses, say=lines.append, patience=QUICK, **how)  # type: ignore[arg-type]
    assert (folder / "images.gz").read_bytes() == IMAGES
    assert visible(folder) == {file.name for file in source.files}
    return lines


def failure(folder: Path, *mirrors: Mirror | str | Path, source: RawSource = ONE, patience: Patience = QUICK) -> str:
    """Download in vain; what the error says."""
    addresses = [mirror.url if isinstance(mirror, Mirror) else str(mirror) for mirror in mirrors]
    with pytest.raises(ValueError) as caught:
        download(source, folder, addresses, patience=patience)
    assert not any((folder / file.name).exists() for file in source.files), "nothing under a final name"
    return str(caught.value)


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}
