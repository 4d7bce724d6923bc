"""Rows of a benchmark as a measurement leaves them, with round numbers."""

from pipeline_lib.records.benchmark import BenchmarkRow, Measurement, Spread


def spread(median: float) -> Spread:
    """Five repetitions, within a tenth of the median."""
    return Spread(median, 0.9 * median, 1.1 * median, 5)


def measurement(**changes) -> Measurement:
    """100 ms an iteration: 20 ms of data, 30 forward, 40 backward, 10 optimiser; a GFLOP; 100 GFLOP/s at most."""
    parts = {"data": 0.02, "forward": 0.03, "backward": 0.04, "optimiser": 0.01}
    values = {
        "batch_seconds": spread(0.015),
        "iteration_seconds": spread(0.1),
        "part_seconds": {part: spread(seconds) for part, seconds in parts.items()},
        "waiting_share": spread(0.2),
        "n_windows": 8.0,
        "n_frames": 15,
        "n_iterations": 20,
        "evaluation_seconds": spread(0.5),
        "n_evaluated": 4,
        "n_evaluated_frames": 80,
        "peak_bytes": {"training": 300_000_000, "evaluation": 2_500_000_000},
        "flops_per_iteration": 10**9,
        "n_parameters": 10**6,
        "frame_shape": [1, 1, 10],
        "matmul_rates": {"float32": spread(1e11), "bf16": spread(4e11)},
        "copy_rate": spread(1e10),
        "others_share": 0.0,
    }
    return Measurement(**(values | changes))


def row(experiment="wave_eq_100/pde", found: Measurement | None = None, **changes) -> BenchmarkRow:
    """On a CPU, measured unless `reason` says why not."""
    identity = {
        "git_commit": "0123456789abcdef",
        "git_dirty": False,
        "source": "s",
        "settings": "s",
        "device": "a processor, 2 cores",
        "device_type": "cpu",
        "torch": "2.9",
        "quick": False,
        "repetitions": 5,
    }
    values = {
        "experiment": experiment,
        "measured": experiment,
        "identity": identity | changes.pop("identity", {}),
        "date": "2030-01-02T03:04:05+00:00",
        "provenance": {"packages": {"python": "3.12", "numpy": "2.3"}, "hardware": {"cpu": "a processor"}},
        "precision": "float32",
        "n_threads": 2,
        "batch_size": 8,
        "measurement": None if "reason" in changes else found or measurement(),
    }
    return BenchmarkRow(**(values | changes))
