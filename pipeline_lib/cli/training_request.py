"""What one training is asked for, and where its outputs are kept and published."""

from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_run
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.runtime.atomic import copy_file

# In the order of publishing: the summary, whose presence says that a run is finished, comes last.
OUTPUTS = ("model.safetensors", "journal.jsonl", "training.json")


@dataclass(frozen=True)
class TrainingRequest:
    """A run: what to train, from which file, into which run folder; `digest` identifies its numbers."""

    experiment: Experiment
    seed: int | None
    digest: str
    train_file: Path
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
    def device(self) -> str:
        return self.experiment.training.device if self.experiment.training else "cpu"


def publish(request: TrainingRequest) -> None:
    """Copy kept outputs into the run folder, each in one step."""
    request.out.mkdir(parents=True, exist_ok=True)
    write_run(request.experiment, request.seed, request.paths.config)
    for name in OUTPUTS:
        copy_file(request.kept / name, request.out / name)
