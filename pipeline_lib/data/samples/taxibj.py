"""A synthetic city in the four raw files of TaxiBJ: what taxis might do where nobody has recorded any.

A few districts, blots on the map of 32x32 regions, take part in what a day brings: to work in the morning and home in
the evening, out at night, to and from the stations; less of one and more of the other at weekends. What enters one
district leaves others at the same time. The whole city, and each district by itself, is busier or quieter than usual
for some hours, which only the frames before can tell. Counts are Poisson draws.
"""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.data.taxibj_raw import FILES, FRAME_SHAPE, SLOTS_PER_DAY, Int64, write_flows

SEED = 20130701


@dataclass(frozen=True)
class Period:
    """What one file holds: days from the first one on, those of which some or all half hours were not recorded.

    growth: how much traffic there is.
    """

    first: datetime.date
    n_days: int
    incomplete: tuple[int, ...]
    unrecorded: tuple[int, ...]
    growth: float


# The last two of the incomplete days lie a week before days of the test part, and the last one in it.
PERIODS = (
    Period(datetime.date(2013, 7, 1), 16, (9,), (), 0.8),
    Period(datetime.date(2014, 3, 1), 16, (5,), (), 0.9),
    Period(datetime.date(2015, 3, 1), 16, (), (8,), 0.95),
    Period(datetime.date(2016, 2, 20), 51, (3, 17, 33), (), 1.0),
)

N_DISTRICTS = 18
BUSIEST = 900.0
"""About as many taxis enter the busiest region in its busiest half hour."""

HOURS = np.arange(SLOTS_PER_DAY) / 2

Floats = NDArray[np.float64]


def make(folder: str | os.PathLike[str], seed: int = SEED) -> None:
    """Write the four files, the same from the same seed: 99 days, 95 of them complete."""
    random = np.random.default_rng(seed)
    maps, rhythms = _districts(random), _rhythms(random)
    for name, period in zip(FILES, PERIODS, strict=True):
        half_hours = _half_hours(period, random)
        flows = _flows(period, half_hours, maps, rhythms, random)
        write_flows(Path(folder) / name, half_hours, flows)


def _districts(random: np.random.Generator) -> Floats:
    """How much each region takes part in each district, (districts, 32, 32); busier ones are nearer to the middle.

    The first is the city at large.
    """
    side = FRAME_SHAPE[1]
    row, column = np.indices((side, side))
    angle = random.uniform(0, 2 * np.pi, N_DISTRICTS)
    distance = 13 * random.beta(1.6, 1.8, N_DISTRICTS)
    widths = random.uniform(0.7, 2.6, (2, N_DISTRICTS))
    weights = random.lognormal(0, 0.5, N_DISTRICTS) * np.exp(-distance / 12)
    distance[0], widths[:, 0], weights[0] = 0, 7.5, 0.2
    centres = side / 2 + distance * np.stack([np.cos(angle), np.sin(angle)])
    rows = (row[None] - centres[0, :, None, None]) / widths[0, :, None, None]
    columns = (column[None] - centres[1, :, None, None]) / widths[1, :, None, None]
    maps: Floats = weights[:, None, None] * np.exp(-(rows**2 + columns**2) / 2)
    return maps / maps.sum(axis=0).max()


def _rhythms(random: np.random.Generator) -> Floats:
    """Activity by kind of day (working day, weekend), direction (in, out), district and half hour: (2, 2, D, 48).

    A district is a mixture of homes, offices, nightlife and a station, each with its hours.
    """
    base = 0.05 + 0.35 * _around(14, 5)
    kinds = np.array(
        [
            # working days in, out; weekends in, out
            [_around(18.8, 1.4), _around(8.0, 0.9), 0.6 * _around(17.5, 2.5), 0.6 * _around(11.0, 1.8)],
            [_around(8.6, 0.9), _around(18.2, 1.2), 0.25 * _around(10.5, 1.4), 0.25 * _around(17.0, 1.8)],
            [0.5 * _around(20.0, 1.1), 0.5 * _around(23.5, 1.0), _around(20.5, 1.5), _around(0.5, 1.2)],
            [0.4 * _around(7.0, 1.8), 0.4 * _around(21.0, 1.8), 0.5 * _around(9.0, 2.1), 0.5 * _around(19.0, 2.1)],
        ]
    )
    mixture = random.dirichlet([0.7, 0.7, 0.35, 0.3], N_DISTRICTS)
    activity = np.einsum("dk,kps->pds", mixture, kinds) + base * np.array([0.8, 0.8, 1.0, 1.0])[:, None, None]
    return activity.reshape(2, 2, N_DISTRICTS, SLOTS_PER_DAY)


def _around(hour: float, width: float) -> Floats:
    """A bump around an hour of the day, which goes on over midnight: (48,)."""
    apart = (HOURS - hour + 12) % 24 - 12
    return np.exp(-((apart / width) ** 2) / 2)


def _half_hours(period: Period, random: np.random.Generator) -> Int64:
    """The half hours that were recorded; of an incomplete day some are lost, here and there and one after the other."""
    is_recorded = np.ones((period.n_days, SLOTS_PER_DAY), np.bool_)
    for day in period.incomplete:
        first = random.integers(4, 36)
        is_recorded[day, first : first + random.integers(2, 9)] = False
        is_recorded[day, random.choice(SLOTS_PER_DAY, 3, replace=False)] = False
    is_recorded[list(period.unrecorded)] = False
    return period.first.toordinal() * SLOTS_PER_DAY + np.flatnonzero(is_recorded)


def _flows(
    period: Period, half_hours: Int64, maps: Floats, rhythms: Floats, random: np.random.Generator
) -> NDArray[np.int64]:
    """Counts (T, 2, 32, 32) of the given half hours."""
    days, slots = np.divmod(half_hours, SLOTS_PER_DAY)
    is_weekend = (days - 1) % 7 >= 5  # day 1 of the calendar was a Monday
    activity_TID = rhythms[is_weekend.astype(int), :, :, slots]
    times = half_hours - half_hours[0]
    of_city = _moods(random, 1, int(times[-1]) + 1, hours=9, spread=0.10)[:, times]
    of_district = _moods(random, N_DISTRICTS, int(times[-1]) + 1, hours=4, spread=0.14)[:, times]
    busyness_TD = np.exp(of_city + of_district).T
    rates = np.einsum("tid,dhw->tihw", activity_TID * busyness_TD[:, None], maps, optimize=True)
    return random.poisson(period.growth * BUSIEST * rates)


def _moods(random: np.random.Generator, n: int, n_times: int, hours: float, spread: float) -> Floats:
    """Deviations from the usual that last for about so many hours, (n, n_times), with a standard deviation `spread`."""
    kept = np.exp(-0.5 / hours)
    moods = spread * random.standard_normal((n, n_times))
    for t in range(1, n_times):
        moods[:, t] = kept * moods[:, t - 1] + np.sqrt(1 - kept**2) * moods[:, t]
    return moods
