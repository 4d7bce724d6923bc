"""Settings of the tracking: where runs are shipped, and how."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from pipeline_lib.config.section import Section


class TrackingSettings(Section):
    """Shipping of journals to MLflow. Nothing here can change a number."""

    enabled: bool = Field(True, description="false: no `track` stage; journals and result files are left all the same.")
    uri: str | None = Field(
        None,
        pattern=r"^(sqlite|postgresql|mysql|mssql|https?)(\+[a-z0-9]+)?://",
        description="MLflow store or server; null: sqlite under results_dir. MLFLOW_TRACKING_URI overrides it. "
        "It stands in logs: no passwords.",
    )
    experiment_prefix: str = Field("", max_length=200, description="Put before the names of MLflow experiments.")
    live: bool = Field(True, description="Ship while training goes on; false: only the `track` stage ships.")
    batch_size: int = Field(1000, ge=1, le=1000, description="Points in one request [points].")
    interval: float = Field(5.0, gt=0, le=3600, description="Wall time between live shipments [s].")
    timeout: float = Field(10.0, gt=0, le=3600, description="Longest wait for one answer of a server [s].")

    def resolved_uri(self, results_dir: Path, environ: Mapping[str, str] = os.environ) -> str:
        """MLFLOW_TRACKING_URI, else `uri`, else the sqlite file <results_dir>/mlflow.db (by its absolute path)."""
        return environ.get("MLFLOW_TRACKING_URI") or self.uri or f"sqlite:///{results_dir.resolve() / 'mlflow.db'}"

    def arguments(self, results_dir: Path, environ: Mapping[str, str] = os.environ) -> list[str]:
        """What stages are to be told on the command line: what differs from their defaults.

        An address from the environment is left there: it may hold a password, and commands stand in logs.
        """
        told = [] if environ.get("MLFLOW_TRACKING_URI") else ["--tracking", self.resolved_uri(results_dir, {})]
        for key in ("experiment_prefix", "batch_size", "interval", "timeout"):
            if getattr(self, key) != type(self).model_fields[key].default:
                told += [f"--{key.replace('_', '-')}", str(getattr(self, key))]
        return told


def without_credentials(uri: str) -> str:
    """An address without the user and password that may stand in it."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", uri)
