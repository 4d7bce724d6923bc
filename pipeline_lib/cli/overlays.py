"""The pipeline that a stage's overlays describe, as the stages take it that look at all of it."""

import argparse
from pathlib import Path

from pipeline_lib.config.loading import configuration_files, load_pipeline
from pipeline_lib.config.pipeline import Pipeline


def add_overlays(parser: argparse.ArgumentParser) -> None:
    """The argument that `given_pipeline` reads."""
    parser.add_argument(
        "overlays",
        type=Path,
        nargs="*",
        metavar="OVERLAY.yaml",
        help="files merged over config/config.yaml, as by snakemake --configfile",
    )


def given_pipeline(args: argparse.Namespace) -> Pipeline:
    """The checked pipeline of the checkout in the working directory; ValueError that lists every problem."""
    return load_pipeline(configuration_files(args.overlays, Path.cwd()), Path.cwd())
