"""Generated training videos: the same numbers for the same video however it is asked for, other ones in each epoch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.data import generated
from pipeline_lib.data.generated import GeneratedWindows, training_windows
from pipeline_lib.data.hdf5 import VideoDescription, write_videos
from pipeline_lib.data.moving_mnist import draw_training_set
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.runtime.seeding import generator
from tests.data import moving_digits
from tests.reference import moving_mnist as reference

CPU = torch.device("cpu")
EPOCH_SIZE = 50
LENGTH = 9
EVERY = np.arange(EPOCH_SIZE)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = moving_digits.settings(n_test_frames=5)
    return moving_digits.prepare(tmp_path_factory.mktemp("mnist"), 10, made) / "train.h5"


def windows(path: Path, seed: int = 3, device: torch.device = CPU, n_digits: int = 2, epoch_size: int = EPOCH_SIZE):
    settings = moving_digits.settings(epoch_size=epoch_size, n_digits=n_digits)
    return training_windows(path, settings, LENGTH, device, seed)


@pytest.mark.parametrize("n_digits", [1, 2, 3])
def test_videos_are_those_of_the_plain_loop_for_the_draws_of_the_epoch(path: Path, n_digits: int) -> None:
    digits, _ = moving_digits.digits(moving_digits.N_TRAIN_DIGITS, seed=1)
    video = windows(path, n_digits=n_digits).batch(7, EVERY)
    assert video.shape == (EPOCH_SIZE, LENGTH, 1, 64, 64) and video.dtype == torch.float32
    random = generator(3, "videos", 7)
    shape = (EPOCH_SIZE, n_digits)
    index = random.integers(len(digits), size=shape)
    start, velocity = random.integers(37, size=(*shape, 2)), random.integers(-4, 5, size=(*shape, 2))
    plain = reference.videos(digits, index, start, velocity, LENGTH)
    np.testing.assert_array_equal(video[:, :, 0].numpy(), plain.astype(np.float32) / np.float32(255))


def test_a_video_is_the_same_in_whatever_batch_and_order(path: Path) -> None:
    every = windows(path).batch(2, EVERY)
    made = windows(path)
    for ids in (np.array([17]), np.array([49, 0, 17, 17]), EVERY[::-1].copy(), EVERY[:0]):
        assert torch.equal(made.batch(2, ids), every[torch.from_numpy(ids)])


def test_a_training_that_resumes_in_an_epoch_gets_its_videos(path: Path) -> None:
    made = windows(path)
    epochs = [made.batch(epoch, EVERY) for epoch in range(3)]
    assert torch.equal(made.batch(0, EVERY), epochs[0])
    assert torch.equal(windows(path).batch(2, EVERY), epochs[2])


def test_epochs_and_seeds_differ(path: Path) -> None:
    made, other = windows(path), windows(path, seed=4)
    videos = [made.batch(0, EVERY), made.batch(1, EVERY), other.batch(0, EVERY)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not (videos[first] == videos[second]).flatten(1).all(dim=1).any()


def test_all_digits_starts_and_velocities_are_drawn_equally_often() -> None:
    draws = draw_training_set(generator(0, "videos", 0), 20_000, n_digits_in_all=23, n_digits=2)
    for values, low, high in (
        (draws.digit_index, 0, 22),
        (draws.trajectories.start, 0, 36),
        (draws.trajectories.velocity, -4, 4),
    ):
        found, counts = np.unique(values, return_counts=True)
        assert found.tolist() == list(range(low, high + 1))
        expected = values.size / len(found)
        assert abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_the_way_of_the_device_gives_the_same_bits(path: Path, device: str) -> None:
    """Forced on the CPU too, where it is not the faster one."""
    made, plain = windows(path, device=torch.device(device)), windows(path)
    made.by_tensors = True
    for epoch in range(2):
        video = made.batch(epoch, EVERY)
        assert video.device.type == device
        assert torch.equal(video.cpu(), plain.batch(epoch, EVERY))
    assert torch.equal(made.sample(4, 20).cpu(), plain.sample(4, 20))


def test_the_sample_is_the_same_for_every_seed_and_of_any_length(path: Path) -> None:
    sample = windows(path, seed=0).sample(6, 40)
    assert sample.shape == (6, 40, 1, 64, 64)
    assert torch.equal(windows(path, seed=1).sample(6, 40), sample)
    assert torch.equal(windows(path).sample(6, LENGTH), sample[:, :LENGTH])
    assert len(sample.unique(dim=0)) == 6


def test_the_sample_is_none_of_the_videos_that_are_trained_on(path: Path) -> None:
    """As many as an epoch has: equal draws would give equal videos."""
    made = windows(path, seed=0)
    sample = made.sample(EPOCH_SIZE, LENGTH)
    for epoch in range(3):
        assert not (sample == made.batch(epoch, EVERY)).flatten(1).all(dim=1).any()


def test_baselines_see_the_first_videos_of_one_epoch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "N_BASELINE_VIDEOS", 20)
    batches = list(windows(path).videos(8))
    assert [len(batch) for batch in batches] == [8, 8, 4]
    expected = windows(path, seed=0).batch(0, EVERY[:20]).numpy()
    np.testing.assert_array_equal(np.concatenate(batches), expected)
    monkeypatch.setattr(generated, "N_BASELINE_VIDEOS", 1000)
    assert sum(len(batch) for batch in windows(path).videos(8)) == EPOCH_SIZE


def test_facts_tell_digits_from_videos(path: Path) -> None:
    made = windows(path)
    assert (made.n_windows, made.frame_shape) == (EPOCH_SIZE, (1, 64, 64))
    with PreparedFile(path) as file:
        digest = file.content_sha256
    assert made.facts == {
        "name": "moving_mnist",
        "part": "train",
        "digest": digest,
        "source": "MNIST handwritten digits",
        "n_digits": moving_digits.N_TRAIN_DIGITS,
        "n_videos": EPOCH_SIZE,
        "n_frames": LENGTH,
        "frame_shape": [1, 64, 64],
    }


def test_other_files_are_refused_by_name(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"test\.h5 .*prepared videos, one of .*prepared digits is wanted"):
        windows(path.with_name("test.h5"))
    with pytest.raises(ValueError, match=r"absent\.h5 does not exist"):
        windows(tmp_path / "absent.h5")
    description = VideoDescription("toy", "train", "zeros", {})
    write_videos(tmp_path / "toy.h5", (1, 2, 1, 4, 4), [np.zeros((1, 2, 1, 4, 4), np.float32)], description)
    with pytest.raises(ValueError, match=r"toy\.h5 .*prepared digits is wanted"):
        windows(tmp_path / "toy.h5")
    settings = moving_digits.settings().model_copy(update={"name": "moving_mnist_sample"})
    with pytest.raises(ValueError, match=r"train part of moving_mnist; the train part of moving_mnist_sample"):
        GeneratedWindows(path, settings, LENGTH, CPU, seed=0)
