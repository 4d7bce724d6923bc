"""Two pipelines started at the same moment on one folder of results: one works, the other says who does."""

import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.whole_pipeline import Pipeline
from tests.reliability.sessions import ends_of
from tests.reliability.test_kills import CONFIGURATION

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("apart", [False, True], ids=["in one checkout", "from two checkouts"])
def test_one_works_and_the_other_says_so(tmp_path: Path, repository: Path, apart: bool) -> None:
    """In one working directory Snakemake's own lock comes first; from two, that of the results folder."""
    pipeline = Pipeline(tmp_path, repository, CONFIGURATION)
    pipeline.configure(iterations=20)
    out = pipeline.runs("wave_eq_100") / "pde" / "seed_0"
    command = pipeline.command("--", str(out / "training.json"))
    (tmp_path / "elsewhere").mkdir()
    elsewhere = [str(tmp_path / "elsewhere") if word == str(tmp_path) else word for word in command]
    started = [
        subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for each in (command, elsewhere if apart else command)
    ]
    said = [process.communicate(timeout=500)[0] for process in started]
    assert sorted(process.returncode for process in started) == [0, 1], said
    refused = said[0] if started[0].returncode == 1 else said[1]
    expected = f"Another pipeline is at work in {tmp_path}/results" if apart else "Directory cannot be locked"
    assert expected in refused and "rule train" not in refused, refused
    assert ends_of(out) == ["finished: "]
