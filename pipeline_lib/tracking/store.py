"""A tracking store: the few requests that this project makes of MLflow, in terms of runs, points and files.

Never uses mlflow's "active" experiment or run: those are one per process and are lost in a race between processes.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pipeline_lib.config.tracking import without_credentials
from pipeline_lib.tracking.connection import (
    RejectedError,
    RunGoneError,
    absolute,
    prepare_database,
    prepare_process,
    sqlite_path,
    translated,
    upgrade_database,
)
from pipeline_lib.tracking.points import Point

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARAMS_PER_REQUEST = TAGS_PER_REQUEST = 100
MAX_POINTS_PER_REQUEST = 1000
DATASET_DIGEST_LENGTH = 36
PARENT_TAG = "mlflow.parentRunId"
NOTE_TAG = "mlflow.note.content"
LOGGED_IMAGES_TAG = "mlflow.loggedImages"
PICTURES_FOLDER = "images"
PREVIEW_SUFFIX = "+compressed"
PREVIEW_SIZE = (1200, 1200)
SOURCE_TAGS = {"mlflow.source.name": "pipeline_lib", "mlflow.source.type": "LOCAL"}
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


@dataclass(frozen=True)
class StoredRun:
    """A run as the store knows it, without its curves. `datasets`: name and shortened checksum of each."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    metric_keys: frozenset[str]
    datasets: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class DatasetInput:
    """A dataset that a run used: `context` is training or evaluation, `source` says where the videos come from."""

    name: str
    digest: str
    context: str
    source: str

    @property
    def short_digest(self) -> str:
        """As much of the checksum as the store takes."""
        return self.digest[:DATASET_DIGEST_LENGTH]


