"""Measure what every configuration takes on this machine, and of what: data, the parts of a training step, evaluation.

Rows that were measured before, of the same commit, device and settings, are kept. docs/benchmarks.md says how to read
what comes out, <results_dir>/benchmarks/benchmark.md, .csv and .png.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pipeline_lib.cli.benchmark_data import Measurable, make_data, measurable
from pipeline_lib.cli.benchmark_measuring import Effort, answer_request, measured_apart
from pipeline_lib.cli.iteration_timing import NotTimedError, Timing, of_one_process
from pipeline_lib.cli.timing_cache import device_name, remember, timing_key
from pipeline_lib.config.digests import stage_digest
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import configuration_files, load_pipeline
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.config.registry import DATASETS, METRICS, MODELS
from pipeline_lib.config.yaml_files import merge, read_mapping
from pipeline_lib.records.benchmark import BenchmarkRow, Measurement, read_row, read_rows, write_row
from pipeline_lib.records.provenance import code_version, provenance
from pipeline_lib.reporting.benchmark_picture import draw
from pipeline_lib.reporting.benchmark_tables import as_csv, as_markdown
from pipeline_lib.runtime import device as devices
from pipeline_lib.runtime.atomic import atomic_path, write_text
from pipeline_lib.runtime.precision import resolve_precision

EXPERIMENT = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `benchmark`."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="EXPERIMENT|OVERLAY.yaml",
        help="trained experiments, <dataset>/<model> (default: all that the configuration lists), and files merged "
        "over config/config.yaml",
    )
    parser.add_argument("--quick", action="store_true", help="single iterations and few windows in each repetition")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="of each measurement (5)")
    parser.add_argument("--plain", action="store_true", help="beside the plain implementation, which takes its time")
    parser.add_argument("--again", action="store_true", help="measure again what was measured")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Measure, and write tables and picture of all that was measured; 1 where a configuration could not be measured.

    Raises ValueError where the configuration is wrong, or a name is no trained experiment.
    """
    if args.measure:
        print(answer_request(sys.stdin.read()))
        return 0
    if args.repetitions < 1:
        raise ValueError(f"--repetitions must be at least 1, got {args.repetitions}")
    names, overlays = parsed(args.names)
    pipeline = pipeline_with(names, overlays, Path.cwd())
    seconds = 0.0 if args.quick else Effort.seconds
    effort = Effort(args.repetitions, seconds, beside_plain=args.plain)
    benchmark = Benchmark(pipeline, effort, args.quick, args.again)
    try:
        rows = [benchmark.row(each) for each in trained(pipeline, names)]
    finally:  # also when interrupted
        write_reports(pipeline.paths)
    failed = [row for row in rows if row.measurement is None]
    for row in failed:
        print(f"{row.experiment} was not measured: {row.reason}", file=sys.stderr)
    return 1 if failed else 0


