"""The simulated sea: transport that creates and loses nothing, seasons, currents; and the zones' files made of it."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from pipeline_lib.config.sst import SST_SAMPLE_ZONES, SstSampleSettings, zone_file
from pipeline_lib.data.samples.sea import Currents, Patch, Transport, climate, simulate, through_faces
from pipeline_lib.data.samples.sst import MARGIN, N_BEFORE, PATCH, SEED, make
from pipeline_lib.data.sst_zones import zone_days

FIRST_DAY = date(2006, 12, 28)
SMALL = Patch(40, 50, south=30.0, spacing=1 / 12)


def transport(patch: Patch = SMALL) -> Transport:
    return Transport(patch, Currents(patch, np.random.default_rng(0)).stream_function(0.5))


def warm_spot(patch: Patch) -> np.ndarray:
    row, column = np.indices((patch.rows, patch.columns))
    return (10 + 5 * np.exp(-((row - 18) ** 2 + (column - 25) ** 2) / 20)).astype(np.float32)


def test_a_uniform_temperature_stays_uniform() -> None:
    temperature = np.full((SMALL.rows, SMALL.columns), 15, np.float32)
    of_day = transport()
    for _ in range(of_day.n_steps):
        temperature = of_day.step(temperature)
    assert abs(temperature - 15).max() < 1e-4


def test_heat_is_conserved_and_extremes_are_not_exceeded_while_the_spot_moves() -> None:
    of_day, start = transport(), warm_spot(SMALL)
    temperature = start
    for _ in range(5 * of_day.n_steps):
        temperature = of_day.step(temperature)
    heat = [float((SMALL.area * each.astype(np.float64)).sum()) for each in (start, temperature)]
    assert heat[1] == pytest.approx(heat[0], rel=1e-6)
    assert start.min() - 1e-3 <= temperature.min() and temperature.max() <= start.max() + 1e-3
    assert abs(temperature - start).max() > 1, "the currents move it"


def test_a_spot_goes_where_the_current_goes() -> None:
    """ψ = -u y flows eastwards, far from walls, which that would cross."""
    speed = 0.25  # m/s
    y = SMALL.height * np.arange(SMALL.rows + 1, dtype=np.float64)[:, None]
    of_day = Transport(SMALL, np.repeat(-speed * y, SMALL.columns + 1, axis=1).astype(np.float32))
    temperature = warm_spot(SMALL)
    for _ in range(of_day.n_steps):
        temperature = of_day.step(temperature)
    excess = (temperature - 10)[6:31, 15:40]
    column = (excess * np.arange(15, 40)).sum() / excess.sum()
    row = (excess * np.arange(6, 31)[:, None]).sum() / excess.sum()
    assert column - 25 == pytest.approx(speed * 86400 / SMALL.width()[18, 0], rel=0.02)
    assert row == pytest.approx(18, abs=0.05)


def test_currents_do_not_cross_the_walls_and_have_a_speed_of_the_sea() -> None:
    stream_function = Currents(PATCH, np.random.default_rng(0)).stream_function(100.5)
    for wall in (stream_function[0], stream_function[-1], stream_function[:, 0], stream_function[:, -1]):
        assert abs(wall).max() < 1e-6 * abs(stream_function).max()
    speed = through_faces(stream_function)[1] / PATCH.height
    assert 0.1 < speed.std() < 0.5 and abs(speed).max() < 2


def test_it_is_colder_in_the_north_and_in_winter() -> None:
    summer, winter = climate(PATCH, date(2007, 8, 28)), climate(PATCH, date(2007, 2, 28))
    assert (summer > winter + 4).all() and (np.diff(summer[:, 0]) < 0).all()


def test_the_same_seed_gives_the_same_sea_and_another_one_another() -> None:
    one, same, other = (np.stack(list(simulate(SMALL, FIRST_DAY, 3, seed, 5))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape == (3, 40, 50) and abs(one - other).max() > 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sst_sample")
    make(folder, n_days=4)
    return folder


def test_the_zones_lie_next_to_each_other_in_the_simulated_sea(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(map(zone_file, SST_SAMPLE_ZONES))
    assert set(SST_SAMPLE_ZONES) >= {17, 18, 19, 20}
    sea = np.stack(list(simulate(PATCH, FIRST_DAY, 4, SEED, N_BEFORE)))
    for number, zone in enumerate(SST_SAMPLE_ZONES):
        row, column = divmod(number, 3)
        expected = sea[:, MARGIN + 64 * row :, MARGIN + 64 * column :][:, :64, :64]
        with zone_days(folder / zone_file(zone), FIRST_DAY) as opened:
            assert opened.n_days == 4
            ((_, found),) = opened.blocks(0, 4)
            np.testing.assert_allclose(found, expected, rtol=0, atol=0.00501)
            np.testing.assert_allclose(opened.climatology_mean, found.mean(axis=(1, 2)), rtol=1e-12)
            np.testing.assert_allclose(opened.climatology_std, found.std(axis=(1, 2)), rtol=1e-12)


def test_the_same_bytes_come_again(folder: Path, tmp_path: Path) -> None:
    make(tmp_path, n_days=4)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_three_years_are_made_within_a_minute_of_processor_time_and_a_small_folder(tmp_path: Path) -> None:
    import time

    began = time.process_time()
    make(tmp_path)
    assert time.process_time() - began < 60
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 40e6
    with zone_days(tmp_path / zone_file(17), FIRST_DAY) as zone:
        assert zone.n_days == SstSampleSettings.N_DAYS >= 3 * 365
        means = np.concatenate([block.mean(axis=(1, 2)) for _, block in zone.blocks(0, zone.n_days)])
        spread = np.concatenate([block.std(axis=(1, 2)) for _, block in zone.blocks(0, zone.n_days)])
    assert means[200:260].mean() > means[20:80].mean() + 3, "seasons"
    assert 0.3 < spread.min() and spread.max() < 5
