"""`draw`: make one figure from the result files of one run, or of all runs of a dataset, as PDF and PNG."""

import argparse
from pathlib import Path

from pipeline_lib.config.registry import FIGURES, load
from pipeline_lib.runtime.atomic import atomic_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `draw`."""
    parser.add_argument("figure", choices=sorted(FIGURES), metavar="FIGURE", help=f"one of: {', '.join(FIGURES)}")
    parser.add_argument("--out-pdf", type=Path, required=True, metavar="PATH", help="figure to write, for papers")
    parser.add_argument("--out-png", type=Path, required=True, metavar="PATH", help="figure to write, for screens")
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        metavar="DIR",
        dest="runs",
        help="folder of the run; folders of all runs of the dataset for a figure over several runs",
    )


def run(args: argparse.Namespace) -> int:
    """Draw the figure; 0 when both files stand.

    Raises ValueError where a figure of one run is given several, or the runs' files lack what it shows.
    """
    entry = FIGURES[args.figure]
    if entry.scope == "run" and len(args.runs) != 1:
        raise ValueError(f"the figure {args.figure} shows one run, {len(args.runs)} are given")
    with atomic_path(args.out_pdf) as pdf, atomic_path(args.out_png) as png:
        load(entry.draw)(args.runs, pdf, png)
    return 0
