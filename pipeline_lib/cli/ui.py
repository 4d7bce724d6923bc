"""`ui`: open the web page of a results folder's tracking store, on this machine only, until Ctrl-C."""

import argparse
import importlib.util
import os
import socket
import sys
from pathlib import Path

from pipeline_lib.config.tracking import TrackingSettings, without_credentials
from pipeline_lib.tracking.connection import sqlite_path
from pipeline_lib.tracking.server import SERVER_VARIABLES, server_command
from pipeline_lib.tracking.store import open_store

DEFAULT_RESULTS = Path("results")
DEFAULT_PORT = 5000
HOST = "127.0.0.1"
# Without its last part, mlflow opens a page about language models.
RUNS_PAGE = "#/experiments/{}/runs?workflowType=machine_learning"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ui`."""
    parser.add_argument(
        "--results-dir",
        type=Path,
        metavar="DIR",
        help=f"results folder whose store to open (default: {DEFAULT_RESULTS}, or the only one under it that has one)",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help=f"port (default: {DEFAULT_PORT}, or a free one where that is taken)"
    )


def run(args: argparse.Namespace) -> int:
    """Become the server's process. Raises ValueError where there is no store, no mlflow, or the port is taken."""
    uri = TrackingSettings().resolved_uri(_results_dir(args.results_dir))
    path = sqlite_path(uri)
    if path is None:
        print(f"MLFLOW_TRACKING_URI names a server: its web page is at {without_credentials(uri)}")
        return 0
    if not path.is_file():
        raise ValueError(f"there is no store at {path} yet; run the pipeline, or `python -m pipeline_lib track --all`")
    if importlib.util.find_spec("mlflow") is None:
        raise ModuleNotFoundError("mlflow", name="mlflow")
    port = _port(args.port)
    address = f"http://{HOST}:{port}"
    print(f"In a few seconds the runs of {path.parent} are at {address}; Ctrl-C ends this.")
    for name, experiment_id in open_store(uri, timeout=10.0).experiments().items():
        print(f"  {name}: {address}/{RUNS_PAGE.format(experiment_id)}")
    sys.stdout.flush()
    os.environ.update(SERVER_VARIABLES)
    command = server_command(uri, path.parent / "mlartifacts", HOST, port)
    os.execv(sys.executable, command)


def _results_dir(given: Path | None) -> Path:
    if given is not None:
        return given
    if (DEFAULT_RESULTS / "mlflow.db").is_file():
        return DEFAULT_RESULTS
    others = sorted(path.parent for path in DEFAULT_RESULTS.glob("*/mlflow.db"))
    if len(others) > 1:
        raise ValueError(f"several folders have a store: give --results-dir {' or '.join(map(str, others))}")
    return others[0] if others else DEFAULT_RESULTS


def _port(wanted: int | None) -> int:
    """The port asked for, or ValueError where it is taken; without a wish the usual one, else any free one."""
    for port in [wanted] if wanted is not None else [DEFAULT_PORT, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ValueError(f"port {wanted} is taken or not allowed; choose another, or leave --port out")
