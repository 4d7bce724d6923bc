"""The command line, `python -m pipeline_lib STAGE …`: one file of this folder per stage.

A stage's file offers `add_arguments(parser)` and `run(args) -> int`. It is imported when its stage is called and not
before, so that help and the torch-free stages start at once.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

STAGES = {
    "configure": ("pipeline_lib.cli.configure", "write the resolved configuration of every experiment"),
    "plan": ("pipeline_lib.cli.plan", "list all runs with time, GPU hours and disk, before anything starts"),
    "benchmark": ("pipeline_lib.cli.benchmark", "measure what every configuration takes on this machine, and of what"),
    "download": ("pipeline_lib.cli.download", "bring raw files, checked by their sums, or make a sample of them"),
    "cut-zones": ("pipeline_lib.cli.cut_zones", "cut SST's zones from a regional product, into its raw files"),
    "cut-pedestrians": ("pipeline_lib.cli.cut_pedestrians", "cut sequences of pedestrians from the release of MOTS"),
    "prepare": ("pipeline_lib.cli.prepare", "make a dataset: train.h5 and test.h5"),
    "train": ("pipeline_lib.cli.train", "train one run, or fit a baseline"),
    "evaluate": ("pipeline_lib.cli.evaluate", "score one run on the test part"),
    "check": ("pipeline_lib.cli.check", "fail unless every run passes a bar set by the best baseline"),
    "draw": ("pipeline_lib.cli.draw", "draw a figure from result files"),
    "tabulate": ("pipeline_lib.cli.tabulate", "make a table from result files"),
    "compare": ("pipeline_lib.cli.compare", "make a table over several datasets from result files"),
    "track": ("pipeline_lib.cli.track", "make the tracking store hold what the runs left"),
    "ui": ("pipeline_lib.cli.ui", "open the tracking store's web page on this machine"),
    "summary": ("pipeline_lib.cli.summary", "say what has been reached, and where results are"),
    "doctor": ("pipeline_lib.cli.doctor", "check this machine against the configuration, and say what to do"),
    "verify": ("pipeline_lib.cli.verify", "check a results folder: its numbers against each other, its files' sums"),
    "prune": ("pipeline_lib.cli.prune", "remove training states that no current configuration uses"),
}
"""Name of a stage -> its module and what it does."""

INSTALL = "pip install -c constraints.txt -e .[all]"
TRACEBACK_VARIABLE = "PIPELINE_TRACEBACK"
INTERRUPTED = 130  # what shells report of a program that SIGINT ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage that `argv` (default: the program's arguments) names; return the exit code.

    0: done; 1: what the user gave does not do, said in a sentence; 2: wrong usage; 130: interrupted.
    """
    stage, arguments, traceback_wanted = _parse_stage(argv)
    try:
        module = importlib.import_module(STAGES[stage][0])
        parser = argparse.ArgumentParser(prog=f"python -m pipeline_lib {stage}", description=module.__doc__)
        module.add_arguments(parser)
        _add_traceback_option(parser)
        args = parser.parse_args(arguments)
        traceback_wanted = traceback_wanted or args.traceback
        return module.run(args)
    except KeyboardInterrupt:
        print(f"pipeline_lib {stage}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ModuleNotFoundError) as error:
        message = _sentence_for_users(error)
        if message is None or traceback_wanted:
            raise
        print(f"pipeline_lib {stage}: error: {message}", file=sys.stderr)
        return 1


def _parse_stage(argv: Sequence[str] | None) -> tuple[str, list[str], bool]:
    """The stage, the arguments that are its own, and whether a traceback is wanted on errors."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline_lib",
        description="One stage of the pipeline by itself, without Snakemake.",
        epilog="stages:\n"
        + "\n".join(f"  {name:<10} {summary}" for name, (_, summary) in STAGES.items())
        + "\n\n`python -m pipeline_lib STAGE --help` says what a stage takes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    _add_traceback_option(parser)
    parser.add_argument("stage", choices=STAGES, metavar="STAGE", help="one of the stages below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…", help="what the stage takes")
    args = parser.parse_args(argv)
    return args.stage, args.arguments, args.traceback or os.environ.get(TRACEBACK_VARIABLE, "0") not in ("", "0")


def _add_traceback_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--traceback",
        action="store_true",
        help=f"on an error, show where in the code it arose (also: {TRACEBACK_VARIABLE}=1)",
    )


def _sentence_for_users(error: ValueError | OSError | ModuleNotFoundError) -> str | None:
    """What to tell the user, in one paragraph; None where only a traceback helps."""
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or __package__).split(".")[0]
        if missing == "pipeline_lib":
            return None
        return f"the Python package {missing} is missing; `{INSTALL}` brings all there is"
    if isinstance(error, OSError):
        return None if error.filename is None else f"{error.strerror or type(error).__name__}: {error.filename}"
    from pydantic import ValidationError  # here, because it costs more than everything else that --help needs

    if isinstance(error, ValidationError):
        problems = (
            f"{'.'.join(map(str, problem['loc'])) or error.title}: {problem['msg']} (got {problem['input']!r})"
            for problem in error.errors()
        )
        return f"invalid {error.title}: " + "; ".join(problems)
    return str(error)


class _Version(argparse.Action):
    """`--version`, which reads the installed metadata only when asked."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(version("video-disentanglement"))
        except PackageNotFoundError:
            parser.error(f"only an installed package has a version; `{INSTALL}` installs this one")
        parser.exit()
