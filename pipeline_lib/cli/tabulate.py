"""`tabulate`: make the table of a dataset from the metrics of its runs, as CSV, Markdown and a web page."""

import argparse
from pathlib import Path

from pipeline_lib.cli.run_folders import add_runs
from pipeline_lib.config.published import read_published
from pipeline_lib.reporting.table_csv import as_csv
from pipeline_lib.reporting.table_page import as_html
from pipeline_lib.reporting.table_text import as_markdown
from pipeline_lib.reporting.tables import read_table
from pipeline_lib.runtime.atomic import write_text

PUBLISHED = Path(__file__).resolve().parents[2] / "config" / "published"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `tabulate`."""
    parser.add_argument("dataset", metavar="DATASET", help="dataset of the runs")
    parser.add_argument("--out-csv", type=Path, required=True, metavar="PATH", help="table to write, full precision")
    parser.add_argument("--out-md", type=Path, required=True, metavar="PATH", help="table to write, to be read")
    parser.add_argument("--out-html", type=Path, metavar="PATH", help="the same as a web page, for the report")
    add_runs(parser, "folders of evaluated runs; the table keeps the order of their experiments")
    parser.add_argument(
        "--published",
        type=Path,
        metavar="PATH",
        help="published numbers (default: config/published/DATASET.yaml of the project, if there is one)",
    )


def run(args: argparse.Namespace) -> int:
    """Write every form of the table; 0 when they stand.

    Raises ValueError where runs must not be mixed, or the file of published numbers is broken.
    """
    path = args.published or PUBLISHED / f"{args.dataset}.yaml"
    published = read_published(path) if args.published or path.is_file() else None
    table = read_table(args.dataset, args.runs, published)
    write_text(args.out_csv, as_csv(table))
    markdown = as_markdown(table)
    write_text(args.out_md, markdown)
    if args.out_html:
        write_text(args.out_html, as_html(table))
    print(markdown, end="")
    return 0
