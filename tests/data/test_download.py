"""Downloads from a real server on this machine, and from folders: resumed, kept, never mixed."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.config.raw import RawFile, RawSource
from pipeline_lib.data import download as module
from pipeline_lib.data.download import Patience, download
from tests.data.mirror_server import Mirror
from tests.data.toy_download import IMAGES, LABELS, ONE, QUICK, TWO, failure, get, visible


def test_files_arrive_with_their_names_and_progress_is_told(mirror: Mirror, folder: Path) -> None:
    told: list[tuple[int, int]] = []
    assert get(folder, mirror, source=TWO, progress=lambda done, total: told.append((done, total))) == []
    assert (folder / "labels").read_bytes() == LABELS
    total = len(IMAGES) + len(LABELS)
    assert told == sorted(told) and told[-1] == (total, total) and len(told) > 4
    assert [path for path, _, _ in mirror.requests] == ["/images.gz", "/labels"]


def test_what_is_there_is_not_downloaded_again(mirror: Mirror, folder: Path) -> None:
    get(folder, mirror, source=TWO)
    mirror.requests.clear()
    (folder / "labels").unlink()
    get(folder, mirror, source=TWO)
    assert mirror.requests == [("/labels", None, None)]


def test_another_file_of_that_name_is_named_and_left_alone(mirror: Mirror, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "labels").write_bytes(b"mine")
    with pytest.raises(ValueError) as caught:
        download(TWO, folder, [mirror.url], patience=QUICK)
    message = str(caught.value)
    assert f"{folder / 'labels'} has 4 bytes with sha256 {hashlib.sha256(b'mine').hexdigest()}" in message
    assert f"expected are 500 bytes with sha256 {TWO.files[1].sha256}" in message and "Move or remove it" in message
    assert (folder / "labels").read_bytes() == b"mine" and mirror.requests == []


# Cut connections, and what is left of earlier attempts


def test_a_cut_connection_goes_on_where_it_was_cut(mirror: Mirror, folder: Path) -> None:
    mirror.cut_after, mirror.n_cuts = 120_000, 2
    lines = get(folder, mirror)
    assert [asked for _, asked, _ in mirror.requests] == [None, "bytes=120000-", "bytes=240000-"]
    assert "the connection was cut after 120000 of 300000 bytes; trying again in 0.0 s" in lines[0]


def test_a_mirror_that_cuts_for_ever_but_goes_on_is_a_good_one(
    mirror: Mirror, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 10_000)
    mirror.cut_after = 20_000
    get(folder, mirror)
    assert len(mirror.requests) == 15 > QUICK.tries


def test_a_mirror_that_cuts_and_begins_anew_is_given_up(mirror: Mirror, folder: Path) -> None:
    mirror.cut_after, mirror.ranges = 200_000, False
    message = failure(folder, mirror)
    assert f"{mirror.url}images.gz: 3 tries failed, the last one: the connection was cut after 200000 of" in message
    assert (folder / "images.gz.part").read_bytes() == IMAGES[:200_000]


def test_a_mirror_that_ignores_ranges_sends_all_of_it_again(mirror: Mirror, folder: Path) -> None:
    mirror.cut_after, mirror.n_cuts, mirror.ranges = 100_000, 1, False
    get(folder, mirror)
    assert [asked for _, asked, _ in mirror.requests] == [None, "bytes=100000-"]


def test_another_mirror_goes_on_where_the_first_one_failed(mirror: Mirror, other: Mirror, folder: Path) -> None:
    mirror.cut_after, mirror.n_cuts, mirror.statuses = 100_000, 1, [200, 404]
    get(folder, mirror, other)
    assert other.requests == [("/images.gz", "bytes=100000-", None)]


def test_the_part_of_an_earlier_start_is_continued(mirror: Mirror, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "images.gz.part").write_bytes(IMAGES[:250_000])
    get(folder, mirror)
    assert mirror.requests == [("/images.gz", "bytes=250000-", None)]


def test_a_whole_part_needs_no_mirror(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "images.gz.part").write_bytes(IMAGES)
    get(folder)


@pytest.mark.parametrize("size", [100_000, 300_000, 300_001])
def test_a_part_of_something_else_is_found_out_and_replaced(mirror: Mirror, folder: Path, size: int) -> None:
    folder.mkdir(parents=True)
    (folder / "images.gz.part").write_bytes(bytes(size))
    get(folder, mirror)
    assert mirror.requests[-1] == ("/images.gz", None, None)


def test_a_part_beyond_the_end_of_the_file_is_dropped(mirror: Mirror, folder: Path) -> None:
    """Status 416; only where the size is not known beforehand."""
    folder.mkdir(parents=True)
    (folder / "images.gz.part").write_bytes(bytes(300_001))
    source = RawSource("toy", "", "", "", (RawFile("images.gz", ONE.files[0].sha256),))
    lines = get(folder, mirror, source=source)
    assert "has nothing after byte 300001, where this download was to go on" in lines[0]


@pytest.mark.parametrize("content_range", ["bytes 0-299999/300000", "bytes 99999-299999/300000", "octets", "bytes */9"])
def test_another_range_than_was_asked_for_is_not_taken(mirror: Mirror, folder: Path, content_range: str) -> None:
    mirror.cut_after, mirror.n_cuts, mirror.content_range = 100_000, 1, content_range
    lines = get(folder, mirror)
    assert [asked for _, asked, _ in mirror.requests] == [None, "bytes=100000-", None]
    assert f"answers with another range ({content_range}) than was asked for (bytes 100000-…)" in lines[1]


def test_a_range_of_another_file_is_not_taken(mirror: Mirror, folder: Path) -> None:
    mirror.cut_after, mirror.n_cuts, mirror.content_range = 100_000, 1, "bytes 100000-299999/300001"
    assert "has a file of 300001 bytes, expected are 300000: it is another file" in failure(folder, mirror)


@pytest.mark.parametrize(("etag", "asked_for"), [('"old"', '"old"'), ('W/"old"', None)])
def test_a_file_that_changes_between_two_attempts_is_not_mixed(
    mirror: Mirror, folder: Path, etag: str, asked_for: str | None
) -> None:
    """By its entity tag where that vouches for bytes; else the sum finds out."""
    mirror.files["/images.gz"], mirror.etag, mirror.cut_after, mirror.n_cuts = bytes(300_000), etag, 100_000, 1

    def replace_file(line: str) -> None:
        mirror.files["/images.gz"], mirror.etag = IMAGES, '"new"'

    download(ONE, folder, [mirror.url], say=replace_file, patience=QUICK)
    assert (folder / "images.gz").read_bytes() == IMAGES
    assert mirror.requests[1] == ("/images.gz", "bytes=100000-", asked_for)
    assert len(mirror.requests) == (2 if asked_for else 3)


KILLED = """
import sys
from pathlib import Path
from pipeline_lib.data.download import download
from tests.data.toy_download import ONE

