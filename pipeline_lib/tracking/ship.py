"""Shipping a journal to a tracking store: in batches, from where it was left, so that a replay changes nothing."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline_lib.records.journal import Entry, read_journal
from pipeline_lib.runtime.locks import FileLock
from pipeline_lib.tracking.connection import RejectedError, RunGoneError
from pipeline_lib.tracking.points import THIN_ABOVE, Point, Thinning
from pipeline_lib.tracking.shipping_record import LOCK_NAME, JournalHead, Shipped, ShippingRecord, read_head
from pipeline_lib.tracking.store import SOURCE_TAGS, DatasetInput, Store, StoredRun, batched

# What was asked to stop has saved its state and can go on; MLflow's nearest word is KILLED, SCHEDULED would promise
# that somebody will start it. The tag `state` has the journal's own word.
STATUS = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "stopped": "KILLED",
    "failed": "FAILED",
    "killed": "KILLED",
}
CONTEXTS = {"train": "training", "test": "evaluation"}


class Shipper:
    """Ships one journal to one store. Only one process at a time may; use it as a context manager, which locks.

    journal: the file; its artifacts' paths count from `run_dir`.
    batch_size: points in one request.
    params: instead of those in the journal's head, where the caller knows better.
    warn: told of each point or file that the store refuses for good or that is not there; shipping goes on.
    Entering raises LockHeldError, a ValueError, that names the process that is shipping the journal already.
    """

    def __init__(
        self,
        journal: Path,
        run_dir: Path,
        store: Store,
        *,
        experiment_prefix: str = "",
        batch_size: int = 1000,
        params: Mapping[str, Any] | None = None,
        warn: Callable[[str], None] = print,
        thin_above: int = THIN_ABOVE,
    ) -> None:
        self.journal, self.run_dir, self.store = journal, run_dir, store
        self.experiment_prefix, self.batch_size, self.warn = experiment_prefix, batch_size, warn
        self._params = params
        self._record = ShippingRecord(journal.parent)
        self._lock = FileLock(journal.parent / LOCK_NAME)
        self._thinning = Thinning(thin_above)
        self._shipped: Shipped | None = None
        self._refused_keys: set[str] = set()

    def __enter__(self) -> "Shipper":
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    @property
    def run_id(self) -> str:
        """The store's id of the run, once something has been shipped."""
        assert self._shipped is not None
        return self._shipped.run_id

    @property
    def experiment_id(self) -> str:
        assert self._shipped is not None
        return self._shipped.experiment_id

    def ship(self) -> int:
        """Ship what the journal holds beyond what was shipped; the offset reached [bytes].

        Raises StoreUnavailableError; what the store confirmed before that is remembered.
        """
        assert self._lock.is_held
        try:
            return self._ship()
        except RunGoneError:
            self._shipped = None
            return self._ship()
        except BaseException:
            # Entries may have passed the thinning that the store has not confirmed: begin at the record again.
            self._shipped = None
            raise

    def _ship(self) -> int:
        head = read_head(self.journal)
        if head is None:
            return 0
        if self._shipped is None:
            self._shipped = self._attach(head)
            self._pass_what_was_shipped(self._shipped.offset)
        batch: list[Point] = []
        offset = self._shipped.offset
        for entry in read_journal(self.journal, offset):
            points = self._thinning.passed(entry)
            if len(batch) + len(points) > self.batch_size or entry.kind != "metrics":
                self._ship_points(batch, offset)
                batch = []
            batch += points
            if entry.kind != "metrics":
                self._ship_points(batch, offset)
                batch = []
                self._ship_entry(entry, head)
            offset = entry.end_offset
        self._ship_points(batch, offset)
        return offset

    def replay(self) -> int:
        """Ship the journal once more from its beginning."""
        if self._shipped is not None:
            self._remember(0)
        self._shipped = None
        return self.ship()

    def replace(self, stored: StoredRun) -> int:
        """Put the stored run into the trash and ship the journal to a new one."""
        head = read_head(self.journal)
        assert head is not None
        # What people wrote about the run in the web page stays with it.
        theirs = {key: value for key, value in stored.tags.items() if key not in self._tags(head)}
        self.store.delete_run(stored)
        theirs.pop("mlflow.runName", None)
        self._shipped = self._create(head, stored.experiment_id, theirs)
        self._thinning = Thinning(self._thinning.thin_above)
        return self.ship()

    def _attach(self, head: JournalHead) -> Shipped:
        """Find the run that belongs to the journal, or create it."""
        experiment_id = self.store.experiment(experiment_name(head.content, self.experiment_prefix))
        known = self._record.get(self.store.name, head.fingerprint)
        if known and known.experiment_id == experiment_id and known.offset <= self.journal.stat().st_size:
            if self.store.run(known.run_id) is not None:
                return known
        if found := self.store.find(experiment_id, f"tags.journal = '{head.fingerprint}'"):
            return Shipped(head.fingerprint, experiment_id, found[0].run_id, 0)
        return self._create(head, experiment_id, {})

    def _create(self, head: JournalHead, experiment_id: str, tags: Mapping[str, str]) -> Shipped:
        every_tag = {**tags, **self._tags(head)}
        run_id = self.store.create_run(experiment_id, run_name(head.content), head.time_ms, every_tag)
        return Shipped(head.fingerprint, experiment_id, run_id, 0)

    def _tags(self, head: JournalHead) -> dict[str, str]:
        own = {"journal": head.fingerprint, "experiment": head.content["experiment"], "level": "run", **SOURCE_TAGS}
        return {**{key: as_text(value) for key, value in head.content["tags"].items()}, **own}

    def _pass_what_was_shipped(self, offset: int) -> None:
        self._thinning = Thinning(self._thinning.thin_above)
        if offset:
            for entry in read_journal(self.journal, 0, offset):
                self._thinning.passed(entry)

    def _remember(self, offset: int) -> None:
        assert self._shipped is not None
        self._shipped = Shipped(self._shipped.journal, self._shipped.experiment_id, self._shipped.run_id, offset)
        self._record.put(self.store.name, self._shipped)

    def _ship_entry(self, entry: Entry, head: JournalHead) -> None:
        """Ship what is no metric. The next batch of points remembers it; until then it may be shipped again."""
        try:
            self._ship_content(entry, head)
        except RejectedError as error:
            self._check_run_is_there(error)
            self.warn(f"REFUSED the {entry.kind} entry before byte {entry.end_offset} of {self.journal}: {error}")

    def _ship_content(self, entry: Entry, head: JournalHead) -> None:
        content = entry.content
        match entry.kind:
            case "run":
                self._ship_head(head)
            case "session":
                self.store.set_tags(self.run_id, session_tags(content))
            case "artifact":
                self._ship_picture(content, entry.time_ms)
            case "state":
                status = str(content["status"])
                self._ship_state(status, content["reason"], None if status == "running" else entry.time_ms)

    def _ship_state(self, status: str, reason: str, end_ms: int | None) -> None:
        self.store.set_tags(self.run_id, {"state": status, **({"state_reason": reason} if reason else {})})
        if not reason:
            self.store.remove_tag(self.run_id, "state_reason")
        self.store.set_status(self.run_id, STATUS[status], end_ms)

    def _ship_head(self, head: JournalHead) -> None:
        """Parameters that the store does not have yet, and the datasets."""
        stored = self.store.run(self.run_id)
        params = head.content["params"] if self._params is None else self._params
        new = {key: value for key, value in params.items() if stored is None or key not in stored.params}
        self.store.log_params(self.run_id, new)
        self.store.log_datasets(self.run_id, map(dataset_input, head.content["datasets"]))

    def _ship_picture(self, content: Mapping[str, Any], time_ms: int) -> None:
        path = self.run_dir / content["path"]
        if not path.is_file():
            self.warn(f"{path}: journalled as an artifact, but not there")
        elif is_picture(path):
            self.store.log_picture(self.run_id, path, content["key"], content["step"], time_ms)
        else:
            self.store.log_file(self.run_id, path, f"{content['key']}/step_{content['step']:08d}")

    def _ship_points(self, points: list[Point], offset: int) -> None:
        """Ship points and remember that everything up to `offset` is in the store."""
        assert self._shipped is not None
        for batch in batched(points, self.batch_size):
            try:
                self.store.log_points(self.run_id, batch)
            except RejectedError as error:
                self._check_run_is_there(error)
                self._ship_by_key(batch)
        if offset != self._shipped.offset:
            self._remember(offset)

    def _check_run_is_there(self, error: RejectedError) -> None:
        """Points for a run that was deleted are refused too; that says nothing about the points."""
        if self.store.run(self.run_id) is None:
            raise RunGoneError(str(error)) from error

    def _ship_by_key(self, points: Iterable[Point]) -> None:
        """Ship what can be of a refused batch: a key at a time, for it is mostly a key that is refused."""
        by_key: dict[str, list[Point]] = {}
        for point in points:
            by_key.setdefault(point.key, []).append(point)
        for key, of_key in by_key.items():
            refused = self._ship_bisected(of_key, halve=key not in self._refused_keys)
            if refused == len(of_key):
                self._refused_keys.add(key)

    def _ship_bisected(self, points: list[Point], halve: bool) -> int:
        """Ship all points but those that the store refuses one by one; how many those are."""
        try:
            self.store.log_points(self.run_id, points)
        except RejectedError as error:
            if halve and len(points) > 1:
                middle = len(points) // 2
                return self._ship_bisected(points[:middle], True) + self._ship_bisected(points[middle:], True)
            first = points[0]
            more = f" and {len(points) - 1} more points" if len(points) > 1 else ""
            self.warn(f"REFUSED {first.key} at step {first.step} (value {first.value}){more}: {error}")
            return len(points)
        return 0


