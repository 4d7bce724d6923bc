"""A stand-in for the zones of SST that needs no network: three years of a simulated sea, in the same files.

Six zones of 64x64 pixels, next to each other in two rows, out of a patch of the sphere with walls around it
(`samples/sea.py`). Temperatures are packed as 16-bit numbers; the climatology is that of these years, as `cut-zones`
makes it.
"""

import os
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import numpy as np

from pipeline_lib.config.sst import SST_SAMPLE_ZONES, SstSamplePreparation, SstSampleSettings, zone_file
from pipeline_lib.data.climatology import DailyMoments
from pipeline_lib.data.samples.sea import Patch, simulate
from pipeline_lib.data.sst_zones import SIZE, new_zone_file

N_ROWS, N_COLUMNS = 2, 3
MARGIN = 16
"""Cells between the zones and the walls."""

PATCH = Patch(N_ROWS * SIZE + 2 * MARGIN, N_COLUMNS * SIZE + 2 * MARGIN, south=30.0, spacing=1 / 12)
SEED = 20061228
SOURCE = "advection and diffusion on a patch of the sphere"
N_BEFORE = 90
RESOLUTION = 0.01
"""In °C."""

assert len(SST_SAMPLE_ZONES) == N_ROWS * N_COLUMNS and SstSampleSettings.N_DAYS is not None


def make(folder: str | os.PathLike[str], n_days: int = SstSampleSettings.N_DAYS) -> None:
    """Write the zones' files; they stand there when all of them are complete. The same seed gives the same sea."""
    first_day = SstSamplePreparation().first_day
    days = [first_day + timedelta(days=day) for day in range(n_days)]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(new_zone_file(Path(folder) / zone_file(zone), days, SOURCE, RESOLUTION))
            for zone in SST_SAMPLE_ZONES
        ]
        moments = [DailyMoments() for _ in writers]
        for temperature in simulate(PATCH, first_day, n_days, SEED, N_BEFORE):
            for number, (writer, of_zone) in enumerate(zip(writers, moments, strict=True)):
                row, column = (MARGIN + SIZE * place for place in divmod(number, N_COLUMNS))
                zone = temperature[None, row : row + SIZE, column : column + SIZE].astype(np.float64)
                of_zone.add(writer.append(zone))
        for writer, of_zone in zip(writers, moments, strict=True):
            writer.finish(*of_zone.climatology(days))
