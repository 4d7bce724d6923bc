"""Where every file is: the one place that knows the layout of a results folder and of a data folder."""

from dataclasses import dataclass
from pathlib import Path


def seed_folder(seed: int | str | None) -> str:
    """Folder of a run within its experiment's: `seed_<n>`, or `no_seed` for baselines."""
    return "no_seed" if seed is None else f"seed_{seed}"


def parse_seed_folder(name: str) -> int | None:
    """The seed that `seed_folder` made `name` from."""
    if name == "no_seed":
        return None
    number = name.removeprefix("seed_")
    if number == name or not number.isdigit():
        raise ValueError(f"{name!r} is not the folder of a run: expected seed_<n> or no_seed")
    return int(number)


@dataclass(frozen=True)
class RunPaths:
    """Files of one run."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def training(self) -> Path:
        return self.folder / "training.json"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions.h5"

    @property
    def tracked(self) -> Path:
        return self.folder / "tracked.json"

    @property
    def state_root(self) -> Path:
        return self.folder / "state"

    def state(self, digest: str) -> Path:
        """Resumable state, journal and finished weights of the training with this digest."""
        return self.state_root / digest

    def figure(self, figure: str, suffix: str) -> Path:
        return self.folder / "figures" / f"{figure}.{suffix}"


@dataclass(frozen=True)
class ResultPaths:
    """Files of a pipeline. Texts among the arguments may hold Snakemake wildcards ("{dataset}")."""

    results_dir: Path
    data_dir: Path

    def raw_dir(self, source: str) -> Path:
        """Where the files of a raw source are."""
        return self.data_dir / "raw" / source

    def raw_file(self, source: str, name: str) -> Path:
        return self.raw_dir(source) / name

    @property
    def prepared_dir(self) -> Path:
        return self.data_dir / "prepared"

    def train_file(self, dataset: str) -> Path:
        return self.prepared_dir / dataset / "train.h5"

    def test_file(self, dataset: str) -> Path:
        return self.prepared_dir / dataset / "test.h5"

    def config(self, experiment: str) -> Path:
        """The resolved experiment, written when the pipeline starts."""
        return self.results_dir / "configs" / f"{experiment}.yaml"

    @property
    def runs_dir(self) -> Path:
        return self.results_dir / "runs"

    def experiment_dir(self, experiment: str) -> Path:
        return self.runs_dir / experiment

    def run(self, experiment: str, seed: int | str | None) -> RunPaths:
        return RunPaths(self.experiment_dir(experiment) / seed_folder(seed))

    def run_in(self, experiment: str, folder: str) -> RunPaths:
        """The run in a folder that `seed_folder` has named."""
        return RunPaths(self.experiment_dir(experiment) / folder)

    def parent_tracked(self, experiment: str) -> Path:
        return self.experiment_dir(experiment) / "tracked.json"

    def figure(self, dataset: str, figure: str, suffix: str) -> Path:
        return self.results_dir / "figures" / dataset / f"{figure}.{suffix}"

    def table(self, table: str, suffix: str) -> Path:
        return self.results_dir / "tables" / f"{table}.{suffix}"

    def check(self, name: str) -> Path:
        """What a bar of `require` was held against."""
        return self.results_dir / "checks" / f"{name}.txt"

    @property
    def benchmarks_dir(self) -> Path:
        """What `benchmark` has measured: table and picture, and under `rows` what they are made of."""
        return self.results_dir / "benchmarks"

    def benchmark(self, suffix: str) -> Path:
        return self.benchmarks_dir / f"benchmark.{suffix}"

    @property
    def benchmark_rows(self) -> Path:
        return self.benchmarks_dir / "rows"

    def benchmark_row(self, experiment: str, name: str) -> Path:
        """One configuration on one device, measured in one way."""
        return self.benchmark_rows / experiment / f"{name}.json"

    @property
    def report(self) -> Path:
        return self.results_dir / "report.html"

    @property
    def lock(self) -> Path:
        return self.results_dir / ".lock"

    def log(self, rule: str, name: str) -> Path:
        return self.results_dir / "logs" / rule / f"{name}.log"