def is_picture(path: Path) -> bool:
    """Whether a journalled artifact is there and belongs to a series of pictures."""
    return path.suffix == ".png" and path.is_file()


def experiment_name(head: Mapping[str, Any], prefix: str) -> str:
    """Name of the experiment in the store: one for each dataset, so that its runs can be compared."""
    return f"{prefix}{head['dataset']}"


def run_name(head: Mapping[str, Any]) -> str:
    """Name of the run in the store, "pde seed 0": its experiment there says the dataset, and columns are narrow."""
    return str(head["run_name"]).removeprefix(f"{head['dataset']}/")


def session_tags(session: Mapping[str, Any]) -> dict[str, str]:
    """What one start of the process says about itself; the latest start wins."""
    tags = {
        "git_commit": session.get("git_commit"),
        "git_dirty": session.get("git_dirty"),
        "mlflow.source.git.commit": session.get("git_commit"),
        "device": session.get("device"),
        "precision": session.get("precision"),
        "resumed_at": session.get("resumed_at") or None,
        "hardware": (session.get("hardware") or {}).get("cpu"),
        "torch": (session.get("packages") or {}).get("torch"),
    }
    return {key: as_text(value) for key, value in tags.items() if value is not None}


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def dataset_input(dataset: Mapping[str, Any]) -> DatasetInput:
    """A dataset of the journal's head as an input of the run."""
    part = str(dataset["part"])
    name = f"{dataset['name']} ({part})"
    return DatasetInput(name, str(dataset["digest"]), CONTEXTS.get(part, part), str(dataset["source"]))
