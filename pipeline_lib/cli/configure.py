"""`configure`: write the resolved configuration of every experiment, or the page of every key."""

import argparse
from pathlib import Path

from pipeline_lib.cli.overlays import add_overlays, given_pipeline
from pipeline_lib.config.loading import write_experiments
from pipeline_lib.config.reference import reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `configure`."""
    add_overlays(parser)
    parser.add_argument("--write-reference", type=Path, metavar="PATH.md", help="write the page of every key, no more")


def run(args: argparse.Namespace) -> int:
    """Write what is asked for, where its content differs; raises ValueError that lists what is wrong."""
    if args.write_reference is not None:
        args.write_reference.write_text(reference(), encoding="utf-8")
        print(f"wrote {args.write_reference}")
        return 0
    pipeline = given_pipeline(args)
    changed = write_experiments(pipeline)
    for path in changed:
        print(f"wrote {path}")
    print(f"{len(pipeline.experiments)} experiments, {len(pipeline.runs())} runs, {len(changed)} files changed")
    return 0
