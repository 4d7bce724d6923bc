"""Reaching a tracking store: addresses, bounded waiting, a database that is there and up to date, errors by kind."""

import logging
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from pipeline_lib.config.tracking import without_credentials
from pipeline_lib.runtime.locks import FileLock, lease_one

RETRIES = 2
MIGRATION_SECONDS = 300.0

_SET_BY_USER = frozenset(os.environ)

Result = TypeVar("Result")


class StoreUnavailableError(ValueError):
    """The store cannot be reached or used now; the same request may succeed later."""


class RejectedError(ValueError):
    """The store will never accept what it was given."""


class RunGoneError(ValueError):
    """The store does not know the run any more."""


def absolute(uri: str) -> str:
    """`uri`, with the path of an SQLite file made absolute. Raises ValueError for a store of another kind."""
    if path := sqlite_path(uri):
        return f"sqlite:///{path}"
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme == "file":
        raise ValueError(
            f"tracking store {without_credentials(uri)}: a folder of files can't be used; give "
            "sqlite:////PATH/mlflow.db, or the http:// address of a server"
        )
    return uri


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other."""
    return Path(uri.removeprefix("sqlite:///")).absolute() if uri.startswith("sqlite:///") else None


def prepare_process(timeout: float) -> None:
    """Set what mlflow reads from the environment: no telemetry, `timeout` seconds for an answer, few retries, silence.

    What the user has set stays as it is. Call it before mlflow is imported, and again for another timeout.
    """
    wanted = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, math.ceil(timeout))),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(RETRIES),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # errors reach the caller as exceptions and are told once, by us
        # A pooled connection would go on writing to a database file that was deleted or replaced.
        "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
    }
    os.environ.update({name: value for name, value in wanted.items() if name not in _SET_BY_USER})
    logging.getLogger("urllib3.connectionpool").setLevel(logging.CRITICAL)


def load_mlflow(timeout: float) -> None:
    """Import mlflow, which takes seconds, before anything is timed."""
    prepare_process(timeout)
    import mlflow  # noqa: F401


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn errors of mlflow and of what is under it into StoreUnavailableError, RejectedError or RunGoneError."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        text = f"tracking store {without_credentials(uri)}: {_first_line(error)}"
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise RunGoneError(text) from error
        if error.get_http_status_code() in (400, 422):
            raise RejectedError(text) from error
        raise StoreUnavailableError(text) from error
    except Exception as error:
        # requests' errors are OSErrors; a database driver that cannot connect raises its own.
        if not isinstance(error, OSError) and not type(error).__module__.startswith("sqlalchemy"):
            raise
        raise StoreUnavailableError(f"tracking store {without_credentials(uri)}: {_first_line(error)}") from error


def prepare_database(uri: str, say: Callable[[str], None] = print) -> None:
    """Make an SQLite store's database where there is none, whoever else is about to do the same. Other stores: nothing.

    mlflow's own way breaks when several processes begin on an empty file at once. The database is made aside and
    takes its name when it is whole, so that a process killed at it leaves nothing half done.
    """
    path = sqlite_path(uri)
    if path is None or _has_tables(path):
        return
    _, lock = lease_one(path.parent, [f".{path.name}"], MIGRATION_SECONDS)
    with _released_after(lock):
        if _has_tables(path):
            return
        if path.exists() and path.stat().st_size:
            _migrate(path, lock)  # Something was begun here by somebody else: complete it.
            return
        say(f"making the tracking database {path}")
        aside = path.with_name(f".{path.name}.new")
        aside.unlink(missing_ok=True)
        _migrate(aside, lock)
        os.replace(aside, path)


def upgrade_database(uri: str, say: Callable[[str], None] = print) -> bool:
    """Bring an SQLite store that an earlier mlflow made up to date, keeping a copy; False for any other store."""
    path = sqlite_path(uri)
    if path is None:
        return False
    _, lock = lease_one(path.parent, [f".{path.name}"], MIGRATION_SECONDS)
    with _released_after(lock):
        copy = path.with_name(f"{path.name}.before-upgrade")
        say(f"bringing {path} up to date for the installed mlflow; what it was is kept as {copy.name}")
        shutil.copyfile(path, copy)
        _migrate(path, lock)
    return True


@contextmanager
def _released_after(lock: FileLock) -> Iterator[None]:
    """Release a lock that is held already when the block ends."""
    try:
        yield
    finally:
        lock.release()


def within(seconds: float, work: Callable[[], Result], what: str) -> Result:
    """The result of `work`, or StoreUnavailableError when that takes longer than `seconds`.

    `work` goes on in a daemon thread that the end of the process does not wait for.
    """
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name=what)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not outcome:
        raise StoreUnavailableError(f"{what}: no answer within {seconds:g} s")
    return outcome[0]


def _has_tables(path: Path) -> bool:
    """Whether an SQLite file holds a store that some version of mlflow finished making."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute("SELECT count(*) FROM alembic_version").fetchone()[0] > 0
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"{path}: not an SQLite database ({error}); move it away, and `track --all` makes it again"
        ) from error


def _migrate(path: Path, lock: FileLock) -> None:
    """Run mlflow's migrations in a process of their own: they would change this process's logging.

    The lock is theirs too, so that nobody begins anew while they go on after this process was killed.
    """
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{path}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MIGRATION_SECONDS,
            pass_fds=[lock.descriptor],
        )
    except subprocess.TimeoutExpired as error:
        raise StoreUnavailableError(f"{path}: making the tables took more than {MIGRATION_SECONDS:g} s") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ValueError(
            f"{path}: mlflow could not make its tables ({''.join(last)}); move the file away, and `track --all` makes "
            "it again from the run folders"
        )


def _first_line(error: BaseException) -> str:
    text = without_credentials(str(error)).strip() or type(error).__name__
    return text.splitlines()[0][:400]
