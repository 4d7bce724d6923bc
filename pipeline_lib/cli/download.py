"""`download`: bring the raw files of a source, or make them where it is a sample."""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path

from pipeline_lib.config.raw import MIRROR_VARIABLE, RAW_SOURCES, RawSource, checked_mirror, mirrors_of
from pipeline_lib.config.registry import load
from pipeline_lib.data.download import download
from pipeline_lib.data.raw_files import check_complete
from pipeline_lib.runtime.progress import counted, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `download`."""
    parser.add_argument("source", choices=RAW_SOURCES, metavar="SOURCE", help=f"one of {', '.join(RAW_SOURCES)}")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that the files go to")
    parser.add_argument(
        "--mirror",
        action="append",
        metavar="MIRROR",
        help="address (https, http, file) or folder in which the files lie, in place of the source's own; can be given "
        f"several times, in the order in which they are tried. Before all of them comes ${MIRROR_VARIABLE}/SOURCE, "
        "where that variable is set",
    )


def run(args: argparse.Namespace) -> int:
    """Bring what is not there yet; 0 when every file stands. Raises ValueError where one cannot be had."""
    source = RAW_SOURCES[args.source]
    start = time.perf_counter()
    if source.make:
        args.out.mkdir(parents=True, exist_ok=True)
        load(source.make)(args.out)
    elif not source.is_placed_by_hand:
        with counted(f"download {source.name}", "B") as report:
            download(source, args.out, _mirrors(source, args.mirror, os.environ), progress=report, say=say)
    check_complete(source, args.out)
    print(f"{source.title}: {source.licence} ({source.page})")
    print(f"{'made' if source.make else 'complete'} in {time.perf_counter() - start:.1f} s")
    for file in source.files:
        path = args.out / file.name
        if path.is_dir():
            print(f"  {path}: {sum(each.is_file() for each in path.rglob('*'))} files")
        elif path.is_file():
            print(f"  {path}: {path.stat().st_size} bytes" + (f", sha256 {file.sha256}" if file.sha256 else ""))
    return 0


def _mirrors(source: RawSource, given: list[str] | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where to look, in this order."""
    for mirror in given or ():
        try:
            checked_mirror(mirror)
        except ValueError as error:
            raise ValueError(f"--mirror {mirror}: {error}") from None
    folder = environ.get(MIRROR_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise ValueError(f"{MIRROR_VARIABLE} names {folder}, which is no folder: correct it or unset it")
    return mirrors_of(source, tuple(given) if given else None, Path(folder) if folder else None)