class Store:
    """An open tracking store.

    Every request may raise StoreUnavailableError (try again later), RejectedError (never will) or RunGoneError.
    """

    def __init__(self, uri: str, client: "MlflowClient") -> None:
        self.uri = uri
        self._client = client

    @property
    def name(self) -> str:
        """The store's address without credentials."""
        return without_credentials(self.uri)

    def check(self) -> None:
        """Ask for something small: whether the store answers."""
        with self._translated():
            self._client.search_experiments(max_results=1)

    def experiment(self, name: str) -> str:
        """Id of the experiment of this name, made if needed, whoever else makes it at the same time."""
        with self._translated():
            found = self._client.get_experiment_by_name(name)
            if found is None:
                try:
                    return str(self._client.create_experiment(name, self._artifact_root(), EXPERIMENT_TAGS))
                except Exception:
                    found = self._client.get_experiment_by_name(name)
                    if found is None:
                        raise
        if found.lifecycle_stage == "deleted":
            raise ValueError(
                f"tracking store {self.name}: the experiment {name} was deleted; restore it in the web page, or with "
                f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
            )
        self._check_artifact_root(name, found.artifact_location)
        return str(found.experiment_id)

    def experiments(self) -> dict[str, str]:
        """Ids by name, without mlflow's own empty experiment."""
        with self._translated():
            found = self._client.search_experiments()
        return {e.name: str(e.experiment_id) for e in reversed(found) if e.name != "Default"}

    def run(self, run_id: str) -> StoredRun | None:
        """The run, or None where it is unknown or deleted."""
        try:
            with self._translated():
                run = self._client.get_run(run_id)
        except RunGoneError:
            return None
        return None if run.info.lifecycle_stage == "deleted" else _stored_run(run)

    def find(self, experiment_id: str, filter_string: str) -> list[StoredRun]:
        """Runs of an experiment that a filter in mlflow's language finds, the oldest first."""
        with self._translated():
            return [
                _stored_run(run)
                for run in self._client.search_runs([experiment_id], filter_string, order_by=["start_time ASC"])
            ]

    def create_run(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        with self._translated():
            run = self._client.create_run(experiment_id, start_time=start_ms, tags=dict(tags), run_name=name)
        return str(run.info.run_id)

    def delete_run(self, run: StoredRun) -> None:
        """Put a run and its models into the store's trash, out of every list and search."""
        with self._translated():
            for model in self._models_of(run):
                self._client.delete_logged_model(model.model_id)
            self._client.delete_run(run.run_id)

    def log_points(
        self, run_id: str, points: Sequence[Point], model_id: str | None = None, dataset: DatasetInput | None = None
    ) -> None:
        """Store points, in one request or a few. Points that are stored already stay as they are."""
        from mlflow.entities import Metric

        name, digest = (dataset.name, dataset.short_digest) if dataset else (None, None)
        for batch in batched(points, MAX_POINTS_PER_REQUEST):
            metrics = [Metric(p.key, p.value, p.time_ms, p.step, model_id, name, digest, run_id) for p in batch]
            with self._translated():
                self._client.log_batch(run_id, metrics=metrics, synchronous=True)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Store parameters. RejectedError where one is stored with another value: parameters cannot change."""
        from mlflow.entities import Param

        for batch in batched(params.items(), PARAMS_PER_REQUEST):
            with self._translated():
                self._client.log_batch(run_id, params=[Param(k, str(v)) for k, v in batch], synchronous=True)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        for batch in batched(tags.items(), TAGS_PER_REQUEST):
            with self._translated():
                self._client.log_batch(run_id, tags=[RunTag(k, v) for k, v in batch], synchronous=True)

    def remove_tag(self, run_id: str, key: str) -> None:
        """Remove a tag if it is there."""
        run = self.run(run_id)
        if run is not None and key in run.tags:
            with self._translated():
                self._client.delete_tag(run_id, key)

    def set_status(self, run_id: str, status: str, end_ms: int | None) -> None:
        """Say how a run stands: RUNNING, FINISHED, FAILED, KILLED; and since when, if it ended."""
        with self._translated():
            if end_ms is None:
                self._client.update_run(run_id, status=status)
            else:
                self._client.set_terminated(run_id, status, end_ms)

    def history(self, run_id: str, key: str) -> list[Point]:
        """Every stored point of a curve."""
        with self._translated():
            metrics = self._client.get_metric_history(run_id, key)
        return [Point(m.key, m.step, m.timestamp, m.value) for m in metrics]

    def log_file(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Store a file as an artifact, replacing one of the same name."""
        with self._translated():
            self._client.log_artifact(run_id, str(path), folder)

    def log_picture(self, run_id: str, path: Path, key: str, step: int, time_ms: int) -> None:
        """Store one picture of a series over the steps, which the web page shows with a slider.

        It goes by the names of the files, which mlflow's own `log_image` makes unique by chance; these are fixed, so
        that a picture that is stored again takes the place of the first. RejectedError where the file is no picture.
        """
        name = picture_name(key, step, time_ms)
        with TemporaryDirectory() as folder:
            shutil.copyfile(path, Path(folder, f"{name}.png"))
            _write_preview(path, Path(folder, f"{name}{PREVIEW_SUFFIX}.png"))
            with self._translated():
                self._client.log_artifacts(run_id, folder, PICTURES_FOLDER)
        self.set_tags(run_id, {LOGGED_IMAGES_TAG: "true"})

    def picture_names(self, run_id: str) -> set[str]:
        """Names of the pictures that `log_picture` has stored."""
        with self._translated():
            names = {Path(file.path).name for file in self._client.list_artifacts(run_id, PICTURES_FOLDER)}
        whole = {name.removesuffix(".png") for name in names}
        return {name for name in whole if f"{name}{PREVIEW_SUFFIX}" in whole}

    def log_datasets(self, run_id: str, datasets: Iterable[DatasetInput]) -> None:
        from mlflow import entities

        inputs = [
            entities.DatasetInput(
                entities.Dataset(d.name, d.short_digest, "local", d.source),
                [entities.InputTag("mlflow.data.context", d.context)],
            )
            for d in datasets
        ]
        with self._translated():
            self._client.log_inputs(run_id, inputs)

    def model(self, run: StoredRun, name: str, tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """Id of the run's model, made if needed. The weights stay where they are, they are not copied."""
        from mlflow.entities import LoggedModelOutput

        with self._translated():
            if models := self._models_of(run):
                return str(models[0].model_id)
            external = {**tags, "mlflow.model.isExternal": "true"}
            model = self._client.create_logged_model(run.experiment_id, name, run.run_id, external, dict(params))
            self._client.finalize_logged_model(model.model_id, "READY")
            self._client.log_outputs(run.run_id, [LoggedModelOutput(model.model_id, 0)])
            return str(model.model_id)

    def _models_of(self, run: StoredRun) -> list[Any]:
        return list(self._client.search_logged_models([run.experiment_id], f"source_run_id = '{run.run_id}'"))

    def _artifact_root(self) -> str | None:
        path = sqlite_path(self.uri)
        return (path.parent / "mlartifacts").as_uri() if path else None

    def _check_artifact_root(self, experiment: str, found: str) -> None:
        """A results folder that was moved has a database that still names the old place of its artifacts."""
        expected = self._artifact_root()
        if expected is not None and unquote(found).rstrip("/") != unquote(expected):
            raise ValueError(
                f"tracking store {self.name}: artifacts of the experiment {experiment} are kept in {found}, not in "
                f"{expected}. Was the folder moved? Then remove mlflow.db and mlartifacts in it; "
                "`python -m pipeline_lib track --all` makes them again from the run folders"
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self.uri):
            yield


def open_store(uri: str, timeout: float, say: Any = print) -> Store:
    """Open a store, making or upgrading the database where it is an SQLite file.

    timeout: longest wait for one answer of a server [s]. A server is asked for nothing yet.
    Raises ValueError for an address that is no store, StoreUnavailableError where a database can't be reached.
    """
    uri = absolute(uri)
    prepare_process(timeout)
    prepare_database(uri, say)
    try:
        return Store(uri, _client(uri))
    except (RejectedError, RunGoneError, ValueError) as error:
        if "out-of-date database schema" in str(error) and upgrade_database(uri, say):
            return Store(uri, _client(uri))
        raise


def initialise(uri: str, experiment_names: Sequence[str], timeout: float, say: Any = print) -> dict[str, str]:
    """Make ready a store for many processes that will use it at once; experiment ids by name."""
    store = open_store(uri, timeout, say)
    store.check()
    return {name: store.experiment(name) for name in experiment_names}


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """`items` in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def picture_name(key: str, step: int, time_ms: int) -> str:
    """Name of a picture's file in the store, from which the web page reads series and step."""
    return f"{key.replace('/', '~')}+step+{step}+timestamp+{time_ms}+picture"


def _write_preview(path: Path, preview: Path) -> None:
    """What the web page shows of a picture until it is opened."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.thumbnail(PREVIEW_SIZE, Image.Resampling.BOX)
            picture.save(preview, format="PNG", optimize=True)
    except OSError as error:
        raise RejectedError(f"{path}: not a picture ({error})") from error


def _client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient

    with translated(uri):
        return MlflowClient(tracking_uri=uri)


def _stored_run(run: Any) -> StoredRun:
    datasets = run.inputs.dataset_inputs if run.inputs else []
    return StoredRun(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name,
        status=run.info.status,
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        metric_keys=frozenset(run.data.metrics),
        datasets=frozenset((item.dataset.name, item.dataset.digest) for item in datasets),
    )
