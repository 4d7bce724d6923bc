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

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.wave_eq import WaveEq100Settings, WaveEqSettings
from pipeline_lib.data.hdf5 import VideoDescription, write_videos

SIZE = 64
N_SIMULATED_FRAMES = 300
N_FRAMES = N_SIMULATED_FRAMES // 2
TIME_STEP = 0.001
SOURCE_DECAY = 20.0
BORDER = 2
INNER = SIZE - 2 * BORDER

# Simulations and frames that a worker holds at a time: few enough for its cache, enough to keep Python's share small.
BATCH = 4
BLOCK = 30
N_WORKERS = 2
assert N_SIMULATED_FRAMES % BLOCK == BLOCK % 2 == 0

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
    """What the oscillators share, (60, 60) each: eigenvectors in columns (float32), λi + λj and source (float64)."""

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


class _Oscillators:
    """The modes x'' = κx + f(t) of n simulations at once: `position` and `velocity` (n, 60, 60), from rest."""

    def __init__(self, source_amplitude: Float64, wave_speed: Float64) -> None:
        modes = _modes()
        self._kappa = (wave_speed[:, None, None] ** 2 * modes.eigenvalues).astype(np.float32)
        self._source = (source_amplitude[:, None, None] * modes.source).astype(np.float32)
        self.position, self.velocity, self._dx, self._dv, self._term = (np.zeros_like(self._kappa) for _ in range(5))
        times = time_grid()
        self._steps = np.diff(times).tolist()
        # The neighbours on the float32 grid differ by one of 11 values.
        self._tables = {step: self._step_tables(step) for step in set(self._steps)}
        self._decay = np.exp(-SOURCE_DECAY * times.astype(np.float64)).astype(np.float32)

    def _step_tables(self, h: float) -> tuple[NDArray[np.floating], ...]:
        """One 3/8-rule step of length h: x += ax + bv + pf(t), v += dx + av + rf(t), with z = h²κ, f(t + h/3) = qf(t).

        The tables hold the *change* over a step: a small number in float32 keeps the digits that 1 plus a small
        number loses.
        """
        q = math.exp(-SOURCE_DECAY * h / 3)
        z = (h * h) * self._kappa
        slope = 1 + z / 6
        a = z * (1 / 2 + z / 24)
        p = (h * h / 8) * self._source * ((1 + 2 * q + q**2) + z / 3)
        r = (h / 8) * self._source * ((1 + 3 * q + 3 * q**2 + q**3) + z * (q + 1 / 3))
        return a, h * slope, h * self._kappa * slope, p, r

    def advance(self, n: int) -> None:
        """From frame n to frame n + 1."""
        a, b, d, p, r = self._tables[self._steps[n]]
        x, v, dx, dv, term = self.position, self.velocity, self._dx, self._dv, self._term
        np.multiply(a, x, out=dx)
        dx += np.multiply(b, v, out=term)
        dx += np.multiply(p, self._decay[n], out=term)
        np.multiply(a, v, out=dv)
        dv += np.multiply(d, x, out=term)
        dv += np.multiply(r, self._decay[n], out=term)
        x += dx
        v += dv


def simulate(source_amplitude: Float64, wave_speed: Float64) -> Iterator[Float32]:
    """The inner pixels of n simulations, all 300 frames in order, in blocks (30, n, 60, 60) float32.

    A block is valid until the next one is asked for.
    """
    oscillators = _Oscillators(source_amplitude, wave_speed)
    to_grid = _modes().to_grid
    modal, half_way, grid = (np.empty((BLOCK, len(wave_speed), INNER, INNER), np.float32) for _ in range(3))
    for frame in range(N_SIMULATED_FRAMES):
        modal[frame % BLOCK] = oscillators.position
        if frame + 1 < N_SIMULATED_FRAMES:
            oscillators.advance(frame)
        if (frame + 1) % BLOCK == 0:
            np.matmul(modal, to_grid.T, out=half_way)
            np.matmul(to_grid, half_way, out=grid)
            yield grid


def scaled_videos(source_amplitude: Float64, wave_speed: Float64) -> Float32:
    """Every second frame of n simulations, each scaled to [0, 1] by its extremes: (n, 150, 1, 64, 64) float32.

    The extremes are those over all 300 frames and the whole 64x64 square, whose border is 0.
    """
    n = len(wave_speed)
    videos = np.zeros((n, N_FRAMES, 1, SIZE, SIZE), np.float32)
    low, high = np.zeros(n, np.float32), np.zeros(n, np.float32)
    for k, block in enumerate(simulate(source_amplitude, wave_speed)):
        np.minimum(low, block.min(axis=(0, 2, 3)), out=low)
        np.maximum(high, block.max(axis=(0, 2, 3)), out=high)
        kept = slice(k * BLOCK // 2, (k + 1) * BLOCK // 2)
        videos[:, kept, 0, BORDER:-BORDER, BORDER:-BORDER] = block[::2].swapaxes(0, 1)
    videos -= low[:, None, None, None, None]
    videos /= (high - low)[:, None, None, None, None]
    return videos


def simulate_videos(source_amplitude: Float64, wave_speed: Float64) -> Iterator[Float32]:
    """`scaled_videos` of any number of simulations, a few at a time, in order, on two threads."""
    starts = range(0, len(wave_speed), BATCH)

    def videos(start: int) -> Float32:
        chosen = slice(start, start + BATCH)
        return scaled_videos(source_amplitude[chosen], wave_speed[chosen])

    with ThreadPoolExecutor(N_WORKERS) as pool:
        # One turn per worker: results that nobody has asked for yet would fill the memory.
        for first in range(0, len(starts), N_WORKERS):
            yield from pool.map(videos, starts[first : first + N_WORKERS])


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
