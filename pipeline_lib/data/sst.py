"""Sea surface temperature: the zones' files normalised, the first 80 % of the days for training, the rest for the test.

A video is a zone. Its frames are normalised by climatology and by frame (`sst_normalisation`); all that the way back
needs is in the files, for every day.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.config.sst import SstPreparation, SstSettings, zone_file
from pipeline_lib.data.hdf5 import VideoDescription, write_videos
from pipeline_lib.data.sst_normalisation import DayStatistics, normalise, statistics_of
from pipeline_lib.data.sst_zones import SIZE, zone_days
from pipeline_lib.runtime.checksums import sha256_of

FRAME_SHAPE = (1, SIZE, SIZE)


SEA_CELSIUS = (-5.0, 45.0)
"""Temperatures that the surface of a sea may have, generously [°C]."""


@dataclass(frozen=True)
class ZoneFacts:
    """What is known of a zone once its file is read: statistics (T,) of its days, and extremes over all of them.

    source: where its file says that it comes from. temperature_range: in °C. normalised_range: of the normalised
    frames, which the published SSIM scales with.
    """

    path: Path
    source: str
    statistics: DayStatistics
    temperature_range: tuple[float, float]
    normalised_range: tuple[float, float]

    @property
    def n_days(self) -> int:
        """T."""
        return len(self.statistics.spatial_mean)


def prepare(
    settings: SstSettings,
    train_path: str | os.PathLike[str],
    test_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
    code_version: str = "unknown",
    *,
    raw: str | os.PathLike[str],
) -> None:
    """Write both parts from the zones' files in the folder `raw`; nothing is written before all of these were read.

    `progress` is called with the zones that are written and those to be written, of both parts together. Further
    datasets, for N zones and T days of a part: `zone` (N,); `date` (T,); `climatology_mean`, `climatology_std`,
    `spatial_mean`, `spatial_std` (N, T); and `temperature_minimum`, …`_maximum`, `normalised_minimum`, …`_maximum`
    (N,), over all days of both parts.
    Raises ValueError, naming file and day, where a file is missing or damaged, where a day lacks a temperature or does
    not vary over the zone, and where zones have different numbers of days.
    """
    made = settings.preparation
    facts = _read_all(Path(raw), made)
    n_days = next(iter(facts.values())).n_days
    n_train = int(settings.TRAIN_SHARE * n_days)
    # Zones that somebody has cut are others than those of the paper, and files say so.
    said = dict.fromkeys(each.source for each in facts.values() if each.source)
    source = "; ".join([RAW_SOURCES[str(settings.raw_source)].title, *said])
    raw_sha256 = {each.path.name: sha256_of(each.path) for each in facts.values()}
    n_written = 0

    def report() -> None:
        nonlocal n_written
        n_written += 1
        if progress is not None:
            progress(n_written, len(made.train_zones) + len(made.test_zones))

    parts: list[tuple[str, Any, Sequence[int], slice]] = [
        ("train", train_path, made.train_zones, slice(0, n_train)),
        ("test", test_path, made.test_zones, slice(n_train, n_days)),
    ]
    for part, path, zones, days in parts:
        description = VideoDescription.of(settings, part, code_version, raw_sha256, source)
        chosen = [facts[zone] for zone in zones]
        shape = (len(zones), days.stop - days.start, *FRAME_SHAPE)
        arrays = {"zone": np.array(zones, np.int64), "date": _dates(made.first_day, days), **_arrays(chosen, days)}
        write_videos(path, shape, _videos(chosen, days, made.first_day, report), description, arrays)


def _read_all(raw: Path, made: SstPreparation) -> dict[int, ZoneFacts]:
    """What is known of every zone that is wanted."""
    facts: dict[int, ZoneFacts] = {}
    for zone in sorted({*made.train_zones, *made.test_zones}):
        facts[zone] = found = read_facts(raw / zone_file(zone), made.first_day, made.n_days)
        first = next(iter(facts.values()))
        if found.n_days != first.n_days:
            raise ValueError(
                f"{found.path} holds {found.n_days} days, {first.path} {first.n_days}: all zones must have the same "
                "days; get all files from one source, or set dataset.preparation.n_days to what all of them have"
            )
    return facts


def read_facts(path: Path, first_day: date, n_days: int | None) -> ZoneFacts:
    """Read all of a zone's file, or its first `n_days`. Raises ValueError, naming file and day, for what is wrong."""
    statistics: list[DayStatistics] = []
    of_temperature: list[float] = []
    of_normalised: list[float] = []
    with zone_days(path, first_day) as zone:
        if n_days is not None and zone.n_days < n_days:
            raise ValueError(
                f"{path} holds {zone.n_days} days, fewer than the {n_days} of dataset.preparation.n_days: lower that"
            )
        for days, temperature in zone.blocks(0, n_days or zone.n_days):
            if (is_flat := np.ptp(temperature, axis=(1, 2)) == 0).any():
                day = days.start + int(np.flatnonzero(is_flat)[0])
                raise ValueError(
                    f"{path}: thetao of day {day} ({first_day + timedelta(days=day)}) is the same everywhere, so it "
                    "cannot be normalised: is the day missing?"
                )
            _check_celsius(temperature, path, days.start, first_day)
            of_block = statistics_of(temperature, zone.climatology_mean[days], zone.climatology_std[days])
            normalised = normalise(temperature, of_block)
            statistics.append(of_block)
            of_temperature += [temperature.min(), temperature.max()]
            of_normalised += [normalised.min(), normalised.max()]
    return ZoneFacts(
        path,
        zone.source,
        DayStatistics.joined(statistics),
        (float(min(of_temperature)), float(max(of_temperature))),
        (float(min(of_normalised)), float(max(of_normalised))),
    )


