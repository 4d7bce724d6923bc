"""`check`: fail unless every run passes a bar, which is a multiple of the best baseline's score."""

import argparse
from pathlib import Path

from pipeline_lib.config.registry import METRICS
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.scores import main_score
from pipeline_lib.runtime.atomic import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument("metric", help="metric to compare, on the first set of test windows")
    parser.add_argument(
        "--n-frames", type=int, metavar="N", help="mean over the first N predicted frames (default: over all)"
    )
    parser.add_argument(
        "--times-best-baseline", type=float, required=True, metavar="F", help="the bar: F times the best baseline"
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, metavar="JSON", help="runs that must pass")
    parser.add_argument("--baselines", type=Path, nargs="+", required=True, metavar="JSON", help="runs of baselines")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="where to write what was found")


def run(args: argparse.Namespace) -> int:
    """0 when every run passes, and the verdict stands in `--out`; raises ValueError naming the runs that do not."""
    if args.metric not in METRICS:
        raise ValueError(f"no metric {args.metric!r} is registered, only {', '.join(sorted(METRICS))}")
    lower_is_better = METRICS[args.metric].direction == "lower"
    baselines = {path: score(path, args.metric, args.n_frames) for path in args.baselines}
    best = min(baselines.values()) if lower_is_better else max(baselines.values())
    bar = args.times_best_baseline * best
    measure = args.metric + (f" over {args.n_frames} frames" if args.n_frames else "")
    lines, failed = [], []
    for path in args.metrics:
        value = score(path, args.metric, args.n_frames)
        # Written so that NaN, which compares false with everything, fails.
        passed = value <= bar if lower_is_better else value >= bar
        line = (
            f"{path.parent}: {measure} {value:.4g}, must be at {'most' if lower_is_better else 'least'} {bar:.4g} "
            f"({args.times_best_baseline:g} times the best baseline's {best:.4g})"
        )
        lines.append(f"{'passed' if passed else 'FAILED'}: {line}")
        if not passed:
            failed.append(line)
    print("\n".join(lines))
    if failed:
        raise ValueError("; ".join(failed))
    write_text(args.out, "\n".join(lines) + "\n")
    return 0


def score(metrics_file: Path, metric: str, n_frames: int | None = None) -> float:
    """The mean of a metric of the forecast over the main (first) set of test windows, from a run's metrics.json."""
    try:
        return main_score(read_metrics(metrics_file), "forecast", metric, n_frames).mean
    except ValueError as error:
        raise ValueError(f"{metrics_file}: {error}; change the experiment's evaluation section") from error
