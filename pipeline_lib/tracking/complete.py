"""Making the store hold everything that a run left, and proving it: every journalled point is counted there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline_lib.records.journal import read_journal
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.tracking.points import THIN_ABOVE, Comparison, Curves, Thinning, compare
from pipeline_lib.tracking.run_folder import RunFolder
from pipeline_lib.tracking.ship import Shipper, as_text, is_picture
from pipeline_lib.tracking.store import NOTE_TAG, Store, StoredRun, picture_name

SCHEMA_VERSION = 1


class IncompleteError(ValueError):
    """The store does not hold what the run left; the message names each curve with its counts."""


def complete(
    run: RunFolder,
    store: Store,
    options: StoreOptions,
    files: Sequence[Path] = (),
    say: Callable[[str], None] = print,
    thin_above: int = THIN_ABOVE,
) -> dict[str, Any]:
    """Ship what is left of a run's journal, add its results, check; the content of tracked.json.

    files: figures to keep beside those in the run folder. say: told of what had to be repaired or was refused.
    Raises IncompleteError where, after one attempt to repair it, the store differs from the files, LockHeldError
    where another process is shipping the run, StoreUnavailableError where the store does not answer.
    """
    shipper = Shipper(
        run.journal,
        run.folder,
        store,
        experiment_prefix=options.experiment_prefix,
        batch_size=options.batch_size,
        params=run.params(),
        warn=say,
        thin_above=thin_above,
    )
    with shipper:
        offset = shipper.ship()
        check = _Check(run, store, files, thin_above)
        stored = check.add_results(shipper.run_id)
        found = check.compare(stored, offset)
        if found.extra:
            say(f"{run.label}: replacing the stored run, which contradicts the files: {'; '.join(found.extra)}")
            offset = shipper.replace(stored)
        elif found.missing:
            say(f"{run.label}: shipping the journal once more: {'; '.join(found.missing)}")
            offset = shipper.replay()
        if found.extra or found.missing:
            stored = check.add_results(shipper.run_id)
            found = check.compare(stored, offset)
        if found.extra or found.missing:
            raise IncompleteError(
                f"{run.folder}: tracking store {store.name} does not hold what the run left: "
                + "; ".join([*found.missing, *found.extra])
            )
        check.add_model(stored)
    return {
        "schema_version": SCHEMA_VERSION,
        "uri": store.name,
        "experiment": f"{options.experiment_prefix}{run.head.content['dataset']}",
        "experiment_id": stored.experiment_id,
        "run_id": stored.run_id,
        "run_name": stored.name,
        "status": stored.status,
        "points": check.expected(offset).counts(),
        "thinned": check.thinned,
        "files": [path.name for path, _ in check.files],
    }


class _Check:
    """One run's results, and what the store should hold of it."""

    def __init__(self, run: RunFolder, store: Store, files: Sequence[Path], thin_above: int) -> None:
        self.run, self.store, self.thin_above = run, store, thin_above
        self.files = list(dict.fromkeys([*run.files(), *((path, "figures") for path in files)]))
        self.thinned: list[str] = []

    def add_results(self, run_id: str) -> StoredRun:
        """Add what training and evaluation left; a second time changes nothing. The run as it is stored then."""
        store, run = self.store, self.run
        store.set_tags(run_id, run.tags())
        before = self._stored(run_id)
        if NOTE_TAG not in before.tags and (note := run.note()):
            store.set_tags(run_id, {NOTE_TAG: note})  # A description that somebody wrote stays.
        params = run.params()
        store.log_params(run_id, {key: params[key] for key in params if key not in before.params})
        store.log_datasets(run_id, run.datasets())
        store.log_points(run_id, [*run.scores(), *run.horizons()])
        for path, folder in self.files:
            store.log_file(run_id, path, folder)
        if reason := run.death():
            store.set_tags(run_id, {"state": "killed", "state_reason": reason})
            store.set_status(run_id, "KILLED", run.end_ms)
        return self._stored(run_id)

    def compare(self, stored: StoredRun, offset: int) -> Comparison:
        """Hold points, parameters and datasets in the store against the files."""
        expected = self.expected(offset)
        keys = sorted(stored.metric_keys | expected.by_key.keys())
        points = compare(expected, Curves(p for key in keys for p in self.store.history(stored.run_id, key)))
        missing, extra = list(points.missing), list(points.extra)
        for key, value in self.run.params().items():
            if key not in stored.params:
                missing.append(f"parameter {key}: not stored, should be {value}")
            elif stored.params[key] != as_param(value):
                extra.append(f"parameter {key}: {stored.params[key]} is stored, should be {value}")
        datasets = {(dataset.name, dataset.short_digest) for dataset in self.run.datasets()}
        missing += self._missing_pictures(stored.run_id, offset)
        missing += [f"dataset {name} {digest}: not stored" for name, digest in sorted(datasets - stored.datasets)]
        extra += [f"dataset {name} {digest}: was not used" for name, digest in sorted(stored.datasets - datasets)]
        return Comparison(missing, extra)

    def expected(self, offset: int) -> Curves:
        """Every point that the store should hold."""
        curves, thinning = Curves(), Thinning(self.thin_above)
        for entry in read_journal(self.run.journal, 0, offset):
            for point in thinning.passed(entry):
                curves.add(point)
        for point in [*self.run.scores(), *self.run.horizons()]:
            curves.add(point)
        self.thinned = [f"{key}: of {thinning.journalled[key]} points" for key in thinning.thinned]
        return curves

    def _missing_pictures(self, run_id: str, offset: int) -> list[str]:
        """Journalled pictures that are on the disk and not in the store."""
        expected = {
            picture_name(entry.content["key"], entry.content["step"], entry.time_ms): entry.content["path"]
            for entry in read_journal(self.run.journal, 0, offset)
            if entry.kind == "artifact" and is_picture(self.run.folder / entry.content["path"])
        }
        stored = self.store.picture_names(run_id) if expected else set()
        return [f"picture {path}: not stored" for name, path in expected.items() if name not in stored]

    def add_model(self, stored: StoredRun) -> None:
        """The run's model with its scores on the test part, so that models can be searched by them.

        Comes last: a model keeps one value of each score, and the run is known to agree with the files by then.
        """
        run, scores = self.run, self.run.scores()
        if not scores:
            return
        head = run.head.content
        tags = {**run.tags(), "experiment": head["experiment"], "digest": head["digest"], "run": run.label}
        shown = {key: as_text(value) for key, value in run.params().items() if key.startswith("model.")}
        model_id = self.store.model(stored, model_name(stored.name), tags, shown)
        self.store.log_points(stored.run_id, scores, model_id, run.test_data())

    def _stored(self, run_id: str) -> StoredRun:
        stored = self.store.run(run_id)
        if stored is None:
            raise IncompleteError(f"{self.run.folder}: its run was deleted while it was tracked; track it again")
        return stored


def as_param(value: Any) -> str:
    """What the store answers when asked for a parameter."""
    return str(value)[:6000]


def model_name(label: str) -> str:
    """A name that the store takes for a model: "pde seed 0" -> "pde-seed-0"."""
    return "-".join("".join(c if c.isalnum() or c in "_-" else " " for c in label).split())
