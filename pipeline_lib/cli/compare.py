"""`compare`: make a table over several datasets from the metrics of their runs, as CSV, Markdown and a web page."""

import argparse
from pathlib import Path

from pipeline_lib.cli.run_folders import add_runs
from pipeline_lib.config.comparisons import ComparisonSettings
from pipeline_lib.reporting.comparison_csv import as_csv
from pipeline_lib.reporting.comparison_text import readable
from pipeline_lib.reporting.comparisons import read_comparison
from pipeline_lib.reporting.readable import markdown_of
from pipeline_lib.reporting.table_page import page_of
from pipeline_lib.runtime.atomic import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `compare`."""
    parser.add_argument("title", help="heading of the table")
    parser.add_argument(
        "--metric", default="mse_per_pixel", metavar="NAME", help="metric of the forecast (default: mse_per_pixel)"
    )
    parser.add_argument(
        "--n-frames", type=int, required=True, metavar="N", help="mean over the first N predicted frames"
    )
    parser.add_argument("--models", nargs="+", required=True, metavar="MODEL", help="rows, in this order")
    parser.add_argument("--datasets", nargs="+", required=True, metavar="DATASET", help="columns, in this order")
    parser.add_argument("--out-csv", type=Path, required=True, metavar="PATH", help="table to write, full precision")
    parser.add_argument("--out-md", type=Path, required=True, metavar="PATH", help="table to write, to be read")
    parser.add_argument("--out-html", type=Path, metavar="PATH", help="the same as a web page, for the report")
    add_runs(parser, "folders of evaluated runs; a dash stands where a model has none on a dataset")


def run(args: argparse.Namespace) -> int:
    """Write every form of the table; 0 when they stand.

    Raises ValueError where arguments name what is not registered, and where runs must not be mixed.
    """
    asked = ComparisonSettings(
        title=args.title,
        metric=args.metric,
        n_frames=args.n_frames,
        models=tuple(args.models),
        datasets=tuple(args.datasets),
    )
    comparison = read_comparison(asked.title, asked.metric, asked.n_frames, asked.models, asked.datasets, args.runs)
    write_text(args.out_csv, as_csv(comparison))
    page = readable(comparison)
    markdown = markdown_of(page)
    write_text(args.out_md, markdown)
    if args.out_html:
        write_text(args.out_html, page_of(page))
    print(markdown, end="")
    return 0
