"""`draw`: make one figure from the result files of one run, or of several runs of a dataset."""

import argparse
from contextlib import ExitStack
from pathlib import Path

from pipeline_lib.cli.run_folders import add_runs
from pipeline_lib.config.registry import FIGURES, load
from pipeline_lib.runtime.atomic import atomic_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `draw`."""
    forms = "; ".join(f"{name} ({', '.join(entry.suffixes)})" for name, entry in FIGURES.items())
    parser.add_argument("figure", choices=sorted(FIGURES), metavar="FIGURE", help=f"one of: {forms}")
    parser.add_argument(
        "--out",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        metavar="FILE",
        help="files to write, told apart by their suffixes: some or all that the figure has",
    )
    add_runs(parser, "folder of the run; folders of the dataset's runs for a figure over several runs")


def run(args: argparse.Namespace) -> int:
    """Draw the figure; 0 when all files stand.

    Raises ValueError where a figure of one run is given several, for files that it does not have, and where the runs'
    files lack what it shows.
    """
    entry = FIGURES[args.figure]
    if entry.scope == "run" and len(args.runs) != 1:
        raise ValueError(f"the figure {args.figure} shows one run, {len(args.runs)} are given")
    by_suffix = {path.suffix.removeprefix("."): path for path in args.out}
    if not by_suffix.keys() <= set(entry.suffixes) or len(by_suffix) < len(args.out):
        raise ValueError(
            f"the figure {args.figure} is written as {' and '.join(entry.suffixes)}, one file each; given are "
            f"{', '.join(path.name for path in args.out)}"
        )
    with ExitStack() as stack:
        files = {suffix: stack.enter_context(atomic_path(path)) for suffix, path in by_suffix.items()}
        load(entry.draw)(args.runs, files)
    return 0
