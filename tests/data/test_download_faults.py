"""A mirror that lies, refuses, falls silent or sends elsewhere: what is taken from it, and what is told of it."""

import hashlib
from pathlib import Path

import pytest

from pipeline_lib.data.download import Patience
from tests.data.mirror_server import Mirror, serving
from tests.data.toy_download import IMAGES, LABELS, TWO, failure, get, visible

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
