"""Check a results folder: numbers against what they are computed from, files against each other and their sums.

From each predictions.h5: means and standard deviations over windows of every metric, set and protocol (to 1e-9 of
them), and the scores of stored examples, from their frames (to 1e-4). Journals line by line; experiment, seed and
digest in every file of a run; the CSV of tables; SHA256SUMS. Ends with 1 where there is a problem.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline_lib.cli.findings import Finding, as_json, as_text, exit_code
from pipeline_lib.cli.run_findings import DAMAGE, run_findings, run_folders
from pipeline_lib.config.paths import ResultPaths, RunPaths
from pipeline_lib.records.sums import NAME, check_sums, write_sums
from pipeline_lib.reporting.table_agreement import check_table

TABLE_AGAIN = "Restore it from a copy, or make it again (`snakemake tables`, `python -m pipeline_lib tabulate`)."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `verify`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="results folder, such as results/published")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    parser.add_argument(
        "--write-sums", action="store_true", help=f"where nothing else is wrong, write {NAME} of all files there are"
    )


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 where there is a problem. Raises ValueError where the folder holds no results."""
    paths = ResultPaths(args.folder, args.folder)
    runs = run_folders(paths.runs_dir)
    if not runs:
        raise ValueError(
            f"{args.folder}: no results folder, for want of runs/<dataset>/<model>/<run>; give a results_dir"
        )
    findings = [*_of_runs(paths, runs), *_of_tables(paths)]
    if not args.write_sums:
        findings += _of_sums(args.folder)
    elif exit_code(findings) == 0:
        n_files = write_sums(args.folder)
        findings.append(Finding("ok", NAME, f"{args.folder / NAME}: written, of {n_files} files."))
    else:
        findings.append(Finding("problem", NAME, "Not written, because of what is wrong.", "Correct that first."))
    print(as_json(findings) if args.json else as_text(findings))
    return exit_code(findings)


def _of_runs(paths: ResultPaths, runs: list[Path]) -> Iterator[Finding]:
    for folder in runs:
        yield from run_findings(RunPaths(folder), str(folder.relative_to(paths.runs_dir)))


def _of_tables(paths: ResultPaths) -> Iterator[Finding]:
    """Every table, and runs that stand in none."""
    tabulated: set[str] = set()
    tables = sorted((paths.results_dir / "tables").glob("*.csv"))
    for path in tables:
        topic = f"tables/{path.name}"
        try:
            check = check_table(path, paths)
        except DAMAGE as error:
            yield Finding("problem", topic, f"{error}.", TABLE_AGAIN)
            continue
        tabulated |= check.experiments
        yield from (Finding("problem", topic, f"{problem}.", TABLE_AGAIN) for problem in check.wrong)
        if not check.wrong:
            yield Finding("ok", topic, f"{check.n_rows} rows say what metrics.json says.")
    evaluated = {_experiment(path) for path in paths.runs_dir.glob("*/*/*/metrics.json")}
    if lacking := sorted(evaluated - tabulated):
        yield Finding("note", "tables", f"In no table: {', '.join(lacking)}.", "Nothing, or make the tables again.")


def _of_sums(folder: Path) -> Iterator[Finding]:
    if not (folder / NAME).is_file():
        what, do = f"{folder} has no {NAME}.", "`verify FOLDER --write-sums` writes it, for whoever gets the folder."
        yield Finding("note", NAME, what, do)
        return
    try:
        check = check_sums(folder)
    except ValueError as error:
        yield Finding("problem", NAME, f"{error}.", "Or write it anew: `verify FOLDER --write-sums`.")
        return
    do = "Restore the folder from a copy; where the change is meant, `verify FOLDER --write-sums`."
    for what, names in (("missing", check.missing), ("not listed", check.extra), ("changed", check.changed)):
        yield from (Finding("problem", NAME, f"{name} is {what}.", do) for name in names)
    if not (check.missing or check.extra or check.changed):
        yield Finding("ok", NAME, f"{check.n_files} files are as they were.")


def _experiment(metrics: Path) -> str:
    return "/".join(metrics.parts[-4:-2])
