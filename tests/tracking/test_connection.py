"""Reaching a store: addresses, databases of other versions, bounded waiting."""

import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from pipeline_lib import cli
from pipeline_lib.runtime.locks import FileLock
from pipeline_lib.tracking import connection
from pipeline_lib.tracking.connection import StoreUnavailableError, absolute, prepare_database, within
from pipeline_lib.tracking.store import open_store
from tests.tracking.stored import change

DOWNGRADE = """
import sys
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
command.downgrade(_get_alembic_config(sys.argv[1]), "-1")
"""


def test_the_path_of_a_database_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("sqlite:///here/mlflow.db") == f"sqlite:///{tmp_path}/here/mlflow.db"
    assert absolute("http://me:secret@127.0.0.1:5000") == "http://me:secret@127.0.0.1:5000"


@pytest.mark.parametrize("uri", ["mlruns", "/some/mlruns", "file:///some/mlruns"])
def test_a_folder_of_files_is_no_store(uri):
    with pytest.raises(ValueError, match="a folder of files can't be used; give sqlite:////PATH/mlflow.db"):
        absolute(uri)


def test_work_that_takes_too_long_is_left_behind():
    release = threading.Event()
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="the store: no answer within 0.1 s"):
        within(0.1, release.wait, "the store")
    assert time.monotonic() - began < 5
    release.set()


def test_errors_of_work_come_through():
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0, "the store")
    assert within(5, lambda: None, "the store") is None


def test_a_database_of_an_earlier_version_is_brought_up_to_date(results_dir, options):
    subprocess.run([sys.executable, "-c", DOWNGRADE, options.uri], check=True, capture_output=True)
    assert open_store(options.uri, 5).experiment("wave_eq_100") == "1"


def test_a_database_of_a_later_version_is_named_and_kept(results_dir, options, capsys):
    change(results_dir, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    assert cli.main(["track", "--initialise", "--tracking", options.uri]) == 1
    assert "mlflow could not make its tables" in capsys.readouterr().err
    assert (results_dir / "mlflow.db.before-upgrade").is_file()


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_text("this is a note to myself, not a database at all\n" * 50)
    with pytest.raises(ValueError, match="mlflow.db: not an SQLite database"):
        prepare_database(f"sqlite:///{path}")
    assert path.read_text().startswith("this is a note")


def test_an_unfinished_database_does_not_take_the_name(tmp_path, monkeypatch):
    path = tmp_path / "mlflow.db"

    def killed(aside, lock):
        aside.write_bytes(b"half a database")
        raise KeyboardInterrupt

    monkeypatch.setattr(connection, "_migrate", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_database(f"sqlite:///{path}", lambda _: None)
    assert not path.exists()
    with closing(open(path.with_name(".mlflow.db.new"), "rb")) as left:
        assert left.read() == b"half a database"
    with FileLock(path.with_name(".mlflow.db.lock")):
        pass
