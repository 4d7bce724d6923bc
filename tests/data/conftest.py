"""Two misbehaving mirrors, and an empty folder to download to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.mirror_server import Mirror, serving
from tests.data.toy_download import IMAGES, LABELS


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving(Mirror({"/images.gz": IMAGES, "/labels": LABELS})) as mirror:
        yield mirror


@pytest.fixture
def other() -> Iterator[Mirror]:
    with serving(Mirror({"/images.gz": IMAGES, "/labels": LABELS})) as mirror:
        yield mirror


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "toy"
