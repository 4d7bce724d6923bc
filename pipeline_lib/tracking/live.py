"""Shipping while a training goes on: a thread that never blocks it, fails it or outlives it."""

import importlib.util
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_lib.tracking.options import StoreOptions

if TYPE_CHECKING:
    from pipeline_lib.tracking.ship import Shipper

LOG_NAME = "shipper.log"
LONGEST_PAUSE = 60.0


def start(journal: Path, run_dir: Path, options: StoreOptions) -> "LiveShipper | None":
    """Begin shipping a journal, which need not exist yet; paths of its artifacts count from `run_dir`.

    Returns at once; None, after saying so, where mlflow is not installed. Whatever goes wrong later is written to
    `shipper.log` beside the journal, and `track` catches up with it.
    """
    if importlib.util.find_spec("mlflow") is None:
        print("mlflow is not installed: the journal is kept, and `track` ships it once mlflow is there", flush=True)
        return None
    return LiveShipper(journal, run_dir, options)


class LiveShipper:
    """The thread that `start` begins. It is a daemon: the end of the process does not wait for it."""

    def __init__(self, journal: Path, run_dir: Path, options: StoreOptions) -> None:
        self.journal, self.run_dir, self.options = journal, run_dir, options
        self._stop = threading.Event()
        self._log = _Log(journal.parent / LOG_NAME)
        self._shipper: Shipper | None = None
        self._shipped = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"shipping {journal}")
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ship the rest and end, within `timeout` seconds; whether the whole journal is in the store."""
        self._stop.set()
        self._thread.join(timeout)
        return not self._thread.is_alive() and self._is_complete()

    def _is_complete(self) -> bool:
        return self.journal.exists() and self._shipped == self.journal.stat().st_size

    def _run(self) -> None:
        """Ship every `interval` seconds until told to stop, then once more; pause longer after each failure."""
        pause, is_last = self.options.interval, False
        while not is_last:
            is_last = self._stop.wait(pause)
            if self._is_complete():
                continue
            try:
                self._ship()
                pause = self.options.interval
            except Exception as error:  # Nothing that happens here may reach the training.
                self._log.write(f"{type(error).__name__}: {error}")
                pause = min(2 * pause, max(LONGEST_PAUSE, self.options.interval))
                self._close()
        self._close()

    def _ship(self) -> None:
        # Imported here, because importing mlflow takes seconds, and because a training starts even if that fails.
        from pipeline_lib.tracking.ship import Shipper
        from pipeline_lib.tracking.store import open_store

        if self._shipper is None:
            shipper = Shipper(
                self.journal,
                self.run_dir,
                open_store(self.options.uri, self.options.timeout, self._log.write),
                experiment_prefix=self.options.experiment_prefix,
                batch_size=self.options.batch_size,
                warn=self._log.write,
            )
            self._shipper = shipper.__enter__()
        self._shipped = self._shipper.ship()

    def _close(self) -> None:
        if self._shipper is not None:
            self._shipper.__exit__()
            self._shipper = None


class _Log:
    """A file with what went wrong; the same message is not written twice in a row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = ""

    def write(self, message: str) -> None:
        if message == self._last:
            return
        self._last = message
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        try:
            with open(self._path, "a") as stream:
                stream.write(f"{stamp} {message}\n")
        except OSError:
            pass  # A full disk must not end the shipping; the journal is where it shows.
