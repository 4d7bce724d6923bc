"""Moving MNIST's test set against the plain loop, and the files that a preparation leaves."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline_lib.config.moving_mnist import MovingMnistSampleSettings, MovingMnistSettings
from pipeline_lib.data import moving_mnist
from pipeline_lib.data.digit_file import DigitFile
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.mnist import read_digits, write_digits
from pipeline_lib.data.samples import mnist as mnist_sample
from tests.data import moving_digits
from tests.reference import moving_mnist as reference

N_TEST_DIGITS = 601  # one is left over


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving_digits.prepare(tmp_path_factory.mktemp("mnist"), N_TEST_DIGITS, moving_digits.settings())


def compare(test_file: Path, digits: np.ndarray, labels: np.ndarray, **options: int) -> int:
    """The number of videos, all of which are, bit for bit, those of the plain loop."""
    with h5py.File(test_file) as file:
        stored = {name: file[name][()] for name in ("position", "velocity", "label", "digit_index", "digits")}
        np.testing.assert_array_equal(stored["digits"], digits)
        assert file["video"].dtype == np.uint8
        number = -1
        for number, plain in enumerate(reference.test_videos(digits, labels, **options)):
            np.testing.assert_array_equal(file["video"][number, :, 0], plain.video)
            for name in ("position", "velocity", "label", "digit_index"):
                np.testing.assert_array_equal(stored[name][number], getattr(plain, name), err_msg=name)
        assert len(file["video"]) == number + 1
    return number + 1


def test_equals_the_plain_loop_bit_for_bit(prepared: Path) -> None:
    digits, labels = moving_digits.digits(N_TEST_DIGITS, seed=2)
    assert compare(prepared / "test.h5", digits, labels) == 300
    with VideoFile(prepared / "test.h5") as file:
        position, velocity = file.array("position"), file.array("velocity")
    at_wall = (position[:, 1:-1] % 36 == 0) & (velocity[:, 1:-1] != 0)
    turned_later = velocity[:, 1:-1] == -velocity[:, 2:]
    assert (at_wall & turned_later).sum() > 100, "digits that just touch a wall are among them"


@pytest.mark.parametrize("n_digits", [1, 3])
def test_other_numbers_of_digits_frames_and_seeds(tmp_path: Path, n_digits: int) -> None:
    made = moving_digits.settings(n_digits=n_digits, n_test_frames=7, seed=5)
    moving_digits.prepare(tmp_path, 32, made)
    digits, labels = moving_digits.digits(32, seed=2)
    assert compare(tmp_path / "test.h5", digits, labels, n_frames=7, n_digits=n_digits, seed=5) == 32 // n_digits


@pytest.mark.slow
def test_the_whole_published_test_set(tmp_path: Path) -> None:
    mirror = os.environ.get("PIPELINE_DATA_MIRROR")
    if not mirror or not (Path(mirror) / "mnist").is_dir():
        pytest.skip("needs PIPELINE_DATA_MIRROR to name a folder that holds mnist/")
    raw = Path(mirror) / "mnist"
    moving_mnist.prepare(MovingMnistSettings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    assert compare(tmp_path / "test.h5", *read_digits(raw, "test")) == 5000
    with DigitFile(tmp_path / "train.h5") as file:
        np.testing.assert_array_equal(file.read(), read_digits(raw, "train")[0])


def test_published_draws_begin_as_known() -> None:
    draws = moving_mnist.draw_test_set(10_000, 2, seed=42)
    assert draws.digit_index.shape == (5000, 2) and len(np.unique(draws.digit_index)) == 10_000
    # The permutation of 10,000 that NumPy's legacy generator gives for seed 42.
    assert draws.digit_index[:2].tolist() == [[6252, 4684], [1731, 4742]]
    start, velocity = draws.trajectories.start, draws.trajectories.velocity
    assert (start.min(), start.max(), velocity.min(), velocity.max()) == (0, 36, -4, 4)


def test_the_files_say_what_they_are(prepared: Path) -> None:
    images, labels = moving_digits.digits(moving_digits.N_TRAIN_DIGITS, seed=1)
    with VideoFile(prepared / "test.h5") as test, DigitFile(prepared / "train.h5") as train:
        assert (test.n_videos, test.n_frames, test.frame_shape) == (300, 100, (1, 64, 64))
        assert test.summary == "300 videos of 100 frames (1, 64, 64)"
        assert train.summary.startswith("23 digits")
        np.testing.assert_array_equal(train.read(), images)
        np.testing.assert_array_equal(train.array("labels"), labels)
        for file, part in ((test, "test"), (train, "train")):
            assert (file.attributes["dataset"], file.attributes["part"]) == ("moving_mnist", part)
            assert file.attributes["source"] == "MNIST handwritten digits" and file.attributes["code_version"] == "abc"
            sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (prepared / "raw").iterdir()}
            assert len(sums) == 4 and json.loads(file.attributes["raw_sha256"]) == sums
            assert file.preparation == {"n_digits": 2, "n_test_frames": 100, "seed": 42}
            file.check_content()


def test_the_sample_goes_the_same_way(tmp_path: Path) -> None:
    mnist_sample.make(tmp_path / "raw")
    made = MovingMnistSampleSettings.model_validate({"preparation": {"n_test_frames": 12}})
    moving_mnist.prepare(made, tmp_path / "train.h5", tmp_path / "test.h5", raw=tmp_path / "raw")
    digits, labels = read_digits(tmp_path / "raw", "test")
    assert compare(tmp_path / "test.h5", digits, labels, n_frames=12) == len(digits) // 2 == 179
    with VideoFile(tmp_path / "test.h5") as file:
        assert file.attributes["dataset"] == "moving_mnist_sample" and "scikit-learn" in file.attributes["source"]


def test_preparing_twice_gives_the_same_content_whatever_the_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests, reported = [], []
    for name, batch_frames in (("first", 1600), ("second", 30)):
        monkeypatch.setattr(moving_mnist, "BATCH_FRAMES", batch_frames)
        raw = moving_digits.write_raw(tmp_path / "raw", 50)
        paths = tmp_path / name / "train.h5", tmp_path / name / "test.h5"
        moving_mnist.prepare(
            moving_digits.settings(n_test_frames=10), *paths, lambda *done: reported.append(done), raw=raw
        )
        with DigitFile(paths[0]) as train, VideoFile(paths[1]) as test:
            digests.append((train.content_sha256, test.content_sha256))
    assert digests[0] == digests[1]
    assert reported == [(25, 25), *((done, 25) for done in (3, 6, 9, 12, 15, 18, 21, 24, 25))]


@pytest.mark.parametrize("missing", ["t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"])
def test_nothing_is_written_where_a_raw_file_is_missing(tmp_path: Path, missing: str) -> None:
    raw = moving_digits.write_raw(tmp_path / "raw", 10)
    (raw / missing).unlink()
    with pytest.raises(ValueError, match=missing):
        moving_mnist.prepare(moving_digits.settings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


def test_too_few_digits_for_a_video_are_refused(tmp_path: Path) -> None:
    raw = moving_digits.write_raw(tmp_path / "raw", 10)
    write_digits(raw, "test", *moving_digits.digits(1, seed=0))
    with pytest.raises(ValueError, match=r"t10k-images.* holds 1 digits, too few for a video of 2.*n_digits"):
        moving_mnist.prepare(moving_digits.settings(), tmp_path / "train.h5", tmp_path / "test.h5", raw=raw)


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_mnist, "BATCH_FRAMES", 20)
    raw = moving_digits.write_raw(tmp_path / "raw", 10)

    def fail(done: int, total: int) -> None:
        if done > 1:
            raise OSError("disk on fire")

    made = moving_digits.settings(n_test_frames=20)
    with pytest.raises(OSError, match="disk on fire"):
        moving_mnist.prepare(made, tmp_path / "train.h5", tmp_path / "test.h5", fail, raw=raw)
    assert list(tmp_path.iterdir()) == [raw]


KILLED = """
import sys, time
from pathlib import Path
from pipeline_lib.config.moving_mnist import MovingMnistSettings
from pipeline_lib.data import moving_mnist

def report(done, total):
    print("at work", flush=True)
    time.sleep(60)

folder = Path(sys.argv[1])
moving_mnist.prepare(MovingMnistSettings(), folder / "train.h5", folder / "test.h5", report, raw=folder / "raw")
"""


def test_killed_in_mid_write_leaves_nothing_under_the_final_names(tmp_path: Path, repository: Path) -> None:
    moving_digits.write_raw(tmp_path / "raw", 100)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=repository
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert not (tmp_path / "train.h5").exists() and not (tmp_path / "test.h5").exists()
