"""A training small enough for unit tests: smooth random videos in memory, narrow networks."""

from pathlib import Path

import torch

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.data.hdf5 import VideoDescription, write_videos
from pipeline_lib.data.resident import ResidentWindows
from pipeline_lib.data.windows import all_windows
from pipeline_lib.models.dive import model as dive
from pipeline_lib.models.pde import model as pde
from pipeline_lib.records.journal import Journal
from pipeline_lib.runtime.seeding import seed_torch
from pipeline_lib.training.checkpoint import CheckpointStore
from pipeline_lib.training.layout import lay_out
from pipeline_lib.training.loop import Trainer
from pipeline_lib.training.pictures import TrainingPictures
from pipeline_lib.training.validation import ForecastValidation


class Silence:
    """No progress."""

    def tick(self, iteration):
        pass

    def show(self, *_):
        pass

    def close(self):
        pass


def toy_videos(n_videos=6, n_frames=24, n_pixels=10) -> torch.Tensor:
    """Travelling waves of differing speeds, (N, T, 1, 1, n_pixels) in [0, 1]."""
    time = torch.arange(n_frames).view(1, -1, 1)
    place = torch.arange(n_pixels).view(1, 1, -1)
    speed = torch.linspace(0.1, 0.5, n_videos).view(-1, 1, 1)
    return (torch.sin(time * speed + place * 0.7) / 2 + 0.5).view(n_videos, n_frames, 1, 1, n_pixels)


def toy_trainer(
    experiment: Experiment, folder: Path, seed=0, stop=lambda: None, videos=None, device="cpu", model=None, **changes
) -> Trainer:
    """A trainer on `experiment` whose training settings are changed as given; its state goes to `folder`.

    model: its settings, instead of the experiment's; of DIVE or of the PDE model.
    """
    device = torch.device(device)
    settings = type(experiment.training)(**(experiment.training.model_dump() | changes))
    task = experiment.task
    videos = toy_videos() if videos is None else videos
    path = folder / "train.h5"
    write_videos(path, tuple(videos.shape), [videos.numpy()], VideoDescription("toy", "train", "made up", {}))
    index = all_windows(*videos.shape[:2], task.n_cond + task.n_pred)
    data = ResidentWindows(path, index, device)
    seed_torch(seed, "weights")
    build = dive.build if isinstance(model, DiveSettings) else pde.build
    network = lay_out(build(model or experiment.model, task, data.frame_shape).to(device), settings, device)
    journal = Journal(folder / "journal.jsonl")
    return Trainer(
        model=network,
        data=data,
        settings=settings,
        seed=seed,
        precision=settings.precision,
        device=device,
        store=CheckpointStore(folder),
        journal=journal,
        stop=stop,
        progress=Silence(),
        validation=ForecastValidation("train_sample", videos[:2, : task.n_cond + task.n_pred].to(device), task.n_cond),
        pictures=TrainingPictures("forecast", folder / "pictures", folder, journal),
    )


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    """Equal bit for bit."""
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name
