"""A temperature that currents carry along and that diffuses, on a patch of the sphere between four walls.

    ∂T/∂t + u · ∇T = κ ΔT + (climate(latitude, day) - T) / τ + weather

The currents have a stream function, which is 0 on the walls, so that nothing flows through them: a jet and many waves,
which drift westwards as eddies do. Advection is by finite volumes with van Leer's limited slopes. Fluxes of a stream
function have no divergence, so a uniform temperature stays uniform; without climate and weather, heat is conserved.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS = 6.371e6  # m
SECONDS_PER_DAY = 86_400.0
DIFFUSIVITY = 50.0  # m²/s
RELAXATION_DAYS = 40.0

N_WAVES = 60
SHORTEST, LONGEST = 1.2e5, 6e5  # wavelengths, m
EDDY_SPEED = 0.3  # m/s, root mean square of the currents that all waves make
DRIFT = (0.02, 0.09)  # m/s westwards, of the shortest and the longest waves
JET_SPEED, JET_WIDTH = 0.3, 1.5e5  # m/s, m

N_WEATHER_MODES = 3
WEATHER = 0.045  # °C a day, standard deviation of each mode
WEATHER_MEMORY_DAYS = 4.0

LARGEST_SHARE = 0.7
"""Of what is in a cell, this is the most that flows out of it in one step."""

SIDES: dict[int, tuple[Any, Any]] = {0: (np.s_[:-1], np.s_[1:]), 1: (np.s_[:, :-1], np.s_[:, 1:])}
"""By axis: all that have a following one, and all that follow one."""

INNER: dict[int, Any] = {0: np.s_[1:-1], 1: np.s_[:, 1:-1]}
"""By axis: all that have a neighbour on both sides."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Patch:
    """rows x columns cells of `spacing` degrees a side; row 0 is the southernmost, at latitude `south` [degrees]."""

    rows: int
    columns: int
    south: float
    spacing: float

    @property
    def latitude(self) -> Float64:
        """Of the cells' middles, (rows,) [degrees]."""
        return self.south + self.spacing * np.arange(self.rows, dtype=np.float64)

    @property
    def height(self) -> float:
        """Of a cell [m]."""
        return EARTH_RADIUS * math.radians(self.spacing)

    def width(self, n_rows_further: float = 0.0) -> Float64:
        """Of the cells (rows, 1) [m], this many rows further north."""
        width: Float64 = self.height * np.cos(np.radians(self.latitude + n_rows_further * self.spacing))
        return width[:, None]

    @property
    def area(self) -> Float64:
        """Of the cells (rows, 1) [m²]."""
        return self.height * self.width()


