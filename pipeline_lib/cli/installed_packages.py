"""Python and the packages of this installation against pyproject.toml, which says what works, and constraints.txt."""

import platform
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipeline_lib.cli import INSTALL
from pipeline_lib.cli.findings import Finding, Level

PROJECT = Path(__file__).resolve().parents[2]

MISSING: Mapping[str, tuple[Level, str]] = {
    "workflow": ("warning", "single stages work, the pipeline does not start"),
    "slurm": ("note", "`snakemake --profile slurm` does not start"),
    "tracking": ("warning", "journals are left, and reach no tracking store"),
    "reporting": ("warning", "no figures are drawn"),
    "metrics": ("warning", "experiments scored by SSIM cannot be evaluated"),
    "samples": ("note", "the sample of MNIST cannot be made"),
    "netcdf": ("note", "SST cannot be prepared"),
    "mots": ("note", "pedestrians cannot be cut from the release of MOTS"),
}
"""Extra -> how bad it is to be without one of its packages, and what follows. What is in no list: of no consequence."""

_COMPARISONS = {
    ">=": lambda found, bound: found >= bound,
    "<=": lambda found, bound: found <= bound,
    "==": lambda found, bound: found == bound,
    "!=": lambda found, bound: found != bound,
    ">": lambda found, bound: found > bound,
    "<": lambda found, bound: found < bound,
}


@dataclass(frozen=True)
class Requirement:
    """A declared dependency: its name, the bounds as they are written, the extra that wants it (None: the core)."""

    name: str
    bounds: str
    extra: str | None


def python_findings(project: Path = PROJECT) -> Iterator[Finding]:
    """Whether this Python is one that the project is made for."""
    bounds, found = str(_declared(project)["requires-python"]), platform.python_version()
    if is_within(found, bounds):
        yield Finding("ok", "Python", f"Python {found} is within {bounds}.")
    else:
        yield Finding(
            "problem",
            "Python",
            f"Python {found} is not within {bounds}.",
            "Make .venv anew with another one: `make PYTHON=/path/to/python3.11 test`.",
        )


def package_findings(project: Path = PROJECT) -> Iterator[Finding]:
    """Packages that are missing, outside the bounds, or of another version than the tested one."""
    pins = tested_versions(project)
    wanted = list(requirements(project))
    others = []
    n_fine = 0
    for requirement in wanted:
        found = installed_version(requirement.name)
        if found is None:
            yield from _missing(requirement)
        elif not is_within(found, requirement.bounds):
            yield Finding(
                "problem" if requirement.extra is None else "warning",
                "packages",
                f"{requirement.name} {found} is not within {requirement.bounds}.",
                f"`{INSTALL}` installs the tested {pins.get(canonical(requirement.name), 'version')}.",
            )
        else:
            n_fine += 1
            pin = pins.get(canonical(requirement.name))
            if pin is not None and pin != found.partition("+")[0]:
                others.append(f"{requirement.name} {found} (tested: {pin})")
    if others:
        yield Finding(
            "note",
            "packages",
            f"Within bounds, but not of the tested version: {', '.join(others)}.",
            f"Nothing, or `{INSTALL}` for the tested versions.",
        )
    if n_fine:
        yield Finding("ok", "packages", f"{n_fine} of {len(wanted)} packages are there, within their bounds.")


def _missing(requirement: Requirement) -> Iterator[Finding]:
    if requirement.extra is None:
        what = f"{requirement.name} is missing, without which little works."
        yield Finding("problem", "packages", what, f"`{INSTALL}`")
    elif requirement.extra in MISSING:
        level, consequence = MISSING[requirement.extra]
        yield Finding(level, "packages", f"{requirement.name} is missing: {consequence}.", f"`{INSTALL}`")


def requirements(project: Path = PROJECT) -> Iterator[Requirement]:
    """The core's dependencies and those of every extra but `all`, which repeats them."""
    declared = _declared(project)
    lists: dict[str | None, list[str]] = {None: declared["dependencies"], **declared["optional-dependencies"]}
    for extra, lines in lists.items():
        if extra == "all":
            continue
        for line in lines:
            parts = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;\[]*)(?:;.*)?", line)
            assert parts, line
            yield Requirement(parts[1], parts[2].strip(), extra)


def tested_versions(project: Path = PROJECT) -> dict[str, str]:
    """Canonical name -> version, of constraints.txt; nothing where that file is missing."""
    path = project / "constraints.txt"
    if not path.is_file():
        return {}
    lines = path.read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical(name): pinned for name, pinned in pairs}


def installed_version(name: str) -> str | None:
    """The version of an installed package; None where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def canonical(name: str) -> str:
    """A package's name as package indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_within(found: str, bounds: str) -> bool:
    """Whether a version satisfies bounds such as ">=3.11,<3.14"; what follows its numbers does not count."""
    for bound in filter(None, (part.strip() for part in bounds.split(","))):
        parts = re.fullmatch(r"(>=|<=|==|!=|>|<)\s*([0-9.]+)", bound)
        if parts is None:
            raise ValueError(f"{bound!r} is no bound of a version that is understood here")
        pairs = list(zip_longest(_numbers(found), _numbers(parts[2]), fillvalue=0))
        if not _COMPARISONS[parts[1]]([ours for ours, _ in pairs], [theirs for _, theirs in pairs]):
            return False
    return True


def _numbers(text: str) -> list[int]:
    numbers = re.match(r"\d+(?:\.\d+)*", text)
    return [int(number) for number in numbers[0].split(".")] if numbers else []


def _declared(project: Path) -> dict[str, Any]:
    path = project / "pyproject.toml"
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text())["project"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise ValueError(
            f"{path}: cannot be read ({error}), so nothing tells what is wanted; use a clone, set up by `{INSTALL}`"
        ) from error
    return content
