"""The climatology of a zone: mean and standard deviation of its temperature on each day of the year, over the years.

Days of the year are dates, so that 1 March is the same day in leap years and others. 29 February, which one year in
four has, takes the temperatures of 28 February and 1 March in with its own.
"""

from calendar import month_name
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

DayOfYear = tuple[int, int]
LEAP_DAY: DayOfYear = (2, 29)
AROUND_LEAP_DAY: tuple[DayOfYear, ...] = ((2, 28), LEAP_DAY, (3, 1))


class DailyMoments:
    """Mean and variance over the pixels of a zone, of each day: all that the climatology needs of a series."""

    def __init__(self) -> None:
        self._means: list[Float64] = []
        self._variances: list[Float64] = []

    def add(self, temperatures: NDArray[Any]) -> None:
        """The next days, (n, H, W) [°C]."""
        self._means.append(temperatures.mean(axis=(1, 2), dtype=np.float64))
        self._variances.append(temperatures.var(axis=(1, 2), dtype=np.float64))

    def climatology(
        self, days: Sequence[date], first: date | None = None, last: date | None = None
    ) -> tuple[Float64, Float64]:
        """`daily_mean` and `daily_std` (T,) [°C] of the days (T,) that were added: over all pixels of the zone and all
        years; standard deviations are those of a population.

        first, last: only the days from one to the other are looked at. Raises ValueError where a day of the year is not
        among these, or does not vary at all.
        """
        means, variances = np.concatenate(self._means), np.concatenate(self._variances)
        assert len(days) == len(means)
        looked_at: dict[DayOfYear, list[int]] = {}
        for number, day in enumerate(days):
            if (first is None or first <= day) and (last is None or day <= last):
                looked_at.setdefault((day.month, day.day), []).append(number)
        wanted = dict.fromkeys((day.month, day.day) for day in days)
        of_days = {day: _pooled(looked_at, day, means, variances) for day in wanted}
        daily_mean, daily_std = np.array([of_days[day.month, day.day] for day in days]).T
        if (daily_std == 0).any():
            day = days[int(np.flatnonzero(daily_std == 0)[0])]
            raise ValueError(f"the temperature of {day.day} {month_name[day.month]} never varies, which no sea's does")
        return daily_mean, daily_std


def _pooled(
    looked_at: dict[DayOfYear, list[int]], day: DayOfYear, means: Float64, variances: Float64
) -> tuple[float, float]:
    """Mean and standard deviation over the years, from those of single days, which have equally many pixels."""
    around = AROUND_LEAP_DAY if day == LEAP_DAY else (day,)
    numbers = [number for each in around for number in looked_at.get(each, [])]
    if not numbers:
        raise ValueError(
            f"the days that the climatology is taken over have no {day[1]} {month_name[day[0]]}, which the files have: "
            "give it whole years"
        )
    mean = means[numbers].mean()
    return float(mean), float(np.sqrt(np.mean(variances[numbers] + (means[numbers] - mean) ** 2)))
