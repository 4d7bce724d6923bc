"""The walkers: the authors' layout, the same bytes every time, people that walk within what a model can draw."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_lib.config.pedestrians import PedestriansSampleSettings
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.pedestrians import prepare
from pipeline_lib.data.samples import pedestrians
from pipeline_lib.data.samples.pedestrians import SIZES, make
from pipeline_lib.data.samples.walkers import Walker, draw_walkers

STILL = Walker(100, 60, 0, 120, 0, 0, 1, (255, 200, 150, 90))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make(folder)
    return folder


def images(sequence: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(sequence.iterdir())])


def test_the_folders_have_the_layout_of_the_authors_archive(folder: Path) -> None:
    sequences = sorted((folder / "sequences").iterdir())
    assert [path.name for path in sequences] == [f"seq_{k:02d}" for k in range(15)]
    for k, sequence in enumerate(sequences):
        names = sorted(path.name for path in sequence.iterdir())
        assert len(names) == 60
        for chunk in range(4):
            numbers = [int(name.split("_")[1]) for name in names[15 * chunk : 15 * chunk + 15]]
            assert numbers[0] % 6 == 0 and np.diff(numbers).tolist() == [6] * 14
            assert {int(name.split("_")[2].split(".")[0]) for name in names[15 * chunk : 15 * chunk + 15]} == {chunk}
        with Image.open(sequence / names[0]) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", SIZES[k % len(SIZES)])
    assert {np.sign(width - height) for width, height in SIZES} == {-1, 0, 1}


def test_the_same_bytes_come_again_and_others_from_another_seed(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "again", n_sequences=3)
    make(tmp_path / "other", n_sequences=3, seed=1)
    for path in (tmp_path / "again").rglob("*.png"):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path / "again")).read_bytes()
    number = (images(each / "sequences" / "seq_00") for each in (folder, tmp_path / "other"))
    assert not np.array_equal(*number)


def test_walkers_are_on_black_and_differ_in_size_grey_and_way(folder: Path) -> None:
    ways, heights, greys = [], [], set()
    for sequence in sorted((folder / "sequences").iterdir()):
        video = images(sequence).reshape(4, 15, *images(sequence).shape[1:])
        assert (video == 0).mean() > 0.8 and video.any(axis=(2, 3)).mean() > 0.97
        for frames in video:
            shown = frames.max(axis=0)
            rows = np.flatnonzero(frames[7].any(axis=1))
            heights.append((rows[-1] - rows[0] + 1) / max(frames.shape[1:]))
            weights = frames.sum(axis=1, dtype=np.float64)
            centres = (weights * np.arange(weights.shape[1])).sum(axis=1) / weights.sum(axis=1).clip(1)
            ways.append(centres[-1] - centres[0])
            greys.add(int(shown.max()))
    assert min(heights) < 0.3 < max(heights) < 0.8
    assert min(ways) < -20 and max(ways) > 20 and len(greys) > 20


def test_legs_swing_and_arms_against_them() -> None:
    moving = Walker(**{**STILL.__dict__, "pace": np.pi / 2})
    together, apart = (np.asarray(draw_walkers([moving], 120, 130, frame)) for frame in (0, 1))
    feet = [np.ptp(np.flatnonzero(frame[112:119].any(axis=0))) for frame in (together, apart)]
    assert feet[0] < 12 and feet[1] > 30
    hands = np.flatnonzero((apart[62:70] == STILL.greys[2]).all(axis=0))
    foot = np.flatnonzero((apart[108:112] == STILL.greys[2]).any(axis=0))
    assert (hands.mean() - 60) * (foot.mean() - 60) < 0, "of one side, arm and leg swing to other sides"


def test_who_comes_later_stands_in_front() -> None:
    behind = Walker(**{**STILL.__dict__, "greys": (50, 50, 50, 50)})
    assert draw_walkers([behind, STILL], 120, 130, 0).getpixel((60, 60)) > 50
    assert draw_walkers([STILL, behind], 120, 130, 0).getpixel((60, 60)) == 50


def test_the_sample_is_prepared_as_the_authors_archive(folder: Path, tmp_path: Path) -> None:
    settings = PedestriansSampleSettings()
    prepare(settings, tmp_path / "train.h5", tmp_path / "test.h5", raw=folder, n_workers=1)
    with VideoFile(tmp_path / "train.h5") as train, VideoFile(tmp_path / "test.h5") as test:
        assert (train.n_videos, test.n_videos) == (48, 12)
        assert settings.n_training_windows(15) == 4 * train.n_videos
        assert "drawn by this project" in train.attributes["source"]
    size = sum((tmp_path / name).stat().st_size for name in ("train.h5", "test.h5"))
    assert size == pytest.approx(settings.prepared_bytes, rel=0.3)


def test_a_failure_half_way_leaves_nothing_and_what_stood_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, n_sequences=1, n_permutations=1)
    before = images(tmp_path / "sequences" / "seq_00")

    def fail(*_: object) -> None:
        raise OSError("disk on fire")

    monkeypatch.setattr(pedestrians, "draw_walkers", fail)
    with pytest.raises(OSError, match="disk on fire"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sequences"]
    np.testing.assert_array_equal(images(tmp_path / "sequences" / "seq_00"), before)
