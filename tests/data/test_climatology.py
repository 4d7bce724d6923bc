"""The climatology by day of the year against the plain definition, over all pixels of all years; leap days."""

from datetime import date, timedelta

import numpy as np
import pytest

from pipeline_lib.data.climatology import DailyMoments

FIRST_DAY = date(2006, 12, 28)


def series(n_days: int, first: date = FIRST_DAY) -> tuple[list[date], np.ndarray]:
    days = [first + timedelta(days=day) for day in range(n_days)]
    noise = np.random.default_rng(0).normal(size=(n_days, 4, 5))
    season = np.array([5 * np.cos(2 * np.pi * day.timetuple().tm_yday / 365) for day in days])
    return days, 15 + season[:, None, None] + noise * (1 + np.arange(5) / 5)


def of(days: list[date], temperatures: np.ndarray, **period: date) -> tuple[np.ndarray, np.ndarray]:
    moments = DailyMoments()
    for first in range(0, len(days), 7):
        moments.add(temperatures[first : first + 7])
    return moments.climatology(days, **period)


def test_every_day_of_the_year_has_the_mean_and_deviation_over_all_years_and_pixels() -> None:
    days, temperatures = series(1100)
    mean, std = of(days, temperatures)
    for number in (0, 3, 100, 400, 1000, 1099):
        same = [k for k, day in enumerate(days) if (day.month, day.day) == (days[number].month, days[number].day)]
        assert len(same) in (3, 4)
        assert mean[number] == pytest.approx(temperatures[same].mean(), rel=1e-12)
        assert std[number] == pytest.approx(temperatures[same].std(), rel=1e-12)


def test_the_first_of_march_is_one_day_in_all_years_and_leap_days_look_at_their_neighbours() -> None:
    days, temperatures = series(1100)
    mean, std = of(days, temperatures)
    march = [days.index(date(year, 3, 1)) for year in (2007, 2008, 2009)]
    assert np.ptp(mean[march]) == 0 and mean[march[0]] == pytest.approx(temperatures[march].mean(), rel=1e-12)
    leap_day = days.index(date(2008, 2, 29))
    around = [k for k, day in enumerate(days) if (day.month, day.day) in ((2, 28), (2, 29), (3, 1))]
    assert len(around) == 7
    assert mean[leap_day] == pytest.approx(temperatures[around].mean(), rel=1e-12)
    assert std[leap_day] == pytest.approx(temperatures[around].std(), rel=1e-12)


def test_a_period_leaves_the_other_days_out() -> None:
    days, temperatures = series(1100)
    first, last = date(2007, 1, 1), date(2008, 12, 31)
    mean, _ = of(days, temperatures, first=first, last=last)
    number = days.index(date(2009, 6, 1))
    same = [days.index(date(year, 6, 1)) for year in (2007, 2008)]
    assert mean[number] == pytest.approx(temperatures[same].mean(), rel=1e-12)
    shifted = np.where(np.array([first <= day <= last for day in days])[:, None, None], temperatures, 99.0)
    np.testing.assert_array_equal(of(days, shifted, first=first, last=last)[0], mean)


def test_a_leap_day_outside_the_period_has_the_climatology_of_its_neighbours() -> None:
    days, temperatures = series(800)  # to March 2009, with 29 February 2008
    mean, _ = of(days, temperatures, first=date(2006, 12, 28), last=date(2007, 12, 27))
    neighbours = [days.index(date(2007, 2, 28)), days.index(date(2007, 3, 1))]
    assert mean[days.index(date(2008, 2, 29))] == pytest.approx(temperatures[neighbours].mean(), rel=1e-12)


def test_a_day_of_the_year_that_the_period_lacks_is_named() -> None:
    days, temperatures = series(400)
    with pytest.raises(ValueError, match="have no 28 December, which the files have"):
        of(days, temperatures, first=date(2007, 1, 1), last=date(2007, 6, 30))


def test_a_temperature_that_never_varies_is_named() -> None:
    days, temperatures = series(10)
    temperatures[6] = 4.0
    with pytest.raises(ValueError, match="temperature of 3 January never varies"):
        of(days, temperatures)
