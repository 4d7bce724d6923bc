"""What a pipeline talks to: its tracking store, and SLURM. Every question has a time limit."""

import os
import shutil
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline_lib.cli.findings import Finding
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.config.tracking import without_credentials
from pipeline_lib.config.yaml_files import read_mapping
from pipeline_lib.runtime.file_systems import file_system, is_network, nearest_folder
from pipeline_lib.tracking.connection import sqlite_path

TRACKING, SLURM = "tracking", "SLURM"
SLURM_SECONDS = 10.0
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
LATER = "`python -m pipeline_lib track --all RESULTS_DIR` catches up once it can be used."


def tracking_findings(pipeline: Pipeline, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Whether the tracking store can be used."""
    settings = pipeline.settings.tracking
    if not settings.enabled:
        yield Finding("note", TRACKING, "Tracking is off: journals are left, and reach no store.")
        return
    uri = settings.resolved_uri(pipeline.paths.results_dir, environ)
    path = sqlite_path(uri)
    if path is not None:
        yield from of_sqlite(path)
        if settings.live and shutil.which("sinfo"):
            yield Finding(
                "warning",
                TRACKING,
                "The store is an SQLite file, which does not bear jobs that write from several machines.",
                "Let tracking.uri name a server, or set tracking.live to false, if you run on SLURM.",
            )
    else:
        yield from of_server(uri, settings.timeout)


def of_sqlite(path: Path) -> Iterator[Finding]:
    """A store in a file of this machine, or of a disk that it shares."""
    folder = nearest_folder(path.parent)
    kind = file_system(folder)
    if is_network(kind):
        yield Finding(
            "warning",
            TRACKING,
            f"{path} is on a network file system ({kind}), where SQLite may lock for ever or lose what is written.",
            "Let tracking.uri name a server or a local file, or set tracking.live to false.",
        )
    place = path if path.exists() else folder
    if not os.access(place, os.W_OK) or not os.access(folder, os.W_OK):
        do = f"Change the permissions, or set tracking.uri; {LATER}"
        yield Finding("problem", TRACKING, f"{place} cannot be written to.", do)
        return
    if not path.exists():
        yield Finding("ok", TRACKING, f"{path} is made when the pipeline starts.")
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            n_runs = database.execute("SELECT count(*) FROM runs").fetchone()[0]
    except sqlite3.OperationalError as error:
        what = f"{path} is busy, or no store yet ({error})."
        yield Finding("warning", TRACKING, what, "Ask again later; if it stays so, move it away, and `track --all`.")
    except sqlite3.DatabaseError as error:
        what = f"{path} is not an SQLite database ({error})."
        yield Finding("problem", TRACKING, what, "Move it away; `track --all` makes it again from the runs.")
    else:
        yield Finding("ok", TRACKING, f"{path} can be read and written, and has {n_runs} runs.")


def of_server(uri: str, timeout: float) -> Iterator[Finding]:
    """A store behind an address."""
    name, parts = without_credentials(uri), urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    try:
        if scheme in ("http", "https"):
            _ask(f"{name.rstrip('/')}/health", timeout)
        else:
            socket.create_connection((parts.hostname or "localhost", parts.port or PORTS[scheme]), timeout).close()
    except urllib.error.HTTPError as error:
        what = f"{name} answers, but not as an MLflow server does (HTTP {error.code} for /health)."
        yield Finding("warning", TRACKING, what, "Compare tracking.uri, or MLFLOW_TRACKING_URI, with its address.")
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", None) or error
        yield Finding(
            "problem",
            TRACKING,
            f"{name} does not answer within {timeout:g} s ({reason}): trainings go on, the stage `track` fails.",
            f"Start the server, or set tracking.uri; {LATER}",
        )
    else:
        yield Finding("ok", TRACKING, f"{name} answers.")


def _ask(address: str, timeout: float) -> None:
    with urllib.request.urlopen(address, timeout=timeout) as answer:
        answer.read(100)


def slurm_findings(profile: Path) -> Iterator[Finding]:
    """Whether SLURM answers, and has the partitions that the profile (slurm/config.yaml) names."""
    if shutil.which("sinfo") is None or shutil.which("squeue") is None:
        yield Finding("note", SLURM, "no SLURM here: jobs run on this machine.")
        return
    partitions, error = _answer("sinfo", "--noheader", "--format=%R")
    if error == "":
        _, error = _answer("squeue", "--noheader", "--me")
    if error:
        what = f"SLURM does not answer ({error})."
        yield Finding("problem", SLURM, what, "Ask who runs the cluster; without `--profile slurm`, jobs run here.")
        return
    there = set(partitions.split())
    if not profile.is_file():
        do = "Run from a clone, or give `--profile` one of your own."
        yield Finding("note", SLURM, f"SLURM answers; there is no {profile}.", do)
        return
    named = partitions_named(read_mapping(profile))
    if lacking := sorted(named - there):
        what = f"{profile} names the partitions {', '.join(lacking)}; this cluster has {', '.join(sorted(there))}."
        yield Finding("problem", SLURM, what, f"Change slurm_partition in {profile}.")
    else:
        yield Finding("ok", SLURM, f"SLURM answers, and has the partitions of {profile} ({', '.join(sorted(named))}).")


def partitions_named(profile: Mapping[str, Any]) -> set[str]:
    """Every partition in a profile, for all jobs or those of one rule; a comma separates several."""
    of_rules = profile.get("set-resources")
    sections = [profile.get("default-resources"), *(of_rules.values() if isinstance(of_rules, Mapping) else ())]
    texts = [
        str(each["slurm_partition"]) for each in sections if isinstance(each, Mapping) and "slurm_partition" in each
    ]
    return {name for text in texts for name in text.split(",")}


def _answer(*command: str) -> tuple[str, str]:
    """What a command prints, and "" or why it does not; these wait for minutes when the controller is down."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SLURM_SECONDS)
    except subprocess.TimeoutExpired:
        return "", f"no answer of {command[0]} within {SLURM_SECONDS:g} s"
    except OSError as error:
        return "", f"{command[0]} cannot be started: {error.strerror}"
    last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    return done.stdout, "" if done.returncode == 0 else f"{command[0]}: {last[0]}"
