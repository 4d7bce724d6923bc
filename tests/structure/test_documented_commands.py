"""What the README and the docs tell users to type is what the command line takes."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from pipeline_lib.cli import STAGES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CALL = "python -m pipeline_lib "


def commands():
    """Every command of an indented block, its continuation lines joined and its comment dropped."""
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", page.read_text())
        for line in text.splitlines():
            if line.startswith("    ") and CALL in line:
                words = shlex.split(line.split(CALL, 1)[1], comments=True)
                yield pytest.param(words, id=f"{page.relative_to(ROOT)}: {' '.join(words[:2])}")


@pytest.mark.parametrize("words", list(commands()))
def test_a_documented_command_is_one_that_its_stage_takes(words):
    stage, *arguments = words
    module = importlib.import_module(STAGES[stage][0])
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.add_arguments(parser)
    try:
        args, left = parser.parse_known_args(arguments)
    except (argparse.ArgumentError, SystemExit) as error:
        pytest.fail(f"{shlex.join(words)}: {error}")
    assert left == [], shlex.join(words)
    config = str(getattr(args, "config", None))
    assert not config.startswith("config/") or (ROOT / config).is_file(), f"{config} does not exist"
