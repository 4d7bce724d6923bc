"""The rows of a benchmark as CSV, everything in full precision, and as Markdown, to be read."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline_lib.records.benchmark import PARTS, BenchmarkRow, Measurement, Spread

DASH = "–"
BUSY = 0.1
"""Share of the processor from which on other work is worth a word."""

ARITHMETICS = ("float32", "tf32", "bf16", "fp16")


def as_csv(rows: Sequence[BenchmarkRow]) -> str:
    """One line per row; numbers of one that failed are empty. Times in seconds, memory in bytes."""
    lines = [_line(row) for row in rows]
    stream = io.StringIO()
    header = dict.fromkeys(key for line in lines for key in line)
    writer = csv.DictWriter(stream, list(header), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _line(row: BenchmarkRow) -> dict[str, Any]:
    packages = row.provenance.get("packages", {})
    line = {
        "experiment": row.experiment,
        "measured": row.measured,
        "on_sample": row.is_on_sample,
        "quick": row.is_quick,
        "status": "failed" if row.measurement is None else "measured",
        "reason": row.reason,
        "device": row.identity["device"],
        "precision": row.precision,
        "n_threads": row.n_threads,
        "batch_size": row.batch_size,
        "n_processes": row.n_processes,
        "git_commit": row.identity["git_commit"],
        "git_dirty": row.identity["git_dirty"],
        "date": row.date,
        "python": packages.get("python", ""),
        "torch": row.identity["torch"],
        "cpu": row.provenance.get("hardware", {}).get("cpu", ""),
    }
    return line if row.measurement is None else {**line, **_numbers(row, row.measurement)}


def _numbers(row: BenchmarkRow, found: Measurement) -> dict[str, Any]:
    share = found.matmul_share(row.precision)
    spreads = {
        "iteration_seconds": found.iteration_seconds,
        **{f"{part}_seconds": found.part_seconds[part] for part in PARTS},
        "waiting_share": found.waiting_share,
        "batch_alone_seconds": found.batch_seconds,
        "evaluation_seconds": found.evaluation_seconds,
        "copy_bytes_per_second": found.copy_rate,
        **({"plain_iteration_seconds": found.plain_seconds} if found.plain_seconds else {}),
        **({"plain_ratio": found.plain_ratio} if found.plain_ratio else {}),
        **{f"{name}_flops_per_second": rate for name, rate in found.matmul_rates.items()},
    }
    return {
        "repetitions": found.iteration_seconds.n,
        "iterations_per_repetition": found.n_iterations,
        "iterations_per_second": found.iterations_per_second,
        "frames_per_second": found.frames_per_second,
        "windows_per_iteration": found.n_windows,
        "frames_per_window": found.n_frames,
        "evaluated_windows": found.n_evaluated,
        "evaluated_frames_per_second": found.evaluated_frames_per_second,
        "training_peak_bytes": found.peak_bytes["training"],
        "evaluation_peak_bytes": found.peak_bytes["evaluation"],
        "made_frames_per_second": found.made_frames_per_second,
        "n_parameters": found.n_parameters,
        "flops_per_iteration": found.flops_per_iteration,
        "share_of_matmul_rate": "" if share is None else share,
        "optimiser_share_of_copy_rate": found.optimiser_copy_share,
        "others_share_of_processor": found.others_share,
        **{
            f"{name}{suffix}": value
            for name, spread in spreads.items()
            for suffix, value in (("", spread.median), ("_least", spread.least), ("_most", spread.most))
        },
    }


def as_markdown(rows: Sequence[BenchmarkRow]) -> str:
    """A part for each device, commit and version of PyTorch: what was measured there, and what was not."""
    groups: dict[tuple[Any, ...], list[BenchmarkRow]] = {}
    for row in rows:
        key = tuple(row.identity[name] for name in ("device", "git_commit", "git_dirty", "torch"))
        groups.setdefault(key, []).append(row)
    parts = [line for group in groups.values() for line in _part(group)]
    return "\n".join(
        ["# Benchmark", "", "Medians, ranges in brackets; docs/benchmarks.md says how to read them.", *parts]
    )


def _part(rows: Sequence[BenchmarkRow]) -> Iterator[str]:
    measured = [(row, row.measurement) for row in rows if row.measurement is not None]
    identity, dates = rows[0].identity, sorted(row.date for row in rows)
    dirty = " with uncommitted changes" if identity["git_dirty"] else ""
    yield from ("", f"## {identity['device']}", "")
    yield f"- commit {identity['git_commit'] or 'unknown'}{dirty}; {dates[0]} to {dates[-1]}"
    packages = rows[0].provenance.get("packages", {})
    yield f"- PyTorch {identity['torch']}, Python {packages.get('python', '?')}, NumPy {packages.get('numpy', '?')}"
    if measured:
        yield from _rates([found for _, found in measured])
        yield from ("", "Training, a step's parts in ms:", "")
        yield from _table(TRAINING, [_training(row, found) for row, found in measured])
        yield from ("", "Data alone, and evaluation:", "")
        yield from _table(OTHERS, [_others(row, found) for row, found in measured])
    if plain := [(row, found.plain_seconds, found.plain_ratio) for row, found in measured if found.plain_ratio]:
        yield from ("", "The same training steps by the plain implementation, in turns with ours:", "")
        yield from _table(PLAIN, [_beside_plain(row, seconds, ratio) for row, seconds, ratio in plain if seconds])
    yield from _remarks(rows)
    yield ""


def _rates(found: Sequence[Measurement]) -> Iterator[str]:
    """What the device can do: the range over all that was measured on it."""
    for name in ARITHMETICS:
        if of_name := [each.matmul_rates[name] for each in found if name in each.matmul_rates]:
            yield f"- matrix products in {name}: {_joined(of_name, 1e9)} GFLOP/s"
    yield f"- copies within its memory: {_joined([each.copy_rate for each in found], 1e9)} GB/s, read and written"


def _joined(spreads: Sequence[Spread], unit: float) -> str:
    middle = Spread.of([spread.median for spread in spreads])
    return _range(
        Spread(middle.median, min(s.least for s in spreads), max(s.most for s in spreads), middle.n), 1 / unit
    )


TRAINING = (
    *("configuration", "batch", "precision", "threads", "ms an iteration", "iterations/s", "frames/s"),
    *(*PARTS, "waits for data", "GFLOP an iteration", "of the products' rate", "of the copies' rate (optimiser)"),
    "peak memory",
)
OTHERS = (
    "configuration",
    "ms a batch",
    "batches' frames/s",
    "evaluated frames/s",
    "ms a window",
    "windows a pass",
    "peak memory",
)


def _training(row: BenchmarkRow, found: Measurement) -> list[str]:
    share = found.matmul_share(row.precision)
    return [
        name_of(row),
        str(row.batch_size),
        row.precision,
        str(row.n_threads) if row.on_cpu else DASH,
        _range(found.iteration_seconds, 1e3),
        short(found.iterations_per_second),
        short(found.frames_per_second),
        *(short(1e3 * found.part_seconds[part].median) for part in PARTS),
        f"{found.waiting_share.median:.1%}",
        short(found.flops_per_iteration / 1e9),
        DASH if share is None else f"{share:.0%}",
        f"{found.optimiser_copy_share:.0%}",
        _size(found.peak_bytes["training"]),
    ]


def _others(row: BenchmarkRow, found: Measurement) -> list[str]:
    return [
        name_of(row),
        _range(found.batch_seconds, 1e3),
        short(found.made_frames_per_second),
        short(found.evaluated_frames_per_second),
        _range(found.evaluation_seconds, 1e3 / found.n_evaluated),
        str(found.n_evaluated),
        _size(found.peak_bytes["evaluation"]),
    ]


PLAIN = ("configuration", "plain implementation, float32, ms an iteration", "times ours")


def _beside_plain(row: BenchmarkRow, seconds: Spread, ratio: Spread) -> list[str]:
    return [name_of(row), _range(seconds, 1e3), _range(ratio, 1)]


def _remarks(rows: Sequence[BenchmarkRow]) -> Iterator[str]:
    remarks = [f"- {row.experiment}: not measured, {row.reason}" for row in rows if row.measurement is None]
    if any(row.is_on_sample for row in rows):
        remarks.append("- on sample: the same networks and batches, on made-up data in the place of missing raw data")
    if any(row.is_quick for row in rows):
        remarks.append("- quick: single iterations and few windows in each repetition")
    for row in rows:
        if row.measurement is not None and row.measurement.others_share >= BUSY:
            share = f"{row.measurement.others_share:.0%}"
            remarks.append(f"- {name_of(row)}: other work had {share} of the processor; a free machine takes less time")
    if remarks:
        yield from ("", *remarks)


def name_of(row: BenchmarkRow) -> str:
    """What tables and the picture call a row."""
    processes = [f"one of {row.n_processes} processes"] if row.n_processes > 1 else []
    marks = [*processes, *(["on sample"] if row.is_on_sample else []), *(["quick"] if row.is_quick else [])]
    return row.experiment + (f" ({', '.join(marks)})" if marks else "")


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "| --- |" + " ---: |" * (len(header) - 1)
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def _range(spread: Spread, factor: float) -> str:
    return f"{short(factor * spread.median)} ({short(factor * spread.least)} – {short(factor * spread.most)})"


def short(value: float) -> str:
    """Three digits: 0.0123, 1.23, 123, 12,300."""
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
