"""The JSON files that a run leaves, with their schema versions: training.json and metrics.json."""

import json
from pathlib import Path
from typing import Any

from pipeline_lib.runtime.atomic import write_json

TRAINING_SCHEMA = 1
METRICS_SCHEMA = 2


def write_training(path: Path, content: dict[str, Any]) -> None:
    """Write training.json: summary and provenance of a training."""
    write_json(path, {"schema_version": TRAINING_SCHEMA, **content})


def read_training(path: Path) -> dict[str, Any]:
    """Read training.json; raises ValueError naming the file where it is not one."""
    return _read(path, TRAINING_SCHEMA, {"experiment", "seed", "digest", "iterations", "provenance"})


def write_metrics(path: Path, content: dict[str, Any]) -> None:
    """Write metrics.json: aggregates and horizons of an evaluation (records/scores.py describes `protocols`)."""
    write_json(path, {"schema_version": METRICS_SCHEMA, **content})


def read_metrics(path: Path) -> dict[str, Any]:
    """Read metrics.json; raises ValueError naming the file where it is not one."""
    return _read(path, METRICS_SCHEMA, {"experiment", "seed", "digest", "protocols", "provenance"})


def _read(path: Path, version: int, required: set[str]) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}); delete it and start the pipeline again") from error
    if not isinstance(content, dict) or content.get("schema_version") != version:
        raise ValueError(f"{path}: schema version {version} expected; delete it and start the pipeline again")
    if missing := sorted(required - content.keys()):
        raise ValueError(f"{path}: lacks {', '.join(missing)}; delete it and start the pipeline again")
    return content
