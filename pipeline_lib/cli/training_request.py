"""What one training is asked for, and where its outputs are kept and published."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.config.digests import run_digest
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_run
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.records.files import read_training, write_training
from pipeline_lib.records.run import run_entry
from pipeline_lib.runtime.atomic import copy_file

COPIED = ("model.safetensors", "journal.jsonl")
# Its presence says that a run is finished, so it comes last.
SUMMARY = "training.json"
OUTPUTS = (*COPIED, SUMMARY)


@dataclass(frozen=True)
class TrainingRequest:
    """A run: what to train, from which file, into which run folder; `digest` identifies its numbers.

    data: what the file says of itself.
    """

    experiment: Experiment
    seed: int | None
    digest: str
    train_file: Path
    data: dict[str, Any]
    out: Path

    @property
    def paths(self) -> RunPaths:
        return RunPaths(self.out)

    @property
    def state(self) -> Path:
        """Folder of the resumable state, undeclared to the workflow, so that it survives failures."""
        return self.paths.state(self.digest)

    @property
    def journal(self) -> Path:
        return self.state / "journal.jsonl"

    @property
    def kept(self) -> Path:
        """Folder of the finished outputs at the length that is asked for; longer trainings leave it as it is."""
        training = self.experiment.training
        if training is None:
            return self.state / "finished" / "fitted"
        length = f"{training.iterations}_iterations" if training.iterations else f"{training.epochs}_epochs"
        return self.state / "finished" / length

    @property
    def is_finished(self) -> bool:
        """Whether the outputs are kept: then they are restored in seconds."""
        return all((self.kept / name).exists() for name in OUTPUTS)

    @property
    def run_entry(self) -> dict[str, Any]:
        """What the journal begins with."""
        return run_entry(self.experiment.model_dump(mode="json"), self.seed, self.digest, [self.data])

    @property
    def labels(self) -> dict[str, str | None]:
        """What names the run without identifying it: kept outputs may bear older ones."""
        training = self.experiment.training
        return {
            "title": self.experiment.title,
            "paper": self.experiment.paper,
            "schedule_name": training.schedule_name if training else None,
        }

    @property
    def device(self) -> str:
        return self.experiment.training.device if self.experiment.training else "cpu"

    @property
    def n_processes(self) -> int:
        """Processes that train together."""
        return self.experiment.training.n_processes if self.experiment.training else 1


def training_request(experiment: Experiment, seed: int | None, train_file: Path, out: Path) -> TrainingRequest:
    """The run of an experiment with a seed on a prepared training file.

    Raises ValueError, naming the file, where it is missing or damaged.
    """
    with PreparedFile(train_file) as file:
        digest = run_digest(experiment, seed, file.content_sha256)
        return TrainingRequest(experiment, seed, digest, train_file, file.facts, out)


def publish(request: TrainingRequest) -> None:
    """Copy kept outputs into the run folder, each in one step; labels are those of today's configuration."""
    request.out.mkdir(parents=True, exist_ok=True)
    write_run(request.experiment, request.seed, request.paths.config)
    for name in COPIED:
        copy_file(request.kept / name, request.out / name)
    training = read_training(request.kept / SUMMARY)
    write_training(request.out / SUMMARY, training | request.labels)