download(ONE, Path(sys.argv[1]), [sys.argv[2]], progress=lambda done, total: print(done, flush=True))
"""


def test_a_killed_download_goes_on_at_the_next_start(mirror: Mirror, folder: Path, repository: Path) -> None:
    mirror.stall_after = 150_000
    command = [sys.executable, "-c", KILLED, str(folder), mirror.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "150000\n":
            assert process.poll() is None
        process.kill()
    assert visible(folder) == {"images.gz.part"}
    mirror.stall_after = None
    get(folder, mirror)
    assert mirror.requests[-1] == ("/images.gz", "bytes=150000-", None)


# Folders


@pytest.mark.parametrize("address", [str, Path.as_uri])
def test_a_folder_is_a_mirror_too(folder: Path, tmp_path: Path, address: Callable[[Path], str]) -> None:
    mirror = tmp_path / "a mirror"
    mirror.mkdir()
    (mirror / "images.gz").write_bytes(IMAGES)
    get(folder, address(mirror))


def test_a_folder_with_another_file_or_one_that_cannot_be_read_is_passed_over(
    mirror: Mirror, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "images.gz").write_bytes(b"short")
    (tmp_path / "odd" / "images.gz").mkdir(parents=True)
    lines = get(folder, tmp_path / "wrong", tmp_path / "odd", mirror)
    assert "gives 5 bytes with sha256" in lines[0] and "cannot be read: Is a directory" in lines[1]


def test_files_without_a_sum_come_from_folders_as_they_are(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(IMAGES)
    get(folder, tmp_path, source=RawSource("toy", "", "", "", (RawFile("images.gz"),)))


# Others, and a full disk


def test_two_downloads_at_once_do_not_disturb_each_other(mirror: Mirror, folder: Path) -> None:
    mirror.hang = 0.2
    threads = [threading.Thread(target=get, args=(folder, mirror)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert (folder / "images.gz").read_bytes() == IMAGES
    assert len(mirror.requests) == 1


WITHOUT_SPACE = """
import resource, sys
from pathlib import Path
from pipeline_lib.data.download import download
from tests.data.toy_download import ONE

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, -1))
try:
    download(ONE, Path(sys.argv[1]), [sys.argv[2]])
except OSError as error:
    print(error.filename, error.strerror, sep="\\n")
"""


def test_a_full_disk_is_no_fault_of_the_mirror(mirror: Mirror, folder: Path, repository: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_SPACE, str(folder), mirror.url]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, timeout=60)
    filename, reason = done.stdout.splitlines()
    assert filename == str(folder / "images.gz.part")
    assert reason.startswith("File too large (") and reason.endswith(f"MB are free on the disk of {folder})")
    assert len(mirror.requests) == 1
    get(folder, mirror)
    assert mirror.requests[-1] == ("/images.gz", "bytes=200000-", None)


def test_pauses_double_up_to_the_longest_and_vary() -> None:
    patience = Patience(first_pause=1.0, longest_pause=6.0)
    for n_failed, middle in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 6.0), (9, 6.0)):
        pauses = [patience.pause(n_failed) for _ in range(200)]
        assert 0.5 * middle <= min(pauses) < 0.7 * middle and 1.3 * middle < max(pauses) <= 1.5 * middle
