"""The checkout's Snakefile, run in a folder of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def finished_pipeline(folder: Path, repository: Path, configuration: str) -> "Pipeline":
    """A pipeline that has been run to its end."""
    pipeline = Pipeline(folder, repository, configuration)
    pipeline.configure()
    answer = pipeline.run()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return pipeline


class Pipeline:
    """A configuration, with {folder} and other names to be filled in, and Snakemake that runs it."""

    def __init__(self, folder: Path, repository: Path, configuration: str) -> None:
        self.folder, self.repository = folder, repository
        self._configuration = configuration

    def configure(self, **values: Any) -> None:
        """Write the overlay with these values."""
        text = self._configuration.format(folder=self.folder, **values)
        (self.folder / "overlay.yaml").write_text(text)

    def runs(self, dataset: str) -> Path:
        """Where the runs of a dataset are."""
        return self.folder / "results" / "runs" / dataset

    def command(self, *arguments: str) -> list[str]:
        """Snakemake with the overlay."""
        snakefile = str(self.repository / "Snakefile")
        where = ["--snakefile", snakefile, "--directory", str(self.folder), "--cores", "2"]
        overlay = ["--configfile", str(self.folder / "overlay.yaml")]
        return [sys.executable, "-m", "snakemake", *where, *overlay, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True)
