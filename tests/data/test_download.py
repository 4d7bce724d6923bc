"""Downloads from a real server on this machine that cuts, stalls, lies and fails; and from folders."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.config.raw import RawFile, RawSource
from pipeline_lib.data import download as module
from pipeline_lib.data.download import Patience, download
from tests.data.mirror_server import Mirror, serving

IMAGES, LABELS = np.random.default_rng(0).bytes(300_000), b"0123456789" * 50
QUICK = Patience(timeout=5.0, tries=3, first_pause=0.001, longest_pause=0.01)


def raw_file(name: str, content: bytes) -> RawFile:
    return RawFile(name, hashlib.sha256(content).hexdigest(), len(content))


ONE = RawSource("toy", "Toy digits", "https://page.example/", "A licence.", (raw_file("images.gz", IMAGES),))
TWO = RawSource("toy", "Toy digits", "https://page.example/", "A licence.", (*ONE.files, raw_file("labels", LABELS)))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with serving(Mirror({"/images.gz": IMAGES, "/labels": LABELS})) as mirror:
        yield mirror


@pytest.fixture
def other() -> Iterator[Mirror]:
    with serving(Mirror({"/images.gz": IMAGES, "/labels": LABELS})) as mirror:
        yield mirror


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "toy"


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
from tests.data.test_download import ONE

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


# Wrong bytes, wrong sizes, refusals


def test_corrupt_bytes_are_thrown_away_and_the_next_mirror_is_asked(
    mirror: Mirror, other: Mirror, folder: Path
) -> None:
    mirror.files["/images.gz"] = IMAGES[:-1] + b"?"
    lines = get(folder, mirror, other)
    assert len(mirror.requests) == 1 and other.requests == [("/images.gz", None, None)]
    assert len(lines) == 1


def test_corrupt_bytes_alone_are_an_error_with_both_sums(mirror: Mirror, folder: Path) -> None:
    mirror.files["/images.gz"] = bytes(300_000)
    message = failure(folder, mirror)
    found = hashlib.sha256(bytes(300_000)).hexdigest()
    assert f"{mirror.url}images.gz: gives 300000 bytes with sha256 {found}, expected are 300000 bytes with" in message
    assert visible(folder) == set(), "no corrupt part is left"


def test_an_error_says_what_to_do_by_hand(mirror: Mirror, folder: Path, tmp_path: Path) -> None:
    mirror.files.clear()
    message = failure(folder, tmp_path / "empty", mirror, source=TWO)
    assert "Toy digits: 2 of 2 files are missing and cannot be downloaded:" in message
    for file in TWO.files:
        assert f"{file.name} ({file.n_bytes} bytes with sha256 {file.sha256})" in message
        assert f"{tmp_path}/empty/{file.name}: there is no such file" in message
        assert f"{mirror.url}{file.name}: status 404 (Not Found), expected 200" in message
    assert f"get the files from https://page.example/ or whoever has them (A licence.) and put them into {folder}" in (
        message.replace("\n", " ")
    )
    assert "sha256sum" in message and "mirrors.toy in config/config.yaml" in message
    assert "toy/images.gz in mirror_dir or the environment variable PIPELINE_DATA_MIRROR" in message
    assert len(mirror.requests) == 2, "a 404 is not asked for again"


def test_files_that_a_person_must_bring_are_all_listed(folder: Path) -> None:
    message = failure(folder, source=TWO)
    assert message.count("there is no mirror for it") == 2 and "images.gz (" in message and "labels (" in message


def test_files_that_came_before_one_that_fails_are_kept_for_the_next_start(mirror: Mirror, folder: Path) -> None:
    del mirror.files["/labels"]
    message = failure(folder, mirror, source=TWO)
    assert "1 of 2 files" in message and "1 other files have arrived; they are kept as *.part" in message
    assert visible(folder) == {"images.gz.part"}
    mirror.files["/labels"] = LABELS
    mirror.requests.clear()
    get(folder, mirror, source=TWO)
    assert [path for path, _, _ in mirror.requests] == ["/labels"]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_errors_that_pass_are_tried_again(mirror: Mirror, folder: Path, status: int) -> None:
    mirror.statuses = [status, status]
    lines = get(folder, mirror)
    assert len(mirror.requests) == 3 and f"status {status} (" in lines[0] and "trying again" in lines[0]


def test_errors_that_do_not_pass_are_told_after_some_tries(mirror: Mirror, folder: Path) -> None:
    mirror.statuses = [500] * 9
    message = failure(folder, mirror, source=TWO)
    assert "3 tries failed, the last one: status 500 (Internal Server Error), expected 200" in message
    assert f"{mirror.url}labels: not tried, because images.gz failed there" in message
    assert len(mirror.requests) == 3


def test_an_answer_of_another_kind_is_no_file(mirror: Mirror, folder: Path) -> None:
    mirror.answer = lambda handler: handler.send_response(204) or handler.end_headers()  # type: ignore[func-returns-value]
    assert "status 204 (No Content), expected 200" in failure(folder, mirror)


def test_a_file_of_another_length_is_refused_before_it_is_taken(mirror: Mirror, folder: Path) -> None:
    mirror.files["/images.gz"] = IMAGES + b"more"
    assert "announces 300004 bytes, expected are 300000: it is another file" in failure(folder, mirror)
    mirror.announced = 300_004
    mirror.files["/images.gz"] = IMAGES
    assert "announces 300004 bytes" in failure(folder, mirror)


def test_a_server_that_announces_no_length_will_do(mirror: Mirror, folder: Path) -> None:
    mirror.length = False
    mirror.cut_after, mirror.n_cuts = 100_000, 1
    get(folder, mirror)
    assert len(mirror.requests) == 2, "that it was cut shows in the size that is expected"


def test_bytes_without_end_are_not_taken(mirror: Mirror, folder: Path) -> None:
    mirror.length = False
    mirror.files["/images.gz"] = IMAGES + bytes(1_000_000)
    assert "goes on after 300000 bytes, the size that is expected" in failure(folder, mirror)
    assert visible(folder) == set()


def test_a_server_that_never_closes_is_not_waited_for(mirror: Mirror, folder: Path) -> None:
    mirror.stall_after = 300_000
    get(folder, mirror)


# Silence, refusal, redirects


def test_a_server_that_does_not_answer_is_given_up(mirror: Mirror, folder: Path) -> None:
    mirror.hang = 0.5
    message = failure(folder, mirror, patience=Patience(timeout=0.1, tries=2, first_pause=0.001))
    assert "2 tries failed, the last one: no answer for 0.1 s after 0 bytes" in message


def test_a_server_that_falls_silent_is_left_and_asked_for_the_rest(mirror: Mirror, folder: Path) -> None:
    mirror.stall_after = 100_000
    message = failure(folder, mirror, patience=Patience(timeout=0.1, tries=2, first_pause=0.001))
    assert "no answer for 0.1 s after 200000 bytes" in message
    assert [asked for _, asked, _ in mirror.requests] == [None, "bytes=100000-"]


def test_a_server_that_is_not_there_is_named(mirror: Mirror, folder: Path) -> None:
    with serving(Mirror({})) as gone:
        pass
    lines = get(folder, gone, mirror)
    assert "Connection refused" in lines[0]


def test_garbage_in_place_of_an_answer_is_tried_again(mirror: Mirror, folder: Path) -> None:
    mirror.answer = lambda handler: handler.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n") and None
    assert "3 tries failed, the last one: the connection broke after 0 bytes (BadStatusLine" in failure(folder, mirror)


def test_redirects_are_followed_from_server_to_server(mirror: Mirror, other: Mirror, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "images.gz.part").write_bytes(IMAGES[:100])
    mirror.redirects["/images.gz"] = f"{other.url}images.gz"
    get(folder, mirror)
    assert other.requests == [("/images.gz", "bytes=100-", None)]


@pytest.mark.parametrize("where", ["file://{}", "ftp://127.0.0.1{}", "data:,{}"])
def test_redirects_to_anything_but_the_web_are_refused(
    mirror: Mirror, folder: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "secret").write_bytes(IMAGES)
    mirror.redirects["/images.gz"] = where.format(tmp_path / "secret")
    message = failure(folder, mirror)
    assert "redirect" in message.lower() and where.split("{")[0] in message
    assert len(mirror.requests) == 1


def test_redirects_without_end_are_an_error(mirror: Mirror, folder: Path) -> None:
    mirror.redirects["/images.gz"] = "/images.gz"
    message = failure(folder, mirror)
    assert "status 302 (The HTTP server returned a redirect error that would lead to an infinite loop" in message
    assert len(mirror.requests) < 12


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
from tests.data.test_download import ONE

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
