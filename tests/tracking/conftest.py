"""Stores for the tests: SQLite files that cost no migration each, and a server, which is slow to start, for all."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.tracking.connection import prepare_database
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.tracking.store import Store, open_store
from tests.tracking.run_folder import FakeRun
from tests.tracking.server_process import ServerProcess

EXPERIMENTS = Path(__file__).resolve().parents[2] / "config" / "experiments" / "wave_eq_100"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without runs, to copy: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    prepare_database(f"sqlite:///{path}")
    return path


@pytest.fixture
def results_dir(tmp_path: Path, empty_database: Path) -> Path:
    """A results folder with an empty store."""
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copyfile(empty_database, folder / "mlflow.db")
    return folder


@pytest.fixture
def options(results_dir: Path) -> StoreOptions:
    return StoreOptions(f"sqlite:///{results_dir / 'mlflow.db'}", timeout=5.0)


@pytest.fixture
def store(options: StoreOptions) -> Store:
    return open_store(options.uri, options.timeout)


@pytest.fixture(scope="session")
def experiments() -> dict[str, Experiment]:
    """wave_eq_100's experiments by the second part of their names."""
    return {path.stem: read_experiment(path) for path in sorted(EXPERIMENTS.glob("*.yaml"))}


@pytest.fixture
def new_run(results_dir: Path, experiments: dict[str, Experiment]) -> Callable[..., FakeRun]:
    """Makes a run of an experiment in the results folder; nothing of it is written yet."""

    def make(variant: str = "pde", seed: int | None = 0, digest: str | None = None) -> FakeRun:
        return FakeRun(results_dir, experiments[variant], seed, digest)

    return make


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[ServerProcess]:
    """A running server with a store of its own; whoever stops it starts it again."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    process = ServerProcess(folder)
    process.start()
    yield process
    process.kill()
