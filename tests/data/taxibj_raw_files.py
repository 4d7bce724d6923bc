"""Raw files of TaxiBJ written by hand: a few days each, values that tell every frame from any other."""

from datetime import date, timedelta
from pathlib import Path

import h5py
import numpy as np

from pipeline_lib.config.taxibj import TaxiBjPreparation, TaxiBjSettings

FIRST_DAYS = {
    "BJ13_M32x32_T30_InOut.h5": date(2013, 10, 28),  # on over the end of a month
    "BJ14_M32x32_T30_InOut.h5": date(2014, 3, 1),
    "BJ15_M32x32_T30_InOut.h5": date(2015, 12, 30),  # and of a year
    "BJ16_M32x32_T30_InOut.h5": date(2016, 2, 25),  # and a leap day
}
N_DAYS = {name: days for name, days in zip(FIRST_DAYS, (4, 3, 4, 12), strict=True)}

# Slots that were not recorded, by file and day: a whole day, one in the middle, the first and the last ones.
LOST = {
    "BJ13_M32x32_T30_InOut.h5": {1: range(1, 49)},
    "BJ14_M32x32_T30_InOut.h5": {0: [20]},
    "BJ15_M32x32_T30_InOut.h5": {1: [1], 3: [47, 48]},
    "BJ16_M32x32_T30_InOut.h5": {3: [7, 8, 30], 7: [25]},
}


def settings(window_frames: int = 8, n_test_windows: int = 150) -> TaxiBjSettings:
    return TaxiBjSettings(preparation=TaxiBjPreparation(window_frames=window_frames, n_test_windows=n_test_windows))


def dates(name: str) -> list[bytes]:
    """The half hours that a file has."""
    found = []
    for day in range(N_DAYS[name]):
        for slot in range(1, 49):
            if slot not in LOST[name].get(day, []):
                found.append(f"{FIRST_DAYS[name] + timedelta(days=day):%Y%m%d}{slot:02d}".encode())
    return found


def flows(name: str, n_frames: int) -> np.ndarray:
    """Counts (n, 2, 32, 32) between -20 and 1,000, in float64 as they are published."""
    random = np.random.default_rng(list(name.encode()))
    return random.integers(-20, 1000, (n_frames, 2, 32, 32)).astype(np.float64)


def write(path: Path, data: np.ndarray, date_texts: list[bytes] | np.ndarray, **others: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["data"], file["date"] = data, date_texts
        for name, values in others.items():
            file[name] = values


def write_raw(folder: Path) -> Path:
    """All four files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FIRST_DAYS:
        texts = dates(name)
        write(folder / name, flows(name, len(texts)), texts)
    return folder
