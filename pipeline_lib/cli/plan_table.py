"""A plan as people read it: a table of runs, the data, the disks, and what the times rest on."""

from collections.abc import Sequence
from typing import Any

NOT_COUNTED = """\
Times are of training alone, one run after the other, on frames that are there already: only those by the benchmark
count the making of training videos. Preparation, validation, evaluation and baselines are not estimated, nor is the
disk for raw files, figures, logs and the tracking store."""

BUSY = 0.1
"""Share of the processor from which on other work is worth a word."""

DASH, UNKNOWN = "–", "?"


def as_text(plan: dict[str, Any]) -> str:
    """The plan of `pipeline_lib.cli.plan`, for a terminal."""
    header = ["run", "iterations", "state", "s/iteration", "time", "GPU hours", "disk"]
    runs = aligned([header, *map(_run, plan["runs"]), _total(plan["total"])], "lrlrrrr")
    data = aligned([["data", "state", "disk"], *map(_dataset, plan["datasets"])], "llr")
    parts = [runs, data, [line for disk in plan["disks"] for line in _disk(disk)], _reasons(plan["runs"])]
    parts.append([*_measurements(plan["runs"]), NOT_COUNTED])
    return "\n\n".join("\n".join(part) for part in parts if part)


def _run(row: dict[str, Any]) -> list[str]:
    state = row["state"]
    if state == "resumable":
        state = f"resumable at {row['done_iterations']:,}"
    if row["remaining_iterations"] == 0:
        seconds = time = hours = DASH
    else:
        timing = row["timing"]
        seconds = f"{timing['seconds_per_iteration']:.3g}" if timing else UNKNOWN
        time = UNKNOWN if row["seconds"] is None else duration(row["seconds"])
        hours = UNKNOWN if row["gpu_hours"] is None else f"{row['gpu_hours']:.2g}"
    iterations = DASH if row["is_baseline"] else UNKNOWN if row["iterations"] is None else f"{row['iterations']:,}"
    disk = UNKNOWN if row["bytes"] is None else size(row["bytes"]) if row["bytes"] else DASH
    return [_name(row), iterations, state, seconds, time, hours, disk]


def _name(row: dict[str, Any]) -> str:
    return row["experiment"] + ("" if row["seed"] is None else f" seed {row['seed']}")


def _total(total: dict[str, dict[str, Any]]) -> list[str]:
    """Sums; where something in them is unknown, they are the least that it takes."""

    def shown(key: str, text: str) -> str:
        return text if total[key]["is_complete"] else f"≥ {text}"

    return [
        "total, still to do",
        shown("remaining_iterations", f"{total['remaining_iterations']['sum']:,}"),
        "",
        "",
        shown("seconds", duration(total["seconds"]["sum"])),
        shown("gpu_hours", f"{total['gpu_hours']['sum']:.2g}"),
        shown("bytes", size(total["bytes"]["sum"])),
    ]


def _dataset(row: dict[str, Any]) -> list[str]:
    disk = UNKNOWN if row["bytes"] is None else size(row["bytes"]) if row["bytes"] else DASH
    return [row["dataset"], "prepared" if row["is_prepared"] else "to prepare", disk]


def _disk(disk: dict[str, Any]) -> list[str]:
    folders, least = " and ".join(disk["folders"]), "" if disk["is_complete"] else "at least "
    lines = [f"{folders}: {least}{size(disk['bytes'])} to be filled, {size(disk['free_bytes'])} free"]
    if not disk["fits"]:
        lines.append(
            "WARNING: this does not fit. `python -m pipeline_lib prune` removes states that nothing uses; results_dir "
            "and data_dir may lie on other disks"
        )
    return lines


def _reasons(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Why something is unknown or refused, once for all runs that it concerns."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row["unknown_because"]:
            by_reason.setdefault(row["unknown_because"], []).append(_name(row))
    return [f"{_some(names)}: {reason}" for reason, names in by_reason.items()]


def _measurements(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the times rest on, once for all runs that share a measurement."""
    by_measurement: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["timing"]:
            by_measurement.setdefault(row["timing"]["measurement"], []).append(row)
    return [_measurement(sharing) for sharing in by_measurement.values()]


def _measurement(rows: Sequence[dict[str, Any]]) -> str:
    timing = rows[0]["timing"]
    what = "1 iteration" if timing["n_timed"] == 1 else f"the median of {timing['n_timed']} iterations"
    when = "timed earlier" if timing["is_remembered"] else "timed now"
    if timing["by_benchmark"]:
        when = "by the benchmark"
    threads = f" (threads: {timing['n_threads']})" if timing["on_cpu"] else ""
    line = f"{_some(list(map(_name, rows)))}: {what}, {when} on {timing['device']}{threads}"
    if timing["others_share_of_processor"] >= BUSY:
        share = f"{timing['others_share_of_processor']:.0%}"
        line += f",\n  while other work had {share} of the processor: a free machine takes less time (--refresh)"
    return line


def _some(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def duration(seconds: float) -> str:
    """42 s, 12 min, 3 h 20 min, 5.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{seconds / 86400:.1f} days"


def size(n_bytes: float) -> str:
    """12 kB, 3.4 MB, 17 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            value = n_bytes / factor
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def aligned(rows: Sequence[Sequence[str]], alignment: str) -> list[str]:
    """Columns two spaces apart; `alignment` has l or r for each."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(alignment))]
    return [
        "  ".join(
            c.ljust(w) if a == "l" else c.rjust(w) for c, w, a in zip(row, widths, alignment, strict=True)
        ).rstrip()
        for row in rows
    ]
