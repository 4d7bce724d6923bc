"""`download`: from a mirror or a folder to the files that `prepare` reads, and samples without any network."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib import cli
from pipeline_lib.cli import download
from pipeline_lib.config.raw import MIRROR_VARIABLE, RAW_SOURCES
from pipeline_lib.data.mnist import read_digits
from tests.data.mirror_server import Mirror, serving

REAL = os.environ.get(MIRROR_VARIABLE)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (MIRROR_VARIABLE, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def call(*words: str | Path) -> int:
    return cli.main(["download", *map(str, words)])


def test_a_sample_is_made_without_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="the sample is made from scikit-learn's digits")
    folder = tmp_path / "raw" / "mnist_sample"
    assert call("mnist_sample", "--out", folder) == 0
    assert len(read_digits(folder, "train")[0]) == 1439
    assert {path.name for path in folder.iterdir()} == {file.name for file in RAW_SOURCES["mnist_sample"].files}
    output = capsys.readouterr().out
    assert "distributed under CC BY 4.0" in output and f"{folder / 'train-images-idx3-ubyte.gz'}: " in output


def test_wrong_files_are_told_in_sentences_and_nothing_is_put_in_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "train-images-idx3-ubyte.gz").write_bytes(b"no digits")
    with serving(Mirror({})) as server:
        words = ("--out", tmp_path / "raw", "--mirror", tmp_path / "mirror", "--mirror", server.url)
        assert call("mnist", *words) == 1
    error = capsys.readouterr().err
    assert "pipeline_lib download: error: MNIST handwritten digits: 4 of 4 files are missing" in error
    expected = f"9912422 bytes with sha256 {RAW_SOURCES['mnist'].files[0].sha256}"
    assert f"{tmp_path}/mirror/train-images-idx3-ubyte.gz: gives 9 bytes with sha256 " in error and expected in error
    assert error.count("status 404 (Not Found), expected 200") == 8, "once on the way, once in the summary"
    assert "Traceback" not in error
    assert [path.name for path in (tmp_path / "raw").iterdir()] == [".download.lock"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--mirror", "ftp://data.example/"), "--mirror ftp://data.example/: a mirror is an address that begins with"),
        ((), "PIPELINE_DATA_MIRROR names /no/such/folder, which is no folder: correct it or unset it"),
    ],
)
def test_bad_mirrors_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, "/no/such/folder")
    assert call("mnist", "--out", tmp_path, *words) == 1
    assert complaint in capsys.readouterr().err


def test_the_folder_of_the_environment_goes_first_and_given_mirrors_replace_the_default_ones(tmp_path: Path) -> None:
    mnist = RAW_SOURCES["mnist"]
    parser = argparse.ArgumentParser()
    download.add_arguments(parser)
    given = parser.parse_args(["mnist", "--out", "x", "--mirror", "http://a/", "--mirror", "b"]).mirror
    environ = {MIRROR_VARIABLE: str(tmp_path)}
    assert download._mirrors(mnist, given, environ) == (f"{tmp_path}/mnist", "http://a/", "b")
    assert download._mirrors(mnist, None, environ) == (f"{tmp_path}/mnist", *mnist.mirrors)
    assert download._mirrors(mnist, None, {}) == mnist.mirrors


@pytest.fixture
def real_files() -> Path:
    if not REAL or not (Path(REAL) / "mnist").is_dir():
        pytest.skip(f"needs {MIRROR_VARIABLE} to name a folder that holds mnist/")
    return Path(REAL) / "mnist"


def test_the_real_files_pass_from_a_server_with_progress(real_files: Path, tmp_path: Path) -> None:
    """11.6 MB over HTTP, cut in between, as the command does it; a second call has nothing to do."""
    files = {f"/mnist/{path.name}": path.read_bytes() for path in real_files.iterdir()}
    with serving(Mirror(files, cut_after=6_000_000, n_cuts=1)) as server:
        command = [sys.executable, "-m", "pipeline_lib", "download", "mnist", "--out", str(tmp_path / "raw")]
        command += ["--mirror", f"{server.url}mnist"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert [asked for _, asked, _ in server.requests] == [None, "bytes=6000000-", None, None, None]
        assert "the connection was cut after 6000000 of 9912422 bytes; trying again in" in done.stderr
        assert "download mnist: 11.6M of 11.6M B" in done.stderr
        again = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert again.returncode == 0 and len(server.requests) == 5
    assert len(read_digits(tmp_path / "raw", "train")[0]) == 60_000


def test_the_real_files_pass_from_the_folder_of_the_environment(
    real_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(real_files.parent))
    assert call("mnist", "--out", tmp_path) == 0
    assert len(read_digits(tmp_path, "test")[0]) == 10_000
