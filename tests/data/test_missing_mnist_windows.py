"""Training windows with missing data: the same video however it is asked for, and what is known of a sample."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_lib.data import missing_mnist_windows
from pipeline_lib.data.missing_mnist_draws import draw
from pipeline_lib.data.missing_mnist_windows import training_windows
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.data.protocols import TruthfulWindows
from pipeline_lib.runtime.seeding import generator
from tests.data import missing_digits
from tests.reference import missing_mnist as reference

CPU = torch.device("cpu")
EPOCH_SIZE = 40
LENGTH = 12
EVERY = np.arange(EPOCH_SIZE)
N_TRAIN = 23


@pytest.fixture(scope="module", params=["occlusion", "out of scene", "varying"])
def prepared(request, tmp_path_factory) -> tuple[str, Path]:
    """Name of a scenario, and its folder."""
    made = missing_digits.settings(request.param, n_test_videos=2)
    return request.param, missing_digits.prepare(tmp_path_factory.mktemp("mnist"), made)


def windows(prepared: tuple[str, Path], seed: int = 3, device: torch.device = CPU):
    scenario, folder = prepared
    settings = missing_digits.settings(scenario, epoch_size=EPOCH_SIZE)
    return training_windows(folder / "train.h5", settings, LENGTH, device, seed)


def test_videos_are_those_of_the_plain_loop_for_the_draws_of_the_epoch(prepared) -> None:
    scenario, folder = prepared
    video = windows(prepared).batch(7, EVERY)
    assert video.shape == (EPOCH_SIZE, LENGTH, 1, 64, 64) and video.dtype == torch.float32
    settings = missing_digits.settings(scenario)
    draws = draw(generator(3, "videos", 7), EPOCH_SIZE, N_TRAIN, settings)
    for n, digits in enumerate(missing_digits.plainly(draws, missing_digits.digits(folder), settings.n_missing)):
        plain = reference.observed_video(digits, LENGTH, settings.visible_rows)
        apart = abs(video[n, :, 0].numpy() - plain.astype(np.float32) / np.float32(255)).max()
        assert apart <= (1.01 / 255 if scenario == "varying" else 0)


def test_a_video_is_the_same_in_whatever_batch_and_order(prepared) -> None:
    every = windows(prepared).batch(2, EVERY)
    made = windows(prepared)
    for ids in (np.array([17]), np.array([39, 0, 17, 17]), EVERY[::-1].copy(), EVERY[:0]):
        assert torch.equal(made.batch(2, ids), every[torch.from_numpy(ids)])


def test_a_training_that_resumes_in_an_epoch_gets_its_videos(prepared) -> None:
    made = windows(prepared)
    epochs = [made.batch(epoch, EVERY) for epoch in range(3)]
    assert torch.equal(made.batch(0, EVERY), epochs[0])
    assert torch.equal(windows(prepared).batch(2, EVERY), epochs[2])


def test_epochs_and_seeds_differ(prepared) -> None:
    made, other = windows(prepared), windows(prepared, seed=4)
    videos = [made.batch(0, EVERY), made.batch(1, EVERY), other.batch(0, EVERY)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not (videos[first] == videos[second]).flatten(1).all(dim=1).any()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_the_way_of_the_device_gives_the_same_videos(prepared, device: str) -> None:
    """Forced on the CPU too, where it is not the faster one."""
    made, plain = windows(prepared, device=torch.device(device)), windows(prepared)
    made.by_tensors = True
    for epoch in range(2):
        video = made.batch(epoch, EVERY)
        assert video.device.type == device and video.dtype == torch.float32
        apart = (video.cpu() - plain.batch(epoch, EVERY)).abs().max()
        assert apart <= (1.01 / 255 if prepared[0] == "varying" else 0)
    assert torch.equal(made.sample(4, 20).cpu(), plain.sample(4, 20))
    assert {values.device.type for values in made.sample_truth(4, 20).values()} == {device}


@pytest.mark.gpu
def test_a_batch_does_not_wait_for_the_gpu(prepared) -> None:
    made = windows(prepared, device=torch.device("cuda"))
    made.batch(0, EVERY)
    torch.cuda.set_sync_debug_mode("error")
    try:
        made.batch(0, EVERY[::-1].copy())
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_sample_is_the_same_for_every_seed_and_of_any_length(prepared) -> None:
    sample = windows(prepared, seed=0).sample(6, 25)
    assert sample.shape == (6, 25, 1, 64, 64)
    assert torch.equal(windows(prepared, seed=1).sample(6, 25), sample)
    assert torch.equal(windows(prepared).sample(6, LENGTH), sample[:, :LENGTH])
    assert len(sample.unique(dim=0)) == 6


def test_the_truth_of_the_sample_is_that_of_its_videos(prepared) -> None:
    made = windows(prepared)
    assert isinstance(made, TruthfulWindows)
    sample, truth = made.sample(6, 20), made.sample_truth(6, 20)
    assert {name: (tuple(values.shape), values.dtype) for name, values in truth.items()} == {
        "complete": ((6, 20, 1, 64, 64), torch.float32),
        "missing": ((6, 20, 2), torch.bool),
        "component": ((6, 20, 2, 1, 64, 64), torch.float32),
        "centre": ((6, 20, 2, 2), torch.float32),
    }
    seen = truth["component"].masked_fill(truth["missing"][..., None, None, None], 0).amax(dim=2)
    rows = missing_digits.settings(prepared[0]).visible_rows or (0, 64)
    assert torch.equal(sample[..., slice(*rows), :], seen[..., slice(*rows), :])
    assert not sample[..., : rows[0], :].any()
    assert torch.equal(truth["component"].amax(dim=2), truth["complete"])
    assert truth["complete"].max() <= 1 and (truth["complete"] >= sample).all()


def test_the_sample_is_none_of_the_videos_that_are_trained_on(prepared) -> None:
    """As many as an epoch has: equal draws would give equal videos."""
    made = windows(prepared, seed=0)
    sample = made.sample(EPOCH_SIZE, LENGTH)
    for epoch in range(3):
        assert not (sample == made.batch(epoch, EVERY)).flatten(1).all(dim=1).any()


def test_baselines_see_the_first_videos_of_one_epoch(prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_mnist_windows, "N_BASELINE_VIDEOS", 20)
    batches = list(windows(prepared).videos(8))
    assert [len(batch) for batch in batches] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate(batches), windows(prepared, seed=0).batch(0, EVERY[:20]).numpy())
    monkeypatch.setattr(missing_mnist_windows, "N_BASELINE_VIDEOS", 1000)
    assert sum(len(batch) for batch in windows(prepared).videos(8)) == EPOCH_SIZE


def test_facts_tell_digits_from_videos(prepared) -> None:
    scenario, folder = prepared
    made, settings = windows(prepared), missing_digits.settings(scenario)
    with PreparedFile(folder / "train.h5") as file:
        digest = file.content_sha256
    assert (made.n_windows, made.frame_shape) == (settings.n_training_windows(LENGTH), settings.frame_shape)
    assert made.facts == {
        "name": settings.name,
        "part": "train",
        "digest": digest,
        "source": "MNIST handwritten digits",
        "n_digits": N_TRAIN,
        "n_videos": EPOCH_SIZE,
        "n_frames": LENGTH,
        "frame_shape": [1, 64, 64],
    }


def test_other_files_are_refused_by_name(prepared) -> None:
    scenario, folder = prepared
    settings = missing_digits.settings(scenario)
    with pytest.raises(ValueError, match=r"test\.h5 .*prepared videos, one of .*prepared digits is wanted"):
        training_windows(folder / "test.h5", settings, LENGTH, CPU, 0)
    other = settings.model_copy(update={"name": f"{settings.name}_sample"})
    with pytest.raises(ValueError, match=rf"train part of {settings.name}; the train part of {other.name} is wanted"):
        training_windows(folder / "train.h5", other, LENGTH, CPU, 0)
