"""`summary`: say what the runs of a configuration reached, which bars they pass, and where tables, figures, report and
the UI are.
"""

import argparse
import textwrap

from pipeline_lib.cli.overlays import add_overlays, given_pipeline
from pipeline_lib.config.figures import figures_of_dataset
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.config.registry import FIGURES
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.scores import n_frames_of, scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `summary`."""
    add_overlays(parser)


def run(args: argparse.Namespace) -> int:
    """Print the scores of every run, bars, and the places of the views; 1 where a run has not been evaluated."""
    pipeline = given_pipeline(args)
    missing = [line for dataset in pipeline.datasets if (line := _print_scores(pipeline, dataset))]
    _print_places(pipeline)
    return 1 if missing else 0


def _print_scores(pipeline: Pipeline, dataset: str) -> str:
    """One line per run on the main set of test windows; returns the names of runs without scores."""
    missing = []
    print(f"\n{dataset}")
    for found in pipeline.runs(pipeline.of_dataset(dataset)):
        path = pipeline.paths.run(found.experiment.name, found.seed).metrics
        label = f"{found.experiment.title or found.experiment.variant}" + (
            "" if found.seed is None else f", seed {found.seed}"
        )
        if not path.is_file():
            missing.append(label)
            print(f"  {label:<28} not evaluated yet")
            continue
        record = read_metrics(path)
        main = [s for s in scores(record) if s.is_main and s.n_frames == n_frames_of(record, s.protocol)]
        for protocol in dict.fromkeys(score.protocol for score in main):
            shown = [score for score in main if score.protocol == protocol]
            values = "  ".join(f"{score.metric} {score.mean:.3g}" for score in shown)
            of = f"{protocol}, {shown[0].n_windows:,} test windows, {shown[0].n_frames} frames"
            print(f"  {label:<28} {values}  ({of})")
    _print_bars(pipeline, dataset)
    return ", ".join(missing)


def _print_bars(pipeline: Pipeline, dataset: str) -> None:
    """What `check` found of the dataset's bars, and what passing them says."""
    for bar in pipeline.settings.require:
        if pipeline.experiments[bar.experiment].dataset.name == dataset:
            verdict = pipeline.paths.check(bar.name)
            lines = verdict.read_text(encoding="utf-8").splitlines() if verdict.is_file() else ["not checked yet"]
            print("\n".join(f"  bar      {line}" for line in lines))
            for line in textwrap.wrap(bar.note, 108):
                print(f"           {line}")


def _print_places(pipeline: Pipeline) -> None:
    paths = pipeline.paths
    for dataset in pipeline.datasets:
        print(f"\ntable    {paths.table(dataset, 'md')} (and .csv)")
        for name in figures_of_dataset(pipeline.of_dataset(dataset)):
            first, *others = FIGURES[name].suffixes
            print(f"figure   {paths.figure(dataset, name, first)} (and {', '.join(f'.{other}' for other in others)})")
    for name in pipeline.comparisons:
        print(f"\ntable    {paths.table(name, 'md')} (and .csv)")
    print(f"figures  {paths.runs_dir}/<dataset>/<model>/<run>/figures/")
    if paths.report.is_file():
        print(f"report   {paths.report} (open it in a browser)")
    if pipeline.settings.tracking.enabled:
        print(f"UI       .venv/bin/python -m pipeline_lib ui --results-dir {paths.results_dir}")
