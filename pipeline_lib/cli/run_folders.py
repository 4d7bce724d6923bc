"""The argument that names run folders, as the stages take it that read several."""

import argparse
from pathlib import Path


def add_runs(parser: argparse.ArgumentParser, help: str) -> None:
    """`--run DIR …`, which may be repeated; they are in `runs`, in their order."""
    parser.add_argument(
        "--run", type=Path, nargs="+", action="extend", required=True, metavar="DIR", dest="runs", help=help
    )
