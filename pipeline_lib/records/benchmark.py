"""Rows of a benchmark: what one configuration takes on one device, a JSON file each, with a schema version."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline_lib.runtime.atomic import write_json

BENCHMARK_SCHEMA = 1
PARTS = ("data", "forward", "backward", "optimiser")
"""Of a training step, in their order."""


@dataclass(frozen=True)
class Spread:
    """Of `n` repetitions: median, smallest, largest."""

    median: float
    least: float
    most: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Measurement:
    """What was found; times in seconds, memory in bytes.

    batch_seconds: a batch of training data, made or read and on the device, with nothing else going on.
    iteration_seconds: an iteration of the training loop, data included; part_seconds: of it, by `PARTS`.
    waiting_share: of an iteration's time, what went by before its batch was there.
    n_windows, n_frames: of an iteration's batch on average, and of a window. n_iterations: of each repetition.
    evaluation_seconds: a pass over n_evaluated windows, forecasts and their scores, of n_evaluated_frames in all, those
    that are given and those that are predicted.
    peak_bytes: by "training" and "evaluation", allocated on the device; on a CPU the process's largest resident set,
    which never shrinks: that of the evaluation is of both.
    flops_per_iteration: floating-point operations of its matrix products and convolutions, forward and backward.
    matmul_rates: floating-point operations per second of large matrix products, by arithmetic.
    copy_rate: bytes per second that a copy within the device's memory reads and writes.
    others_share: share of all cores' time that other work had meanwhile.
    plain_seconds: an iteration by the plain implementation in float32; plain_ratio: of pairs, taken in turns, what that
    is of ours. None where they were not wanted.
    """

    batch_seconds: Spread
    iteration_seconds: Spread
    part_seconds: Mapping[str, Spread]
    waiting_share: Spread
    n_windows: float
    n_frames: int
    n_iterations: int
    evaluation_seconds: Spread
    n_evaluated: int
    n_evaluated_frames: int
    peak_bytes: Mapping[str, int]
    flops_per_iteration: int
    n_parameters: int
    frame_shape: Sequence[int]
    matmul_rates: Mapping[str, Spread]
    copy_rate: Spread
    others_share: float
    plain_seconds: Spread | None = None
    plain_ratio: Spread | None = None

    @property
    def iterations_per_second(self) -> float:
        return 1 / self.iteration_seconds.median

    @property
    def frames_per_second(self) -> float:
        """Frames of training windows."""
        return self.n_windows * self.n_frames / self.iteration_seconds.median

    @property
    def made_frames_per_second(self) -> float:
        """Frames of training windows, made or read, with nothing else going on."""
        return self.n_windows * self.n_frames / self.batch_seconds.median

    @property
    def evaluated_frames_per_second(self) -> float:
        return self.n_evaluated_frames / self.evaluation_seconds.median

    @property
    def flops_per_second(self) -> float:
        """What an iteration's operations come to in its time, waiting included."""
        return self.flops_per_iteration / self.iteration_seconds.median

    def matmul_share(self, precision: str) -> float | None:
        """`flops_per_second` as a share of the device's rate in this arithmetic; None where that was not measured."""
        rate = self.matmul_rates.get(precision)
        return None if rate is None else self.flops_per_second / rate.median

    @property
    def optimiser_copy_share(self) -> float:
        """What Adam must move at least (reads weight, gradient and two moments, writes all but the gradient; float32)
        in its part of an iteration, as a share of the copy rate. Above 1 where all of it stays in a cache."""
        moved = 7 * 4 * self.n_parameters
        return moved / self.part_seconds["optimiser"].median / self.copy_rate.median


@dataclass(frozen=True)
class BenchmarkRow:
    """One configuration on one device. measurement: None where it failed, and `reason` says why.

    experiment: what was asked for. measured: what ran; another one where the sample data stood in for raw data that
    are missing. batch_size: of the one process that was measured, of `n_processes`.
    identity: all that the numbers hold for (commit, source, device, settings, how it was measured).
    """

    experiment: str
    measured: str
    identity: Mapping[str, Any]
    date: str
    provenance: Mapping[str, Any]
    precision: str = ""
    n_threads: int = 0
    batch_size: int = 0
    n_processes: int = 1
    measurement: Measurement | None = None
    reason: str = ""
    schema_version: int = field(default=BENCHMARK_SCHEMA)

    @property
    def is_on_sample(self) -> bool:
        """Whether sample data stood in for its own."""
        return self.measured != self.experiment

    @property
    def is_quick(self) -> bool:
        return bool(self.identity["quick"])

    @property
    def on_cpu(self) -> bool:
        return self.identity["device_type"] == "cpu"


def write_row(path: Path, row: BenchmarkRow) -> None:
    """Write a row, all of it or nothing."""
    write_json(path, asdict(row))


def read_row(path: Path) -> BenchmarkRow:
    """Read a row; raises ValueError naming the file where it is none."""
    try:
        content = json.loads(path.read_text())
        if content["schema_version"] != BENCHMARK_SCHEMA:
            raise ValueError(f"schema version {content['schema_version']}, expected is {BENCHMARK_SCHEMA}")
        found = content.pop("measurement")
        row = BenchmarkRow(**content, measurement=None if found is None else measurement_of(found))
        _ = row.is_quick, row.on_cpu
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: no row of a benchmark ({error}); delete it and measure again") from error
    return row


def read_rows(folder: Path) -> list[BenchmarkRow]:
    """Every row in a folder and below it, by the names of the files."""
    return [read_row(path) for path in sorted(folder.rglob("*.json"))]


def measurement_of(content: Mapping[str, Any]) -> Measurement:
    """What `asdict` has made plain; raises TypeError or KeyError where something is missing."""
    spreads = {key: Spread(**content[key]) for key in SPREADS}
    spreads |= {key: Spread(**content[key]) for key in PERHAPS_SPREADS if content.get(key) is not None}
    by_name = {key: {name: Spread(**value) for name, value in content[key].items()} for key in SPREADS_BY_NAME}
    found = Measurement(**{**content, **spreads, **by_name})
    if list(found.part_seconds) != list(PARTS):
        raise KeyError(f"parts {list(found.part_seconds)}")
    return found


SPREADS = ("batch_seconds", "iteration_seconds", "waiting_share", "evaluation_seconds", "copy_rate")
PERHAPS_SPREADS = ("plain_seconds", "plain_ratio")
SPREADS_BY_NAME = ("part_seconds", "matmul_rates")
