"""The workflow in a folder of its own, where files can be edited and jobs planned."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PARTS = ("Snakefile", "workflow", "profiles", "slurm", "config", "pipeline_lib")

# A folder name with a space: commands must quote it.
CONFIGURATION = """\
results_dir: results/the tests
data_dir: data
experiments: [wave_eq_100/pde, wave_eq_100/pde_no_s, wave_eq_100/copy_last, wave_eq_100/mean_frame]
seeds: [0, 1]
overrides:
  wave_eq_100/pde: &small
    dataset: &few {preparation: {n_simulations: 3, n_train_simulations: 2, n_pixels: 8}}
    task: &short {n_pred: 5, n_pred_test: 5}
    model: {encoder_hidden_size: 8, decoder_hidden_size: 8, integrator_hidden_size: 8}
    training: {schedule_name: test, iterations: 4, batch_size: 4, n_threads: 1, device: cpu, validation: {interval: 0}}
    evaluation: {device: cpu, n_threads: 1}
  wave_eq_100/pde_no_s: *small
  wave_eq_100/copy_last: {dataset: *few, task: *short}
  wave_eq_100/mean_frame: {dataset: *few, task: *short}
require:
  - {experiment: wave_eq_100/pde, times_best_baseline: 1000}
"""


@dataclass(frozen=True)
class Job:
    """A planned job, as a dry run prints it."""

    rule: str
    text: str
    command: str

    def list(self, key: str) -> list[str]:
        """What stands behind `key:`, split at commas, without the flags of files."""
        found = re.search(rf"^    {key}: (.*)$", self.text, re.MULTILINE)
        return [item.removesuffix(" (update)") for item in found[1].split(", ")] if found else []

    @property
    def wildcards(self) -> dict[str, str]:
        return dict(item.split("=", 1) for item in self.list("wildcards"))

    @property
    def resources(self) -> dict[str, str]:
        return dict(item.split("=", 1) for item in self.list("resources"))


class Workflow:
    """A copy of the project, and Snakemake in it."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        for part in PARTS:
            copy = shutil.copytree if (repository / part).is_dir() else shutil.copy
            copy(repository / part, folder / part)
        self.write("test.yaml", CONFIGURATION)
        self.results = folder / "results" / "the tests"

    def snakemake(self, *arguments: str, configfile: str | None = "test.yaml") -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end. `-m` puts the copy's pipeline_lib before an installed one."""
        command = [sys.executable, "-m", "snakemake", "--nocolor", *arguments]
        command += ["--configfile", configfile] if configfile else []
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300)

    def plan(self, *arguments: str, configfile: str | None = "test.yaml") -> list[Job]:
        """The jobs of a dry run, without targets that do nothing."""
        done = self.snakemake("--dry-run", *arguments, configfile=configfile)
        assert done.returncode == 0, done.stdout + done.stderr
        # The jobs of a group are indented.
        said = re.sub(r"^    (?=(?:rule|    |Shell command))", "", done.stdout + done.stderr, flags=re.MULTILINE)
        blocks = re.split(r"^(?:local)?rule (\w+):\n", said, flags=re.MULTILINE)[1:]
        jobs = []
        for rule, block in zip(blocks[::2], blocks[1::2], strict=True):
            text, _, rest = block.partition("Shell command: ")
            if rest and not rest.startswith("None"):
                jobs.append(Job(rule, text, rest.split("\n")[0]))
        return jobs

    def counts(self, *arguments: str) -> Counter[str]:
        """How many jobs of each rule a dry run plans."""
        return Counter(job.rule for job in self.plan(*arguments))

    def write(self, path: str, text: str) -> Path:
        """Write a file of the copy."""
        (self.folder / path).write_text(text)
        return self.folder / path

    @contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """The copy while a text in a file is replaced."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new, 1))
        try:
            yield
        finally:
            file.write_text(text)

    @contextmanager
    def appended(self, file: Path, line: str) -> Iterator[None]:
        """The copy while a file ends in another line."""
        text = file.read_text()
        file.write_text(f"{text}{line}")
        try:
            yield
        finally:
            file.write_text(text)

    def module(self, name: str) -> Path:
        """File of a module of pipeline_lib."""
        return self.folder / "pipeline_lib" / f"{name.replace('.', '/')}.py"


@pytest.fixture(scope="session")
def workflow(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Workflow:
    """A workflow in which nothing has run."""
    return Workflow(tmp_path_factory.mktemp("workflow"), repository)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Workflow:
    """A workflow whose every output is there (with a placeholder in it) and known to Snakemake as made just so.

    Placeholders are larger than what Snakemake compares by content without being told to.
    """
    workflow = Workflow(tmp_path_factory.mktemp("finished"), repository)
    for job in workflow.plan():
        for output in job.list("output"):
            path = workflow.folder / output
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(output.encode() * (1_500_000 // len(output)))
    done = workflow.snakemake("--touch", "--forceall")
    assert done.returncode == 0, done.stderr
    return workflow
