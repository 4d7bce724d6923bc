"""The wave equation of WaveEq, stepped through frame by frame on the grid: plain loops over time and stages."""

import numpy as np
from numpy.typing import NDArray

SIZE = 64
N_FRAMES = 300


def simulate(
    source_amplitude: float, wave_speed: float, dtype: type[np.floating] = np.float32, n_frames: int = N_FRAMES
) -> NDArray[np.floating]:
    """w (n_frames, 64, 64) of w'' = c² Δw + f0·exp(-20 t)·1[disc], from rest, by the 3/8 rule with step 0.001.

    With dtype float64, the time grid and the coefficients are still the float32 ones: the same equations, but
    without the rounding of the arithmetic.
    """
    times = (np.arange(n_frames) * 0.001).astype(np.float32).astype(dtype)
    third, two_thirds, eighth = dtype(1 / 3), dtype(2 / 3), dtype(1 / 8)
    row, column = np.mgrid[:SIZE, :SIZE]
    disc = ((column - 32) ** 2 + (row - 32) ** 2 < 25).astype(dtype)
    squared_speed = dtype(wave_speed) ** 2

    def derivative(time, w, v):
        source = dtype(source_amplitude) * np.exp(dtype(-20) * time)
        return v, squared_speed * laplacian(w) + source * disc

    w = np.zeros((SIZE, SIZE), dtype)
    v = np.zeros((SIZE, SIZE), dtype)
    frames = [w]
    for start, stop in zip(times[:-1], times[1:], strict=True):
        h = stop - start
        w1, v1 = derivative(start, w, v)
        w2, v2 = derivative(start + h * third, w + h * w1 * third, v + h * v1 * third)
        w3, v3 = derivative(start + h * two_thirds, w + h * (w2 - w1 * third), v + h * (v2 - v1 * third))
        w4, v4 = derivative(stop, w + h * (w1 - w2 + w3), v + h * (v1 - v2 + v3))
        w = w + (w1 + 3 * (w2 + w3) + w4) * h * eighth
        v = v + (v1 + 3 * (v2 + v3) + v4) * h * eighth
        frames.append(w)
    return np.stack(frames)


def stencil(dtype: type[np.floating]) -> list[np.floating]:
    """Five-point second derivative of fourth order, rounded to float32."""
    return [dtype(np.float32(coefficient)) for coefficient in (-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12)]


def laplacian(w: NDArray[np.floating]) -> NDArray[np.floating]:
    """Δw on the grid; along each axis 0 where the stencil does not fit."""
    a, b, c, d, e = stencil(w.dtype.type)
    result = np.zeros_like(w)
    result[2:-2] = a * w[:-4] + b * w[1:-3] + c * w[2:-2] + d * w[3:-1] + e * w[4:]
    result[:, 2:-2] += a * w[:, :-4] + b * w[:, 1:-3] + c * w[:, 2:-2] + d * w[:, 3:-1] + e * w[:, 4:]
    return result


def scaled(simulation: NDArray[np.floating]) -> NDArray[np.floating]:
    """Every second frame of a simulation that is scaled to [0, 1] over all its frames: (150, 64, 64)."""
    low, high = simulation.min(), simulation.max()
    return ((simulation - low) / (high - low))[::2]
