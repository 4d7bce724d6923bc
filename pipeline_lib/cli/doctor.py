"""Check this machine against the configuration, and say what to do about each finding; change nothing.

Python and packages, torch and GPUs, folders, disk, raw and prepared data, tracking store, SLURM, locks. Ends with 1
where there is a problem.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from pipeline_lib.cli.accelerators import REPORT_OPTION, gpu_findings, torch_report
from pipeline_lib.cli.data_findings import prepared_findings, raw_findings
from pipeline_lib.cli.findings import Finding, as_json, as_text, exit_code
from pipeline_lib.cli.folder_findings import disk_findings, folder_findings
from pipeline_lib.cli.installed_packages import package_findings, python_findings
from pipeline_lib.cli.lock_findings import lock_findings
from pipeline_lib.cli.overlays import add_overlays, given_pipeline
from pipeline_lib.cli.service_findings import slurm_findings, tracking_findings
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.tracking.connection import StoreUnavailableError, within

CHECK_SECONDS = 180.0
FULL_SECONDS = 6 * 3600.0
"""For reading all prepared data, which may be hundreds of gigabytes."""

Check = tuple[str, Callable[[], Iterable[Finding]], float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `doctor`."""
    add_overlays(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    parser.add_argument("--full", action="store_true", help="read all prepared data and compare them with their digest")
    parser.add_argument(REPORT_OPTION, action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 where there is a problem."""
    if args.report_torch:
        print(json.dumps(torch_report()))
        return 0
    findings = list(examine(args))
    print(as_json(findings) if args.json else as_text(findings))
    return exit_code(findings)


def examine(args: argparse.Namespace) -> Iterator[Finding]:
    """Everything that can be checked; a configuration that is wrong is a finding too, and leaves out what needs one."""
    pipeline, wrong = None, []
    try:
        pipeline = given_pipeline(args)
    except ValueError as error:
        wrong = [Finding("problem", "configuration", line, "Correct it.") for line in str(error).splitlines() if line]
    checks: list[Check] = [
        ("Python", python_findings, CHECK_SECONDS),
        ("packages", package_findings, CHECK_SECONDS),
        ("torch", partial(gpu_findings, pipeline), CHECK_SECONDS),
        ("SLURM", partial(slurm_findings, Path("slurm") / "config.yaml"), CHECK_SECONDS),
    ]
    yield from wrong
    for topic, check, seconds in checks + (_of_pipeline(pipeline, args.full) if pipeline else []):
        yield from limited(topic, check, seconds)


def _of_pipeline(pipeline: Pipeline, full: bool) -> list[Check]:
    return [
        ("folders", partial(folder_findings, pipeline), CHECK_SECONDS),
        ("disk", partial(disk_findings, pipeline), CHECK_SECONDS),
        ("raw data", partial(raw_findings, pipeline), FULL_SECONDS if full else CHECK_SECONDS),
        ("prepared", partial(prepared_findings, pipeline, full), FULL_SECONDS if full else CHECK_SECONDS),
        ("tracking", partial(tracking_findings, pipeline), CHECK_SECONDS + pipeline.settings.tracking.timeout),
        ("locks", partial(lock_findings, pipeline, Path.cwd()), CHECK_SECONDS),
    ]


def limited(topic: str, check: Callable[[], Iterable[Finding]], seconds: float) -> list[Finding]:
    """What a check finds, or that it found no end, or an error that it did not expect: one check stops no other."""
    try:
        return within(seconds, lambda: list(check()), topic)
    except StoreUnavailableError:
        what = f"The check did not end within {seconds:g} s."
        return [Finding("warning", topic, what, "Look for a disk or a driver that does not answer, and ask again.")]
    except (OSError, ValueError, RuntimeError) as error:
        return [Finding("problem", topic, f"This could not be checked: {error}", "Correct that, and ask again.")]
