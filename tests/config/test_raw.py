"""The table of raw data, and what passes for a mirror."""

from pathlib import Path

import pytest

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.raw import RAW_SOURCES, checked_mirror, mirrors_of
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.mnist import FILES

MNIST = RAW_SOURCES["mnist"]


def test_every_source_that_a_dataset_names_is_in_the_table() -> None:
    named = {entry.settings.raw_source for entry in DATASETS.values()} - {None}
    assert named <= set(RAW_SOURCES)
    assert DatasetSettings.raw_source is None


@pytest.mark.parametrize("source", RAW_SOURCES.values(), ids=lambda source: source.name)
def test_what_comes_over_the_network_has_a_sum_and_what_is_made_has_a_maker(source) -> None:
    assert source.title and source.page and source.licence and source.files
    assert len({file.name for file in source.files}) == len(source.files)
    if source.make:
        assert not source.mirrors and callable(load(source.make))
    for mirror in source.mirrors:
        assert checked_mirror(mirror).startswith("https://")
    if source.mirrors:
        for file in source.files:
            assert file.sha256 and len(file.sha256) == 64 and set(file.sha256) <= set("0123456789abcdef")
            assert file.n_bytes


def test_files_of_mnist_are_those_that_its_reader_reads() -> None:
    """In the order train images, train labels, test images, test labels."""
    in_order = [name for part in ("train", "test") for name in FILES[part]]
    assert [file.name for file in MNIST.files] == in_order
    assert [file.name for file in RAW_SOURCES["mnist_sample"].files] == in_order


def test_the_page_on_mnist_says_what_the_table_says(repository: Path) -> None:
    page = (repository / "docs" / "datasets" / "mnist.md").read_text()
    for file in MNIST.files:
        assert f"| `{file.name}` | {file.n_bytes:,} | `{file.sha256}` |" in page
    assert all(mirror in page for mirror in MNIST.mirrors) and MNIST.page in page


@pytest.mark.parametrize(
    "mirror",
    ["https://data.example/mnist/", "http://127.0.0.1:80/mnist", "file:///srv/mnist", "/srv/mnist", "../data/mnist"],
)
def test_addresses_and_folders_are_mirrors(mirror: str) -> None:
    assert checked_mirror(mirror) == mirror


@pytest.mark.parametrize(
    ("mirror", "complaint"),
    [
        ("ftp://data.example/mnist", "begins with https://, http:// or file://, or a folder"),
        ("s3://bucket/mnist", "begins with https://"),
        ("https:///mnist", "names no machine"),
        ("file://server/mnist", "file:///folder, not file://server/"),
        ("https://name:secret@data.example/", "no names and passwords"),
        ("https://data.example/?file=", r"neither \? nor #"),
        (" ", "no mirror"),
    ],
)
def test_what_is_no_mirror_is_refused_with_a_reason(mirror: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked_mirror(mirror)


def test_a_mirror_folder_goes_first_and_configured_mirrors_replace_the_default_ones() -> None:
    assert mirrors_of(MNIST, None, None) == MNIST.mirrors
    assert mirrors_of(MNIST, None, Path("/srv")) == ("/srv/mnist", *MNIST.mirrors)
    assert mirrors_of(MNIST, ("http://a/",), Path("/srv")) == ("/srv/mnist", "http://a/")
    assert mirrors_of(MNIST, (), None) == ()
