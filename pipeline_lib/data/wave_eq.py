"""WaveEq and WaveEq-100: simulations of a wave that a decaying source excites in the middle of a 64x64 square.

w'' = c² Δw + f0·exp(-20 t)·1[disc], from rest, integrated by the 3/8 rule (fourth-order Runge-Kutta) with
five-point fourth-order differences, which are 0 where the stencil does not fit: in the outer two rows for the
vertical derivative, in the outer two columns for the horizontal one (PDE paper, appendix on the datasets).

Stepping through that on the grid is the plain way (tests/reference/wave_eq.py). Two facts make it fast:

- The outer two rows and columns stay exactly zero: nothing reaches them, neither source nor stencil. On the inner
  60x60 pixels the second derivative along an axis is a symmetric matrix D = Q diag(λ) Qᵀ, the same for both axes.
- In the modes Qᵀ W Q the equation falls apart into 3,600 oscillators x'' = c²(λi + λj) x + f, on which one
  Runge-Kutta step is a 2x2 matrix plus a multiple of f; both depend on the step length alone.

So a step costs a dozen elementwise operations, and the frames come back by two matrix products. The result is that
of the plain loop up to rounding.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.dataset import WaveEq100Settings, WaveEqSettings
from pipeline_lib.data.hdf5 import VideoDescription, write_videos

SIZE = 64
N_SIMULATED_FRAMES = 300
N_FRAMES = N_SIMULATED_FRAMES // 2
TIME_STEP = 0.001
SOURCE_DECAY = 20.0
BORDER = 2
INNER = SIZE - 2 * BORDER

# Simulations a worker holds at a time: long arrays keep the interpreter's share small, short ones stay in cache.
BATCH = 4
N_WORKERS = 2

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def time_grid() -> Float32:
    """The instants of the 300 frames: float32 multiples of 0.001."""
    return (np.arange(N_SIMULATED_FRAMES) * TIME_STEP).astype(np.float32)


def disc() -> NDArray[np.bool_]:
    """The 69 pixels (64, 64) on which the source acts: those strictly within 5 of pixel (32, 32)."""
    row, column = np.indices((SIZE, SIZE))
    return (column - SIZE // 2) ** 2 + (row - SIZE // 2) ** 2 < 25


def draw_parameters(n_simulations: int, seed: int) -> tuple[Float64, Float64]:
    """Source amplitudes f0 ~ U(1, 30) and wave speeds c ~ U(300, 400), both (n_simulations,), drawn in turns."""
    generator = np.random.RandomState(seed)
    draws = generator.uniform([1.0, 300.0], [30.0, 400.0], size=(n_simulations, 2))
    return draws[:, 0], draws[:, 1]


def draw_pixels(n_pixels: int, seed: int) -> tuple[Int64, Int64]:
    """Rows, then columns (n_pixels,) of the sampled pixels, each uniform in 0..63; a pixel may come twice."""
    generator = np.random.RandomState(seed)
    rows = generator.randint(0, SIZE, size=n_pixels)
    columns = generator.randint(0, SIZE, size=n_pixels)
    return rows.astype(np.int64), columns.astype(np.int64)


@dataclass(frozen=True)
class _Modes:
    """What the oscillators share: eigenvectors (60, 60) in float32; source and eigenvalues (60, 60) in float64."""

    to_grid: Float32
    eigenvalues: Float64
    source: Float64


@cache
def _modes() -> _Modes:
    # The plain loop multiplies by float32 coefficients. They do not sum to 0, which moves the result by 6e-5.
    stencil = np.array([-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12], np.float32).astype(np.float64)
    derivative = sum(np.diag(np.full(INNER - abs(k), stencil[k + 2]), k) for k in range(-2, 3))
    eigenvalues, vectors = np.linalg.eigh(derivative)
    inner = slice(BORDER, SIZE - BORDER)
    mask = disc().astype(np.float64)
    assert mask[inner, inner].sum() == mask.sum(), "the source must not touch the border, which then stays zero"
    return _Modes(
        to_grid=vectors.astype(np.float32),
        eigenvalues=eigenvalues[:, None] + eigenvalues,
        source=vectors.T @ mask[inner, inner] @ vectors,
    )


def _step_tables(source_amplitude: Float64, wave_speed: Float64, step: float) -> tuple[Float32, ...]:
    """One 3/8-rule step of length h of x'' = κx + f: x += ax + bv + pf(t), v += dx + av + rf(t).

    With z = h²κ and f(t + h/3) = q·f(t). Returns a, b, d, p, r, each (n, 60, 60). The tables hold the *change*
    over a step: a small number in float32 keeps the digits that 1 plus a small number loses.
    """
    modes = _modes()
    h = step
    kappa = wave_speed[:, None, None] ** 2 * modes.eigenvalues
    source = source_amplitude[:, None, None] * modes.source
    z = h * h * kappa
    q = np.exp(-SOURCE_DECAY * h / 3)
    a = z / 2 + z * z / 24
    b = h * (1 + z / 6)
    d = h * kappa * (1 + z / 6)
    p = h * h / 8 * source * (1 + 2 * q + q**2 + z / 3)
    r = h / 8 * source * (1 + 3 * q + 3 * q**2 + q**3 + z * (q + 1 / 3))
    return tuple(table.astype(np.float32) for table in (a, b, d, p, r))


class Simulator:
    """Simulates up to `batch` parameter pairs at a time, in buffers that are made once (52 MB at batch 4)."""

    def __init__(self, batch: int = BATCH) -> None:
        frames = (N_SIMULATED_FRAMES, batch, INNER, INNER)
        self._modal = np.zeros(frames, np.float32)
        self._half_way = np.empty(frames, np.float32)
        self._grid = np.empty(frames, np.float32)

    def simulate(self, source_amplitude: Float64, wave_speed: Float64) -> Float32:
        """The inner pixels of all frames: (300, n, 60, 60), valid until the next call; n at most `batch`."""
        n = len(wave_speed)
        assert n <= self._modal.shape[1], (n, self._modal.shape)
        modal, half_way, grid = self._modal[:, :n], self._half_way[:, :n], self._grid[:, :n]
        self._step_through(modal, source_amplitude, wave_speed)
        to_grid = _modes().to_grid
        np.matmul(modal, to_grid.T, out=half_way)
        np.matmul(to_grid, half_way, out=grid)
        return grid

    @staticmethod
    def _step_through(modal: Float32, source_amplitude: Float64, wave_speed: Float64) -> None:
        """Fill modal[1:] from modal[0] = 0."""
        times = time_grid()
        steps = np.diff(times).tolist()
        # The neighbours on the float32 grid differ by one of 11 values.
        tables = {step: _step_tables(source_amplitude, wave_speed, step) for step in set(steps)}
        source = np.exp(-SOURCE_DECAY * times.astype(np.float64)).astype(np.float32)
        velocity, change, term = (np.zeros_like(modal[0]) for _ in range(3))
        for n, step in enumerate(steps):
            a, b, d, p, r = tables[step]
            position = modal[n]
            np.multiply(a, position, out=change)
            change += np.multiply(b, velocity, out=term)
            change += np.multiply(p, source[n], out=term)
            np.add(position, change, out=modal[n + 1])
            np.multiply(a, velocity, out=change)
            change += np.multiply(d, position, out=term)
            change += np.multiply(r, source[n], out=term)
            velocity += change


def scaled_videos(simulated: Float32) -> Float32:
    """Every second frame, scaled to [0, 1] by the extremes of its simulation: (300, n, 60, 60) → (n, 150, 1, 64, 64).

    The extremes are those over all 300 frames and the whole 64x64 square, whose border is 0.
    """
    low = np.minimum(simulated.min(axis=(0, 2, 3)), 0)[:, None, None]
    high = np.maximum(simulated.max(axis=(0, 2, 3)), 0)[:, None, None]
    kept = (simulated[::2] - low) / (high - low)
    videos = np.empty((simulated.shape[1], N_FRAMES, 1, SIZE, SIZE), np.float32)
    videos[:] = (-low / (high - low))[:, :, :, None, None]
    videos[:, :, 0, BORDER:-BORDER, BORDER:-BORDER] = kept.swapaxes(0, 1)
    return videos


def simulate_videos(source_amplitude: Float64, wave_speed: Float64) -> Iterator[Float32]:
    """Prepared videos (n, 150, 1, 64, 64) float32 in [0, 1] of the given simulations, a few at a time, in order."""
    workers = [Simulator() for _ in range(N_WORKERS)]
    starts = range(0, len(wave_speed), BATCH)

    def simulate(worker: Simulator, start: int) -> Float32:
        chosen = slice(start, start + BATCH)
        return scaled_videos(worker.simulate(source_amplitude[chosen], wave_speed[chosen]))

    with ThreadPoolExecutor(N_WORKERS) as pool:
        for first in range(0, len(starts), N_WORKERS):
            yield from pool.map(simulate, workers, starts[first : first + N_WORKERS])


def prepare(
    settings: WaveEqSettings | WaveEq100Settings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
) -> None:
    """Simulate, and write the training and the test part, frames (1, 64, 64) or, for WaveEq-100, (1, 1, n_pixels).

    `progress` is called with the simulations done and those to do in all. The files' further datasets are
    `source_amplitude` f0, `wave_speed` c (N,) and, for WaveEq-100, `pixel_rows`, `pixel_columns` (n_pixels,).
    """
    preparation = settings.preparation
    n_simulations, n_train = preparation.n_simulations, preparation.n_train_simulations
    source_amplitude, wave_speed = draw_parameters(n_simulations, preparation.seed)
    pixels: dict[str, Int64] = {}
    frame_shape = (1, SIZE, SIZE)
    if isinstance(settings, WaveEq100Settings):
        rows, columns = draw_pixels(settings.preparation.n_pixels, settings.preparation.pixel_seed)
        pixels = {"pixel_rows": rows, "pixel_columns": columns}
        frame_shape = (1, 1, len(rows))

    def batches(first: int, last: int) -> Iterator[Float32]:
        done = first
        for videos in simulate_videos(source_amplitude[first:last], wave_speed[first:last]):
            yield videos[:, :, :, None, rows, columns] if pixels else videos
            done += len(videos)
            if progress is not None:
                progress(done, n_simulations)

    parts: list[tuple[str, Any, int, int]] = [
        ("train", train_path, 0, n_train),
        ("test", test_path, n_train, n_simulations),
    ]
    for part, path, first, last in parts:
        description = VideoDescription(
            dataset=settings.name,
            part=part,
            source="simulation of the wave equation with a decaying source on a disc",
            preparation=preparation.model_dump(mode="json"),
            code_version=code_version,
            published_frame_width=SIZE,
        )
        parameters = {"source_amplitude": source_amplitude[first:last], "wave_speed": wave_speed[first:last]}
        shape = (last - first, N_FRAMES, *frame_shape)
        write_videos(path, shape, batches(first, last), description, {**parameters, **pixels})
