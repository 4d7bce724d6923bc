"""The trainings of a pipeline that run as SLURM jobs on this machine, found among its processes."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.records.journal import read_journal


@dataclass(frozen=True)
class Training:
    """The process that computes a training, and the SLURM job that it is in."""

    pid: int
    seed: int
    job: str

    def hold(self) -> None:
        """Stop it where it is. What SLURM sends before it kills a job (SIGCONT, SIGTERM) lets it go on, to save."""
        os.kill(self.pid, signal.SIGSTOP)


def running(runs: Path) -> Iterator[Training]:
    """Every training that writes into a run folder below `runs`."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            variables = (folder / "environ").read_text().split("\0")
        except (OSError, UnicodeDecodeError):
            continue  # it has ended, or is none of ours
        job = next((text.partition("=")[2] for text in variables if text.startswith("SLURM_JOB_ID=")), "")
        if (
            job
            and "--process" in words
            and "train" in words
            and Path(words[words.index("--out") + 1]).is_relative_to(runs)
        ):
            yield Training(int(folder.name), int(words[words.index("--seed") + 1]), job)


def end_all(folder: Path) -> None:
    """Kill whatever still works on a pipeline in this folder: without cgroups, SLURM may lose sight of a process."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
            if str(folder) in words or str(folder / "overlay.yaml") in words:
                os.kill(int(process.name), signal.SIGKILL)
        except (OSError, UnicodeDecodeError):
            continue


def has_saved(run: Path) -> bool:
    """Whether a checkpoint is there."""
    return any(run.glob("state/*/generation_*/state.json"))


def starts(run: Path) -> list[int]:
    """The iteration at which each process of a finished training began or continued."""
    return [entry.content["resumed_at"] for entry in read_journal(run / "journal.jsonl") if entry.kind == "session"]
