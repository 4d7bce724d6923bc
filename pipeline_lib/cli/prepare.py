"""`prepare`: make a dataset's train.h5 and test.h5."""

import argparse
import time
from pathlib import Path

from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.records.provenance import code_version
from pipeline_lib.runtime.progress import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `prepare`."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="experiment whose dataset is to be prepared")
    parser.add_argument("--train", type=Path, required=True, metavar="PATH", help="training part to write (HDF5)")
    parser.add_argument("--test", type=Path, required=True, metavar="PATH", help="test part to write (HDF5)")


def run(args: argparse.Namespace) -> int:
    """Prepare the dataset of an experiment, anew even if the files are there; 0 when both stand.

    Raises ValueError for a bad configuration or clashing paths.
    """
    if args.train.resolve() == args.test.resolve():
        raise ValueError(f"--train and --test both name {args.train}: the two parts need a file each")
    settings = read_experiment(args.config).dataset
    prepare = load(DATASETS[settings.name].prepare)
    start = time.perf_counter()
    with counted(f"prepare {settings.name}", "videos") as report:
        prepare(settings, args.train, args.test, progress=report, code_version=_code_version())
    print(f"prepared {settings.name} in {time.perf_counter() - start:.1f} s")
    for path in (args.train, args.test):
        with PreparedFile(path) as file:
            size = path.stat().st_size / 1e6
            print(f"  {path}: {file.summary}, {size:.1f} MB, content {file.content_sha256[:12]}")
    return 0


def _code_version() -> str:
    version = code_version()
    if version["git_commit"] is None:
        return "unknown"
    return str(version["git_commit"]) + (" with uncommitted changes" if version["git_dirty"] else "")
