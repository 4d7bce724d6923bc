"""The prepared files of Chairs against the plain way, and that bad raw data leave none."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.config.chairs import ChairsSampleSettings, ChairsSettings
from pipeline_lib.data import chairs
from pipeline_lib.data.hdf5 import VideoFile
from tests.data import chair_archives
from tests.data.chair_archives import FILES
from tests.reference import chairs as reference

NAMES = [hashlib.sha256(bytes([n])).hexdigest()[:8] for n in range(4)]
CHAIRS = {name: 100 * n for n, name in enumerate(NAMES)}


def settings(n_chairs: int = len(CHAIRS), seed: int = 42) -> ChairsSettings:
    return ChairsSettings.model_validate({"preparation": {"n_chairs": n_chairs, "seed": seed}})


def prepare(folder: Path, raw: Path, made: ChairsSettings | None = None, **options) -> None:
    chairs.prepare(made or settings(), folder / "train.h5", folder / "test.h5", raw=raw, **options)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both forms of four chairs, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("chairs")
    chair_archives.write_archive(folder / "archive", chair_archives.members(CHAIRS), shuffled=True)
    chair_archives.write_folder(folder / "folder", chair_archives.members(CHAIRS))
    return folder


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder, raw / "archive", code_version="abc", n_workers=1)
    return folder


def test_videos_are_those_of_the_plain_way(raw: Path, prepared: Path) -> None:
    plain = raw / "folder" / "rendered_chairs"
    for part, names in zip(("train", "test"), reference.split(plain), strict=True):
        with VideoFile(prepared / f"{part}.h5") as file:
            assert file.array("chair").astype(str).tolist() == names
            stored = file.read_stored()
            assert stored.dtype == np.uint8
            np.testing.assert_array_equal(stored, np.stack([reference.video(plain, name) for name in names]))


def test_the_files_say_what_they_are(prepared: Path) -> None:
    sums = set()
    for part, n_videos in (("train", 3), ("test", 1)):
        with VideoFile(prepared / f"{part}.h5") as file:
            assert (file.n_videos, file.n_frames, file.frame_shape) == (n_videos, 62, (3, 64, 64))
            assert (file.attributes["dataset"], file.attributes["part"]) == ("chairs", part)
            assert "3D Warehouse" in file.attributes["source"] and file.attributes["code_version"] == "abc"
            assert file.preparation == {"n_chairs": 4, "seed": 42}
            file.check_content()
            sums.add(json.loads(file.attributes["raw_sha256"])["rendered_chairs"])
    assert len(sums) == 1 and len(sums.pop()) == 64


def test_archive_and_folder_and_any_number_of_processes_give_the_same_files(
    raw: Path, prepared: Path, tmp_path: Path
) -> None:
    reported: list[tuple[int, int]] = []
    prepare(tmp_path, raw / "folder", code_version="abc", n_workers=2, progress=lambda *done: reported.append(done))
    assert reported == [(done, 4) for done in (1, 2, 3, 4)]
    for part in ("train.h5", "test.h5"):
        assert (tmp_path / part).read_bytes() == (prepared / part).read_bytes()


def test_the_published_split_is_that_of_the_legacy_generator() -> None:
    names = [f"{n:04d}" for n in range(1393)]
    train, test = chairs.split(names[::-1], 42)
    assert (len(train), len(test)) == (1184, 209) and sorted(train + test) == names
    expected = np.random.RandomState(42).permutation(1393)
    assert [int(name) for name in train + test] == expected.tolist()


@pytest.mark.parametrize("n_chairs", [2, 3, 7, 44])
def test_neither_part_is_ever_empty(n_chairs: int) -> None:
    train, test = chairs.split([f"{n:04d}" for n in range(n_chairs)], 0)
    assert len(train) == settings(n_chairs).n_training_chairs(n_chairs) > 0 and len(test) > 0


def test_another_number_of_chairs_than_expected_is_told(raw: Path, tmp_path: Path) -> None:
    for made, n_expected in ((ChairsSettings(), "1,393"), (ChairsSampleSettings(), "44")):
        with pytest.raises(ValueError, match=rf"4 chairs in .* expected are {n_expected}, .*n_chairs of all .* to 4"):
            prepare(tmp_path, raw / "archive", made)
    assert list(tmp_path.iterdir()) == []


def test_all_bad_images_of_both_parts_are_named_and_neither_file_stands(raw: Path, tmp_path: Path) -> None:
    train, test = reference.split(raw / "folder" / "rendered_chairs")
    files = chair_archives.members(CHAIRS)
    bad = {
        f"rendered_chairs/{train[1]}/renders/{FILES[0]}": (b"broken", "no PNG image (6 bytes)"),
        f"rendered_chairs/{train[0]}/renders/{FILES[61]}": (
            chair_archives.png(1, size=(600, 400)),
            "600x400 pixels RGB",
        ),
        f"rendered_chairs/{test[0]}/renders/{FILES[30]}": (chair_archives.png(1)[:2000], "damaged"),
    }
    chair_archives.write_archive(tmp_path / "raw", files | {name: content for name, (content, _) in bad.items()})
    with pytest.raises(ValueError) as caught:
        prepare(tmp_path / "out", tmp_path / "raw", n_workers=1)
    message = str(caught.value)
    assert "images cannot be used; get them again (3):" in message
    assert all(f"  {name}: {complaint}" in message for name, (_, complaint) in bad.items())
    assert list((tmp_path / "out").iterdir()) == []


def test_a_chair_with_a_missing_view_stops_it_before_any_image_is_read(raw: Path, tmp_path: Path) -> None:
    files = chair_archives.members(CHAIRS)
    del files[f"rendered_chairs/{NAMES[2]}/renders/{FILES[40]}"]
    chair_archives.write_folder(tmp_path / "raw", files)
    with pytest.raises(ValueError, match=f"{NAMES[2]}: 61 views, lacks {FILES[40]}"):
        prepare(tmp_path / "out", tmp_path / "raw")
    assert not (tmp_path / "out").exists()


def test_a_failure_half_way_leaves_nothing(raw: Path, tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        if done > 2:
            raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        prepare(tmp_path, raw / "archive", progress=fail, n_workers=1)
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from pipeline_lib.config.chairs import ChairsSettings
from pipeline_lib.data import chairs

def report(done, total):
    if done == 3:
        print("at work", flush=True)
        time.sleep(60)

made = ChairsSettings.model_validate({"preparation": {"n_chairs": 4}})
folder = Path(sys.argv[2])
chairs.prepare(made, folder / "train.h5", folder / "test.h5", report, raw=sys.argv[1], n_workers=2)
"""


def test_killed_in_mid_write_leaves_nothing_under_the_final_names(raw: Path, tmp_path: Path, repository: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(raw / "archive"), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert list(tmp_path.glob("*.h5")) == []