def _check_celsius(temperature_THW: NDArray[np.float64], path: Path, first: int, first_day: date) -> None:
    """ValueError where no sea has such temperatures in °C: files need not say that they are in kelvins."""
    low, high = SEA_CELSIUS
    if (is_beyond := ((temperature_THW < low) | (temperature_THW > high)).any(axis=(1, 2))).any():
        number = int(np.flatnonzero(is_beyond)[0])
        of_day, day = temperature_THW[number], first + number
        raise ValueError(
            f"{path}: thetao of day {day} ({first_day + timedelta(days=day)}) goes from {of_day.min():.6g} to "
            f"{of_day.max():.6g}, expected are degrees Celsius of a sea, {low:g} to {high:g}: is it in kelvins?"
        )


def _videos(
    chosen: Sequence[ZoneFacts], days: slice, first_day: date, report: Callable[[], None]
) -> Iterator[NDArray[np.float32]]:
    """Some days of each zone, normalised, (1, T, 1, 64, 64)."""
    for facts in chosen:
        video = np.empty((1, days.stop - days.start, *FRAME_SHAPE), np.float32)
        with zone_days(facts.path, first_day) as zone:
            for of_block, temperature in zone.blocks(days.start, days.stop):
                places = slice(of_block.start - days.start, of_block.stop - days.start)
                video[0, places, 0] = normalise(temperature, facts.statistics[of_block])
        yield video
        report()


def _arrays(chosen: Sequence[ZoneFacts], days: slice) -> Mapping[str, NDArray[Any]]:
    """What the way back needs of these zones and days."""
    of_days = [facts.statistics[days].arrays() for facts in chosen]
    arrays = {name: np.stack([each[name] for each in of_days]) for name in of_days[0]}
    for name, ranges in (
        ("temperature", [facts.temperature_range for facts in chosen]),
        ("normalised", [facts.normalised_range for facts in chosen]),
    ):
        arrays[f"{name}_minimum"], arrays[f"{name}_maximum"] = np.array(ranges, np.float64).T
    return arrays


def _dates(first_day: date, days: slice) -> NDArray[np.bytes_]:
    return np.array([str(first_day + timedelta(days=day)) for day in range(days.start, days.stop)], "S10")
