"""Time of the WaveEq simulation: ours, the plain loop one simulation at a time, and the published way.

    OMP_NUM_THREADS=2 python -m benchmarks.wave_eq_simulation

The plain loop (tests/reference/wave_eq.py) is vectorised over pixels. The published way also walks through rows and
columns in Python, in PyTorch. Ours is measured on all 300 simulations, the plain loop on some of them, the published
way on a few time steps; they run in turns, and must give the same result.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from pipeline_lib.data import wave_eq
from tests.reference import wave_eq as reference

N_SIMULATIONS = 300
TOLERANCE = 1e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=7, help="measurements of each way (7)")
    parser.add_argument("--plain", type=int, default=20, help="simulations per measurement of the plain loop (20)")
    parser.add_argument("--published-steps", type=int, default=10, help="time steps of the published way (10)")
    args = parser.parse_args()
    parameters = wave_eq.draw_parameters(N_SIMULATIONS, seed=42)
    first = tuple(values[: args.plain] for values in parameters)

    def ours() -> None:
        for _ in wave_eq.simulate_videos(*parameters):
            pass  # a preparation writes a few videos at a time and keeps none

    def plain() -> np.ndarray:
        pairs = zip(*first, strict=True)
        return np.stack([reference.scaled(reference.simulate(f0, c))[:, None] for f0, c in pairs])

    difference = np.abs(np.concatenate(list(wave_eq.simulate_videos(*first))) - plain()).max()
    assert difference <= TOLERANCE, f"results differ by {difference}"
    print(f"largest difference on {args.plain} prepared videos, which span 0 to 1: {difference:.1e}")

    per_simulation: dict[str, list[float]] = {"ours": [], "plain loop": [], "published way": []}
    for _ in range(args.repetitions):
        per_simulation["ours"].append(seconds(ours) / N_SIMULATIONS)
        per_simulation["plain loop"].append(seconds(plain) / args.plain)
        published = published_seconds(first[0][0], first[1][0], args.published_steps)
        per_simulation["published way"].append(published)
    report(per_simulation)


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def report(per_simulation: dict[str, list[float]]) -> None:
    ours = per_simulation["ours"]
    print(f"{'':14}{'ms a simulation':>16}{'range':>18}{'300 of them':>13}{'x ours':>8}{'range of pairs':>18}")
    for name, values in per_simulation.items():
        median = statistics.median(values)
        spread = f"{1e3 * min(values):.1f} - {1e3 * max(values):.1f}"
        ratios = [value / own for value, own in zip(values, ours, strict=True)]
        pairs = f"{min(ratios):.1f} - {max(ratios):.1f}"
        total = f"{N_SIMULATIONS * median:.2f} s"
        print(f"{name:14}{1e3 * median:16.2f}{spread:>18}{total:>13}{statistics.median(ratios):8.1f}{pairs:>18}")


def published_seconds(source_amplitude: float, wave_speed: float, n_steps: int) -> float:
    """Seconds that a simulation of 299 steps would take the published way, from its first `n_steps` steps."""
    published_simulation(source_amplitude, wave_speed, 1)
    start = time.perf_counter()
    frames = published_simulation(source_amplitude, wave_speed, n_steps)
    elapsed = time.perf_counter() - start
    plain = reference.simulate(source_amplitude, wave_speed, n_frames=n_steps + 1)
    assert np.abs(frames.numpy() - plain).max() <= TOLERANCE * np.abs(plain).max()
    return elapsed / n_steps * (reference.N_FRAMES - 1)


def published_simulation(source_amplitude: float, wave_speed: float, n_steps: int) -> torch.Tensor:
    """The first n_steps + 1 frames (n, 64, 64): Python loops over time, stages, rows and columns."""
    times = torch.from_numpy(wave_eq.time_grid())
    disc = torch.from_numpy(wave_eq.disc()).float()
    a, b, c, d, e = (float(coefficient) for coefficient in reference.stencil(np.float32))

    def second_derivative(line: torch.Tensor) -> torch.Tensor:
        result = torch.zeros_like(line)
        result[2:-2] = a * line[:-4] + b * line[1:-3] + c * line[2:-2] + d * line[3:-1] + e * line[4:]
        return result

    def derivative(time: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        w, v = state
        along_columns, along_rows = torch.zeros_like(w), torch.zeros_like(w)
        for k in range(wave_eq.SIZE):
            along_rows[k] = second_derivative(w[k])
        for k in range(wave_eq.SIZE):
            along_columns[:, k] = second_derivative(w[:, k])
        source = source_amplitude * torch.exp(-wave_eq.SOURCE_DECAY * time) * disc
        return torch.stack([v, wave_speed**2 * (along_rows + along_columns) + source])

    state = torch.zeros(2, wave_eq.SIZE, wave_eq.SIZE)
    frames = [state[0]]
    for start, stop in zip(times[:n_steps], times[1 : n_steps + 1], strict=True):
        h = stop - start
        k1 = derivative(start, state)
        k2 = derivative(start + h / 3, state + h * k1 / 3)
        k3 = derivative(start + h * 2 / 3, state + h * (k2 - k1 / 3))
        k4 = derivative(stop, state + h * (k1 - k2 + k3))
        state = state + (k1 + 3 * (k2 + k3) + k4) * h / 8
        frames.append(state[0])
    return torch.stack(frames)


if __name__ == "__main__":
    main()
