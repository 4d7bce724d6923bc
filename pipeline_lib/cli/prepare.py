"""`prepare`: make a dataset's train.h5 and test.h5."""

import argparse
import time
from pathlib import Path

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.hdf5 import VideoFile
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.data.raw_files import check_complete
from pipeline_lib.data.window_rules import windows_of
from pipeline_lib.records.provenance import code_version
from pipeline_lib.runtime.atomic import remove_leftovers_of
from pipeline_lib.runtime.locks import FileLock, lease_one
from pipeline_lib.runtime.progress import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `prepare`."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="experiment whose dataset is to be prepared")
    parser.add_argument(
        "--raw", type=Path, metavar="DIR", help="folder of the raw files, where the dataset is prepared from some"
    )
    parser.add_argument("--train", type=Path, required=True, metavar="PATH", help="training part to write (HDF5)")
    parser.add_argument("--test", type=Path, required=True, metavar="PATH", help="test part to write (HDF5)")


def run(args: argparse.Namespace) -> int:
    """Prepare the dataset of an experiment, anew even if the files are there; 0 when both stand.

    Raises ValueError for a bad configuration, clashing paths, raw files that are missing or not what they must be, and
    a test part that is too short for the experiment's forecasts: better now than after the training.
    """
    if args.train.resolve() == args.test.resolve():
        raise ValueError(f"--train and --test both name {args.train}: the two parts need a file each")
    experiment = read_experiment(args.config)
    prepare_dataset(experiment.dataset, args.raw, args.train, args.test)
    with VideoFile(args.test) as file:
        windows_of(file, experiment.dataset, experiment.task.n_cond + experiment.task.n_pred_test, "all")
    return 0


def prepare_dataset(settings: DatasetSettings, raw_folder: Path | None, train_file: Path, test_file: Path) -> None:
    """Make both parts of a dataset, and say so. raw_folder: of the raw files, where it is prepared from some.

    Raises ValueError where these are missing or not what they must be.
    """
    prepare = load(DATASETS[settings.name].prepare)
    raw = _raw_files(settings, raw_folder)
    start = time.perf_counter()
    lock = _alone_with(train_file, test_file)
    try:
        with counted(f"prepare {settings.name}", DATASETS[settings.name].counted) as report:
            prepare(settings, train_file, test_file, progress=report, code_version=_code_version(), **raw)
    finally:
        lock.release()
    print(f"prepared {settings.name} in {time.perf_counter() - start:.1f} s")
    for path in (train_file, test_file):
        with PreparedFile(path) as file:
            size = path.stat().st_size / 1e6
            print(f"  {path}: {file.summary}, {size:.1f} MB, content {file.content_sha256[:12]}")


def _raw_files(settings: DatasetSettings, folder: Path | None) -> dict[str, Path]:
    """What `prepare` is told of the raw files, which are checked here; nothing where it needs none."""
    if settings.raw_source is None:
        return {}
    source = RAW_SOURCES[settings.raw_source]
    if folder is None:
        raise ValueError(
            f"{settings.name} is prepared from the files of {source.title}: --raw must name their folder; "
            f"`python -m pipeline_lib download {source.name} --out DIR` brings them, or says how"
        )
    check_complete(source, folder, settings.raw_files)
    return {"raw": folder}


def _alone_with(*paths: Path) -> FileLock:
    """Wait until nobody else prepares these files, and remove what killed preparations have left of them."""
    _, lock = lease_one(paths[0].parent, [f".{paths[0].name}"], wait_seconds=float("inf"))
    for path in paths:
        remove_leftovers_of(path)
    return lock


def _code_version() -> str:
    version = code_version()
    if version["git_commit"] is None:
        return "unknown"
    return str(version["git_commit"]) + (" with uncommitted changes" if version["git_dirty"] else "")