class Currents:
    """A stream function for every day, all of it drawn at the beginning."""

    def __init__(self, patch: Patch, random: np.random.Generator) -> None:
        y = patch.height * np.arange(patch.rows + 1, dtype=np.float64)
        x = float(patch.width()[patch.rows // 2, 0]) * np.arange(patch.columns + 1, dtype=np.float64)
        wavelength = np.exp(random.uniform(math.log(SHORTEST), math.log(LONGEST), N_WAVES))
        direction = random.uniform(0, 2 * math.pi, N_WAVES)
        phase = random.uniform(0, 2 * math.pi, N_WAVES)
        wavenumber = 2 * math.pi / wavelength
        eastwards, northwards = wavenumber * np.cos(direction), wavenumber * np.sin(direction)
        # All waves have the same speed: that of a cos(…) is a · wavenumber / √2.
        self._waves = EDDY_SPEED * math.sqrt(2 / N_WAVES) / wavenumber * np.exp(1j * phase)
        self._frequency = eastwards * np.interp(wavelength, (SHORTEST, LONGEST), DRIFT)
        self._along_y, self._along_x = np.exp(1j * np.outer(y, northwards)), np.exp(1j * np.outer(eastwards, x))
        self._jet = -JET_SPEED * JET_WIDTH * np.tanh((y - y.mean()) / JET_WIDTH)[:, None]
        self._walls = _fading(y)[:, None] * _fading(x)

    def stream_function(self, day: float) -> Float32:
        """ψ at the cells' corners (rows + 1, columns + 1) [m²/s]: u = -∂ψ/∂y, v = ∂ψ/∂x."""
        now = self._waves * np.exp(1j * SECONDS_PER_DAY * day * self._frequency)
        waves = ((self._along_y * now) @ self._along_x).real
        return (self._walls * (waves + self._jet)).astype(np.float32)


def _fading(x: Float64) -> Float64:
    """0 at both ends, and 1 from a tenth of the way on."""
    from_end = np.minimum(x, x.max() - x) / x.max()
    fading: Float64 = np.sin(math.pi / 2 * np.minimum(1, 10 * from_end)) ** 2
    return fading


class Weather:
    """Warming and cooling of large parts of the patch, which remembers itself for a few days."""

    def __init__(self, patch: Patch, random: np.random.Generator) -> None:
        self._random, self._kept = random, math.exp(-1 / WEATHER_MEMORY_DAYS)
        self._state = np.zeros((N_WEATHER_MODES, N_WEATHER_MODES))
        self._along_y, self._along_x = (
            np.cos(np.outer(math.pi * (np.arange(n) + 0.5) / n, np.arange(N_WEATHER_MODES)))
            for n in (patch.rows, patch.columns)
        )

    def next_day(self) -> Float32:
        """(rows, columns) [°C a day]."""
        news = WEATHER * math.sqrt(1 - self._kept**2) * self._random.normal(size=self._state.shape)
        self._state = self._kept * self._state + news
        return (self._along_y @ self._state @ self._along_x.T).astype(np.float32)


def climate(patch: Patch, day: date) -> Float32:
    """(rows, 1) [°C]: colder towards the north, warmest at the end of August, with greater seasons in the north."""
    north = (patch.latitude - patch.south)[:, None]
    season = math.cos(2 * math.pi * (day.timetuple().tm_yday - 240) / 365.25)
    return (23 - 0.9 * north + (3 + 0.15 * north) * season).astype(np.float32)


class Transport:
    """Advection and diffusion alone, for a day whose currents do not change, by `n_steps` steps of Euler's."""

    def __init__(self, patch: Patch, stream_function: Float32) -> None:
        fluxes = through_faces(stream_function)
        self.n_steps = max(1, math.ceil(SECONDS_PER_DAY * _largest_outflow(patch, fluxes) / LARGEST_SHARE))
        share = SECONDS_PER_DAY / self.n_steps / patch.area
        widths_north = patch.width(0.5)[:-1]
        self._directions = (
            _Direction(1, fluxes[1], share, DIFFUSIVITY * patch.height / patch.width()),
            _Direction(0, fluxes[0], (share[:-1] + share[1:]) / 2, DIFFUSIVITY * widths_north / patch.height),
        )
        self._share = share.astype(np.float32)

    def step(self, temperature: Float32) -> Float32:
        """From (rows, columns) [°C] to the same a step later."""
        change = np.zeros_like(temperature)
        for direction in self._directions:
            before, behind = SIDES[direction.axis]
            carried = direction.carried(temperature)
            change[before] -= carried
            change[behind] += carried
        change *= self._share
        change += temperature
        return change


def through_faces(stream_function: Float32) -> dict[int, Float32]:
    """By axis, what flows through the cells' faces, to the north (rows - 1, columns), and to the east (rows, columns -
    1) [m²/s]."""
    return {0: np.diff(stream_function, axis=1)[1:-1], 1: -np.diff(stream_function, axis=0)[:, 1:-1]}


def _largest_outflow(patch: Patch, fluxes: dict[int, Float32]) -> float:
    """The largest share of a cell that flows out of it in a second."""
    through = np.zeros((patch.rows, patch.columns))
    for axis, flux in fluxes.items():
        for side in SIDES[axis]:
            through[side] += abs(flux)
    return float((through / (2 * patch.area)).max())  # as much flows in as out


class _Direction:
    """Transport through the faces between cells along one axis."""

    def __init__(self, axis: int, flux: Float32, share: Float64, conductance: Float64) -> None:
        """share: of a cell, that a flux of 1 m²/s carries off in a step. conductance: m²/s."""
        self.axis = axis
        self._flux, self._conductance = flux, conductance.astype(np.float32)
        # Where the flow goes forwards, the temperature before the face counts, and half a slope beyond it, less what
        # has flowed on during the step; where backwards, the one behind, and half a slope before it.
        self._forwards = flux > 0
        self._slope_share = (np.sign(flux) - flux * share).astype(np.float32)

    def carried(self, temperature: Float32) -> Float32:
        """What is carried through the faces, by currents and diffusion [°C m²/s]."""
        before, behind = SIDES[self.axis]
        difference = temperature[behind] - temperature[before]
        half_slope = np.zeros_like(temperature)
        half_slope[INNER[self.axis]] = _half_slope(difference[before], difference[behind])
        carried = self._slope_share * np.where(self._forwards, half_slope[before], half_slope[behind])
        carried += np.where(self._forwards, temperature[before], temperature[behind])
        carried *= self._flux
        difference *= self._conductance
        carried -= difference
        return carried


def _half_slope(before: Float32, behind: Float32) -> Float32:
    """Van Leer's slope times ½, of the differences to both neighbours: the harmonic mean, 0 at an extreme."""
    product = before * behind
    rises = product > 0
    return np.divide(product, before + behind, out=np.zeros_like(product), where=rises)


def simulate(patch: Patch, first_day: date, n_days: int, seed: int, n_before: int) -> Iterator[Float32]:
    """The temperature on each of `n_days`, (rows, columns) [°C], after `n_before` days that nobody sees."""
    of_currents, of_weather = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2))
    currents, weather = Currents(patch, of_currents), Weather(patch, of_weather)
    temperature = climate(patch, first_day - timedelta(days=n_before)).repeat(patch.columns, axis=1)
    for number in range(-n_before, n_days):
        if number >= 0:
            yield temperature
        warming = (climate(patch, first_day + timedelta(days=number)) - temperature) / np.float32(RELAXATION_DAYS)
        warming += weather.next_day()
        transport = Transport(patch, currents.stream_function(number + 0.5))
        warming /= np.float32(transport.n_steps)
        for _ in range(transport.n_steps):
            temperature = transport.step(temperature)
            temperature += warming
