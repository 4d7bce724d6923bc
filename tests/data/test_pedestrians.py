"""The prepared files of the pedestrians against the plain way, and that bad raw data leave none."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.config.pedestrians import PedestriansSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.data import pedestrians
from pipeline_lib.data.hdf5 import VideoFile
from tests.data.pedestrian_folders import names, write_raw, write_sequence
from tests.reference import pedestrians as reference

SIZES = {f"seq_{k}": size for k, size in enumerate([(40, 24), (24, 40), (32, 32), (40, 24), (40, 30), (20, 32)])}


def prepare(folder: Path, raw: Path, seed: int = 0, **options) -> None:
    made = PedestriansSettings.model_validate({"preparation": {"seed": seed}})
    pedestrians.prepare(made, folder / "train.h5", folder / "test.h5", raw=raw, **options)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("pedestrians")
    write_raw(raw, SIZES)
    return raw


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder, raw, code_version="abc", n_workers=1)
    return folder


def plain(raw: Path, names: list[str], permutations: np.ndarray) -> np.ndarray:
    """The videos (N, 15, 1, 256, 256) of these sequences and permutations, before anything disturbs them."""
    place = pedestrians.places(list(SIZES), 0)
    made = [
        reference.videos(raw / "sequences" / name, place[name])[number]
        for name, number in zip(names, permutations, strict=True)
    ]
    return np.stack(made)[:, :, None]


def test_training_videos_are_those_of_the_plain_way(raw: Path, prepared: Path) -> None:
    with VideoFile(prepared / "train.h5") as file:
        sequences = file.array("sequence").astype(str).tolist()
        stored = file.read_stored()
        assert stored.dtype == np.uint8 and stored.shape == (8, 15, 1, 256, 256)
        np.testing.assert_array_equal(stored, plain(raw, sequences, file.array("permutation")))
        assert file.array("frame")[0].tolist() == [6 * (int(sequences[0][-1]) + 1) + 6 * k for k in range(15)]
    # Every sequence once, then every one again.
    assert len(set(sequences[:4])) == 4 and sequences[:4] == sequences[4:]


def test_test_videos_have_drifted_and_lack_a_frame(raw: Path, prepared: Path) -> None:
    with VideoFile(prepared / "test.h5") as file:
        complete, observed = file.array("complete"), file.read_stored()
        missing, drift = file.array("missing"), file.array("drift")
        still = plain(raw, file.array("sequence").astype(str).tolist(), file.array("permutation"))
    assert complete.dtype == np.uint8 and missing.dtype == np.bool_ and missing.shape == (4, 15, 1)
    assert abs(drift).max() <= 0.07 * 128 and (abs(drift) > 0.1).all()
    assert missing.any() and not missing[:, 10:].any() and not missing[:, 0].any()
    np.testing.assert_array_equal(observed[missing[..., 0]], 0)
    np.testing.assert_array_equal(observed[~missing[..., 0]], complete[~missing[..., 0]])
    assert complete[missing[..., 0]].any(axis=(1, 2, 3)).any()
    for k, t in ((0, 0), (0, 3), (2, 14)):
        expected = reference.shift(still[k, t, 0].astype(float), *(t * drift[k].astype(float)))
        np.testing.assert_allclose(complete[k, t, 0].astype(float), expected, atol=0.51)


def test_the_files_say_what_they_are(prepared: Path) -> None:
    sums = set()
    for part, n_videos in (("train", 8), ("test", 4)):
        with VideoFile(prepared / f"{part}.h5") as file:
            assert (file.n_videos, file.n_frames, file.frame_shape) == (n_videos, 15, (1, 256, 256))
            assert (file.attributes["dataset"], file.attributes["part"]) == ("pedestrians", part)
            assert file.attributes["source"] == "MOTSChallenge pedestrians" and file.attributes["code_version"] == "abc"
            assert file.preparation == {"n_frames": 15, "n_input_frames": 10, "max_drift": 0.07, "seed": 0}
            file.check_content()
            sums.add(json.loads(file.attributes["raw_sha256"])["sequences"])
    assert len(sums) == 1 and len(sums.pop()) == 64
    assert (prepared / "test.h5").stat().st_size < 1_000_000, "complete videos are compressed too"


def test_any_number_of_processes_gives_the_same_files_and_all_videos_are_reported(
    raw: Path, prepared: Path, tmp_path: Path
) -> None:
    reported: list[tuple[int, int]] = []
    prepare(tmp_path, raw, code_version="abc", n_workers=2, progress=lambda *done: reported.append(done))
    assert reported == [(done, 12) for done in range(1, 13)]
    for part in ("train.h5", "test.h5"):
        assert (tmp_path / part).read_bytes() == (prepared / part).read_bytes()


def test_the_parts_share_no_sequence_and_the_split_is_made_once_from_the_seed() -> None:
    sequences = [f"seq_{k:03d}" for k in range(101)]
    train, test = pedestrians.split(sequences[::-1], 0)
    assert (len(train), len(test)) == (80, 21) and sorted(train + test) == sequences
    assert pedestrians.split(sequences, 0) == (train, test) != pedestrians.split(sequences, 1)


def test_every_place_in_the_square_is_drawn() -> None:
    drawn = pedestrians.places([f"seq_{k:03d}" for k in range(300)], 0)
    counts = [list(drawn.values()).count(place) for place in ("start", "middle", "end")]
    assert sum(counts) == 300 and min(counts) > 75


def test_where_sequences_come_from_stands_in_the_files(raw: Path, tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", dict(list(SIZES.items())[:2]), n_permutations=1)
    (tmp_path / "raw" / "sequences" / "source.txt").write_text("cut by\nsomebody\n")
    prepare(tmp_path, tmp_path / "raw", n_workers=1)
    with VideoFile(tmp_path / "test.h5") as file:
        assert file.attributes["source"] == "MOTSChallenge pedestrians; cut by somebody"


def test_all_bad_images_of_both_parts_are_named_and_neither_file_stands(tmp_path: Path) -> None:
    folder = write_raw(tmp_path / "raw", SIZES, n_permutations=1)
    train, test = pedestrians.split(list(SIZES), 0)
    for name in (train[0], test[0]):
        (folder / name / sorted(path.name for path in (folder / name).iterdir())[2]).write_bytes(b"broken")
    with pytest.raises(ValueError) as caught:
        prepare(tmp_path / "out", tmp_path / "raw", n_workers=1)
    message = str(caught.value)
    assert "images cannot be used; get them again (2):" in message
    assert all(f"  {name}/0_" in message for name in (train[0], test[0])) and "no PNG or JPEG image" in message
    assert list((tmp_path / "out").iterdir()) == []


def test_sequences_that_cannot_be_used_stop_it_before_any_image_is_read(tmp_path: Path) -> None:
    folder = write_raw(tmp_path / "raw", SIZES, n_permutations=1)
    (folder / "seq_1" / "nameless.png").write_bytes(b"")
    write_sequence(folder / "seq_9", names(0, 6, 3))
    with pytest.raises(ValueError, match=r"sequences cannot be used; .* \(2\):") as caught:
        prepare(tmp_path / "out", tmp_path / "raw")
    assert "seq_1/nameless.png: its name" in str(caught.value) and "seq_9: 3 images" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_too_few_sequences_for_two_parts_are_told(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", {"seq_0": (40, 24)})
    with pytest.raises(ValueError, match=r"sequences: no video is left for the train part of 1 sequences"):
        prepare(tmp_path / "out", tmp_path / "raw")


def test_tasks_that_the_videos_do_not_serve_are_refused() -> None:
    settings = PedestriansSettings()
    settings.check_task(TaskSettings(n_cond=10, n_pred=5, n_pred_test=3))
    with pytest.raises(ValueError, match="n_input_frames is 10, and task.n_cond is 5"):
        settings.check_task(TaskSettings(n_cond=5, n_pred=10, n_pred_test=10))
    with pytest.raises(ValueError, match="task.n_cond \\+ task.n_pred_test is 16"):
        settings.check_task(TaskSettings(n_cond=10, n_pred=5, n_pred_test=6))
    with pytest.raises(ValueError, match="must be smaller than n_frames"):
        PedestriansSettings.model_validate({"preparation": {"n_input_frames": 15}})
