"""How MLflow's server is started: small, on this machine only, without telemetry."""

import sys
from pathlib import Path

# Job execution (evaluation of language models) costs thirteen processes and 2.5 GB that nothing here uses.
SERVER_VARIABLES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "PYTHONWARNINGS": "ignore",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def server_command(uri: str, artifacts: Path, host: str, port: int) -> list[str]:
    """The command line of a server with the web page on `port`, for the database at `uri`."""
    return [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", host, "--port", str(port)),
        *("--backend-store-uri", uri, "--artifacts-destination", str(artifacts)),
        *("--uvicorn-opts", "--log-level warning"),
    ]
