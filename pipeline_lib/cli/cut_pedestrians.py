"""`cut-pedestrians`: cut sequences of pedestrians from the release of MOTS, as the files that `prepare` reads."""

import argparse
import time
from pathlib import Path

from pipeline_lib.data.cut_pedestrians import cut_pedestrians
from pipeline_lib.runtime.atomic import remove_leftovers_of
from pipeline_lib.runtime.locks import lease_one
from pipeline_lib.runtime.progress import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cut-pedestrians`."""
    parser.add_argument(
        "--release", type=Path, required=True, metavar="DIR", help="folder that the release was extracted to"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to make, <data_dir>/raw/pedestrians/sequences"
    )


def run(args: argparse.Namespace) -> int:
    """Cut all sequences; 0 when they stand.

    Raises ValueError where the release is not what it must be, and where the folder is there already.
    """
    start = time.perf_counter()
    _, lock = lease_one(args.out.parent, [f".{args.out.name}"], wait_seconds=float("inf"))
    try:
        remove_leftovers_of(args.out)
        with counted("cut pedestrians", "frames") as report:
            done = cut_pedestrians(args.release, args.out, progress=report)
    finally:
        lock.release()
    print(
        f"cut {done.n_videos} videos in {done.n_sequences} sequences from {done.n_annotated} annotated videos in "
        f"{time.perf_counter() - start:.1f} s\n  {args.out}"
    )
    return 0
