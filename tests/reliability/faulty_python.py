"""A Python in which trainings go wrong at a place that a test names."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

FAULTY = """\
import sys
from pipeline_lib.cli import main

sys.executable = {python!r}
sys.argv = ["pipeline_lib", *sys.argv[3:]]

if "--process" in sys.argv:
{fault}
sys.exit(main())
"""

AT_AN_ITERATION = """\
import os, signal
from pipeline_lib.training.steps import Steps

step = Steps._step

def faulty_step(self):
    if self.iteration == {iteration}:
{fault}
    step(self)

Steps._step = faulty_step
"""


def faulty_python(folder: Path, fault: str, iteration: int | None = 7) -> Path:
    """Stands for Python in a command `python -m pipeline_lib …`: its training process meets `fault`, some lines of
    Python, when it takes that iteration, or (None) before anything else."""
    text = fault if iteration is None else AT_AN_ITERATION.format(iteration=iteration, fault=_indented(fault, 8))
    script, python = folder / "faulty.py", folder / "faulty_python"
    script.write_text(FAULTY.format(python=str(python), fault=_indented(text, 4)))
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    python.chmod(0o755)
    return python


def train_with(python: Path, command: list[str], **options) -> subprocess.CompletedProcess[str]:
    """Run a command of `tests.cli.test_train.command` by another Python."""
    return subprocess.run([str(python), *command[1:]], capture_output=True, text=True, env=environ(), **options)


def environ() -> dict[str, str]:
    """The variables with which the project is found."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())
