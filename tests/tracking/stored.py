"""Looking into stores: what is held of a run, and changing it behind the store's back."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pipeline_lib.records.journal import metric_points, read_journal
from pipeline_lib.tracking.points import as_stored
from pipeline_lib.tracking.store import Store
from tests.tracking.run_folder import FakeRun

Curve = list[tuple[int, int, float | None]]


def held(store: Store, run_id: str) -> dict[str, Curve]:
    """(step, time, value) of every stored point by key; a point that is stored twice stands there twice."""
    stored = store.run(run_id)
    assert stored is not None
    return {
        key: sorted((p.step, p.time_ms, as_stored(p.value)) for p in store.history(run_id, key))
        for key in stored.metric_keys
    }


def journalled(run: FakeRun) -> dict[str, Curve]:
    """The same of a run's journal."""
    curves = metric_points(read_journal(run.journal_path))
    return {key: sorted((step, ms, as_stored(value)) for step, ms, value in points) for key, points in curves.items()}


def change(results_dir: Path, statement: str) -> None:
    """Carry out an SQL statement on the store of a results folder."""
    with closing(sqlite3.connect(results_dir / "mlflow.db")) as database:
        database.execute(statement)
        database.commit()
