"""Where a result comes from: commit, package versions, hardware."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "h5py", "safetensors", "pydantic", "scikit-image", "snakemake", "mlflow")


def _git(*arguments: str) -> str | None:
    folder = Path(__file__).resolve().parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@cache
def code_version() -> dict[str, Any]:
    """Commit of the checkout that holds this package, whether it had uncommitted changes; None outside a checkout."""
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {"git_commit": commit, "git_dirty": bool(status) if commit else None}


def package_versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that matter."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def cpu_name() -> str:
    """The processor's model name, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def hardware() -> dict[str, Any]:
    """Processor, cores and operating system; no host name, user name or path."""
    return {"cpu": cpu_name(), "cpu_count": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def provenance() -> dict[str, Any]:
    """All of the above, and the interpreter's implementation."""
    return {
        **code_version(),
        "packages": package_versions(),
        "hardware": hardware(),
        "implementation": sys.implementation.name,
    }
