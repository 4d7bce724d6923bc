"""From temperatures in °C to what networks see, and back (PDE paper, appendix on the datasets).

    anomaly    a_t = (x_t - daily_mean_t) / daily_std_t      the climatology of day t, one number for the whole zone
    normalised y_t = (a_t - mean(a_t)) / std(a_t)            mean and population standard deviation over the zone

All in float64, in which way there and back differ from nothing by a few roundings of the temperature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class DayStatistics:
    """What a day's frame was normalised with, arrays of any common shape (…).

    climatology_mean, climatology_std: in °C. spatial_mean, spatial_std: of the anomaly, without a unit.
    """

    climatology_mean: Float64
    climatology_std: Float64
    spatial_mean: Float64
    spatial_std: Float64

    def __getitem__(self, chosen: Any) -> "DayStatistics":
        """Those of some of the days, chosen as entries of an array are."""
        return DayStatistics(**{name: values[chosen] for name, values in self.arrays().items()})

    @staticmethod
    def joined(parts: Sequence["DayStatistics"]) -> "DayStatistics":
        """Parts of a series behind each other."""
        names = parts[0].arrays()
        return DayStatistics(**{name: np.concatenate([part.arrays()[name] for part in parts]) for name in names})

    def arrays(self) -> dict[str, Float64]:
        """By name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def statistics_of(temperature: Float64, climatology_mean: Float64, climatology_std: Float64) -> DayStatistics:
    """Of frames (…, H, W) [°C], with the climatology of their days (…) [°C]."""
    anomaly = _anomaly(temperature, climatology_mean, climatology_std)
    return DayStatistics(climatology_mean, climatology_std, anomaly.mean(axis=(-2, -1)), anomaly.std(axis=(-2, -1)))


def normalise(temperature: Float64, statistics: DayStatistics) -> Float64:
    """Frames (…, H, W) [°C] as networks see them: each with mean 0 and standard deviation 1."""
    anomaly = _anomaly(temperature, statistics.climatology_mean, statistics.climatology_std)
    return (anomaly - _over_pixels(statistics.spatial_mean)) / _over_pixels(statistics.spatial_std)


def denormalise(normalised: NDArray[Any], statistics: DayStatistics) -> Float64:
    """The inverse of `normalise`: frames (…, H, W) in °C."""
    anomaly = normalised * _over_pixels(statistics.spatial_std) + _over_pixels(statistics.spatial_mean)
    return anomaly * _over_pixels(statistics.climatology_std) + _over_pixels(statistics.climatology_mean)


def _anomaly(temperature: Float64, climatology_mean: Float64, climatology_std: Float64) -> Float64:
    return (temperature - _over_pixels(climatology_mean)) / _over_pixels(climatology_std)


def _over_pixels(values: Float64) -> Float64:
    return values[..., None, None]