def parsed(arguments: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Names of experiments, and overlays; ValueError for what is neither."""
    overlays = [Path(each) for each in arguments if each.endswith((".yaml", ".yml"))]
    names = [each for each in arguments if not each.endswith((".yaml", ".yml"))]
    for name in names:
        if not EXPERIMENT.fullmatch(name):
            raise ValueError(f"{name!r} is neither an experiment, <dataset>/<model>, nor a file OVERLAY.yaml")
    return list(dict.fromkeys(names)), overlays


def pipeline_with(names: Sequence[str], overlays: Sequence[Path], root: Path) -> Pipeline:
    """The checked pipeline that the overlays describe, with these experiments where it does not list them."""
    files = configuration_files(overlays, root)
    pipeline = load_pipeline(files, root)
    if unlisted := [name for name in names if name not in pipeline.experiments]:
        merged: dict[str, Any] = {}
        for path in files:
            merged = merge(merged, read_mapping(path))
        pipeline = load_pipeline({**merged, "experiments": [*merged["experiments"], *unlisted]}, root, files)
    return pipeline


def trained(pipeline: Pipeline, names: Sequence[str]) -> list[Experiment]:
    """The named experiments, or all trained ones; ValueError where one of the named is a baseline."""
    chosen = [pipeline.experiments[name] for name in names or pipeline.experiments]
    if names and (baselines := [each.name for each in chosen if each.is_baseline]):
        raise ValueError(f"baselines are not trained, so there is nothing to measure: {', '.join(baselines)}")
    return [each for each in chosen if not each.is_baseline]


@dataclass(frozen=True)
class Benchmark:
    """Measures configurations of a pipeline, one after the other."""

    pipeline: Pipeline
    effort: Effort
    is_quick: bool
    again: bool

    def row(self, experiment: Experiment) -> BenchmarkRow:
        """The row of a configuration: as it was measured before, or measured now, and kept."""
        try:
            wanted = measurable(self.pipeline, experiment)
        except ValueError as error:
            return self._kept(experiment, experiment, None, str(error))
        if (known := self._known(experiment, wanted.experiment)) is not None:
            _say(experiment, "measured before")
            return known
        on_sample = "" if wanted.experiment == experiment else f" on {wanted.experiment.dataset.name}"
        _say(experiment, f"measuring{on_sample} …")
        try:
            return self._kept(experiment, wanted.experiment, self._measured(wanted))
        except (ValueError, NotTimedError) as error:
            return self._kept(experiment, wanted.experiment, None, str(error))

    def _kept(
        self, experiment: Experiment, measured: Experiment, found: Measurement | None, reason: str = ""
    ) -> BenchmarkRow:
        """The row of what was found, or of why nothing was, once it is written."""
        if reason:
            _say(experiment, reason)
        identity = self._identity(measured)
        row = BenchmarkRow(
            experiment.name,
            measured.name,
            identity,
            datetime.now(UTC).isoformat(timespec="seconds"),
            provenance(),
            **_settings(measured),
            measurement=found,
            reason=reason,
        )
        write_row(self._path(experiment, identity), row)
        if found is not None and not self.is_quick:
            _remember(experiment, found)
        return row

    def _measured(self, wanted: Measurable) -> Measurement:
        make_data(self.pipeline, wanted)
        return measured_apart(wanted.experiment, wanted.train_file, wanted.test_file, self.effort)

    def _known(self, experiment: Experiment, measured: Experiment) -> BenchmarkRow | None:
        identity = self._identity(measured)
        path = self._path(experiment, identity)
        if self.again or not path.is_file():
            return None
        row = read_row(path)
        if row.identity != identity or row.measurement is None:
            return None
        return None if self.effort.beside_plain and row.measurement.plain_ratio is None else row

    def _path(self, experiment: Experiment, identity: Mapping[str, Any]) -> Path:
        """One file for each device and way to measure, so that a later commit takes the place of an earlier one."""
        place = _digest({key: identity[key] for key in ("device", "quick", "repetitions")})
        return self.pipeline.paths.benchmark_row(experiment.name, place)

    def _identity(self, experiment: Experiment) -> dict[str, Any]:
        """All that a row's numbers hold for."""
        assert experiment.training is not None
        device = _device(experiment)
        return {
            **code_version(),
            "source": stage_digest("benchmark_measuring", _functions(experiment)),
            "settings": _digest(experiment.model_dump(mode="json")),
            "device": experiment.training.device if device is None else device_name(device),
            "device_type": "missing" if device is None else device.type,
            "torch": torch.__version__,
            "quick": self.is_quick,
            "repetitions": self.effort.repetitions,
        }


def _device(experiment: Experiment) -> torch.device | None:
    """The device of a training; None where it is not here."""
    assert experiment.training is not None
    try:
        return devices.choose_device(experiment.training.device)
    except ValueError:
        return None


def _settings(experiment: Experiment) -> dict[str, Any]:
    training, share, device = experiment.training, of_one_process(experiment).training, _device(experiment)
    assert training is not None and share is not None
    precision = training.precision if device is None else resolve_precision(training.precision, device)
    return {
        "precision": precision,
        "n_threads": training.n_threads,
        "batch_size": share.batch_size,
        "n_processes": training.n_processes,
    }


def _functions(experiment: Experiment) -> list[str]:
    """What a measurement loads by name."""
    dataset = DATASETS[experiment.dataset.name]
    of_data = [dataset.prepare, dataset.training, dataset.windows, *([dataset.context] if dataset.context else [])]
    of_metrics = [function for name in experiment.metrics for function in METRICS[name].functions]
    return [MODELS[experiment.model.name].build, *of_data, *of_metrics]


def _remember(experiment: Experiment, found: Measurement) -> None:
    """Let `plan` know how long an iteration takes: where it keeps what it has timed itself."""
    channels, height, width = found.frame_shape
    spread = found.iteration_seconds
    timing = Timing(spread.median, spread.n * found.n_iterations, found.others_share, by_benchmark=True)
    remember(timing_key(experiment, (channels, height, width)), timing)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _say(experiment: Experiment, text: str) -> None:
    print(f"{experiment.name}: {text}", file=sys.stderr, flush=True)


def write_reports(paths: ResultPaths) -> None:
    """CSV, Markdown and picture of every row that there is; nothing where there is none."""
    rows = read_rows(paths.benchmark_rows)
    if not rows:
        return
    write_text(paths.benchmark("csv"), as_csv(rows))
    write_text(paths.benchmark("md"), as_markdown(rows))
    with atomic_path(paths.benchmark("png")) as png, atomic_path(paths.benchmark("pdf")) as pdf:
        draw(rows, {"png": png, "pdf": pdf})
    print(f"{paths.benchmark('md')} and beside it .csv, .png, .pdf")
