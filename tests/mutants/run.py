"""Plants one defect after the other in a copy of the code, and runs the test that must notice it.

    python -m tests.mutants.run [NAME …]

Exits with 1 where a defect goes unnoticed, where a test ends by another error than the expected one (so that a defect
that only breaks the code proves nothing), and where a test fails without any defect.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import NOTICED
from tests.mutants.planted import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "workflow", "profiles", "slurm", "config", "pipeline_lib", "tests", "pyproject.toml")
"""What the tests that are named need of the project."""
SECONDS = 300
"""How long the test of one defect is waited for; all tests together, without any defect, twice as long."""


@dataclass(frozen=True)
class Outcome:
    """What came of tests: pytest's exit code (None: they were not waited for any longer), how many cases ran, and the
    message of each that failed, was skipped, or could not begin."""

    code: int | None
    n_cases: int
    failures: tuple[str, ...]
    skipped: tuple[str, ...]
    errors: tuple[str, ...]
    output: str


def copy_of(root: Path, folder: Path) -> Path:
    """A copy of the parts of a project that tests need."""
    copy = folder / "copy"
    copy.mkdir()
    for part in PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif (root / part).exists():
            shutil.copy(root / part, copy / part)
    return copy


def run_tests(copy: Path, tests: Sequence[str], *options: str, seconds: float = SECONDS) -> Outcome:
    """Run tests of a copy, by node id, in a process of their own."""
    report, kept = copy.parent / "report.xml", copy.parent / "kept"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *options]
    # Compiled files are told apart by size and second, so the defect of a second ago could pass for the next one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy), "PYTEST_ADDOPTS": ""}
    process = subprocess.Popen(
        [*command, f"--basetemp={kept}", *tests],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, code = process.communicate()[0], None
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    found = {kind: tuple(_messages(cases, kind)) for kind in ("failure", "skipped", "error")}
    return Outcome(code, len(cases), found["failure"], found["skipped"], found["error"], output)


def _messages(cases: Sequence[ElementTree.Element], kind: str) -> list[str]:
    return [each.get("message", "") for case in cases for each in case.iter(kind)]


def ended_by(message: str) -> str:
    """The type of the error that a failure's message begins with; what asserts say begins with `assert`."""
    first = message.split(maxsplit=1)[0] if message.strip() else ""
    return "AssertionError" if first == "assert" else first.rstrip(":").split(".")[-1]


def verdict(outcome: Outcome) -> str:
    """What came of a defect's test: `noticed`, or what is wrong, in capitals and words."""
    if outcome.code is None:
        return f"HANGS: not finished after {SECONDS} s"
    if outcome.code == 0:
        return "SURVIVES: the test passes"
    if outcome.code != 1 or not outcome.failures:
        return f"NO TEST: {(*outcome.errors, _last_line(outcome.output))[0]}"
    if not any(ended_by(message) in NOTICED for message in outcome.failures):
        return f"BREAKS: {_last_line(outcome.failures[0])}, where {' or '.join(NOTICED)} is expected"
    return "noticed"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]


def problems_without_defects(copy: Path, tests: Sequence[str]) -> list[str]:
    """Why the tests prove nothing: they fail, or do not run, without any defect."""
    outcome = run_tests(copy, tests, seconds=2 * SECONDS)
    if outcome.code != 0:
        return [f"without any defect, tests fail:\n{outcome.output}"]
    return [f"without any defect, a test is skipped: {reason}" for reason in outcome.skipped]


def main(names: Sequence[str]) -> int:
    """Run the mutants of these names, or all; the exit code."""
    if unknown := set(names) - {mutant.name for mutant in MUTANTS}:
        print(f"no mutants: {', '.join(sorted(unknown))}; there are {', '.join(mutant.name for mutant in MUTANTS)}")
        return 2
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = copy_of(ROOT, Path(folder))
        tests = list(dict.fromkeys(mutant.test for mutant in chosen))
        if problems := problems_without_defects(copy, tests):
            print("\n".join(problems))
            return 1
        print(f"{len(tests)} tests pass without any defect ({time.monotonic() - began:.0f} s)", flush=True)
        bad = 0
        for mutant in chosen:
            before = time.monotonic()
            whole = mutant.plant(copy)
            found = verdict(run_tests(copy, [mutant.test], "-x"))
            (copy / mutant.file).write_text(whole, encoding="utf-8")
            bad += found != "noticed"
            print(f"{time.monotonic() - before:4.0f} s  {mutant.name:36} {found:9} {mutant.test}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} defects are noticed ({time.monotonic() - began:.0f} s)")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
