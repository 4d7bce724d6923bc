"""SST in figures and tables: °C at the colour bars, published numbers beside the metrics of the published rule."""

import pytest

from pipeline_lib.config.published import read_published
from pipeline_lib.reporting.figures.forecast import _rows_of_frames
from pipeline_lib.reporting.frames import in_unit
from pipeline_lib.reporting.table_csv import as_csv
from pipeline_lib.reporting.table_text import as_markdown
from pipeline_lib.reporting.tables import read_table
from tests.reporting.conftest import predictions
from tests.reporting.several_protocols import protocols
from tests.reporting.test_table_parts import parts
from tests.reporting.test_tables import cells, csv_rows


@pytest.mark.parametrize(
    ("dataset", "labels"),
    [
        ("sst_sample", {"temperature [°C]", "forecast − truth [°C]"}),
        ("wave_eq", {"value", "forecast − truth"}),
    ],
)
def test_colour_bars_say_what_they_show(dataset, labels):
    figure = _rows_of_frames(predictions((1, 12, 16)).examples, dataset)
    assert {axes.get_xlabel() for axes in figure.axes} - {""} == labels


def test_a_dataset_that_is_not_registered_has_values():
    assert in_unit("none") == "value" and in_unit("none", "error") == "error"


METRICS = {"mse_celsius2": 0.8, "ssim_celsius": 0.9, "mse_published": 0.85, "ssim_published": 0.75}


@pytest.fixture
def table(runs, repository):
    """Of one run on SST, with other numbers for each metric, window set and number of frames."""

    def metrics(factor):
        return {name: {6: factor * value, 10: 1.2 * factor * value} for name, value in METRICS.items()}

    sets = {"all": (2980, 2980, metrics(1.0)), "published": (2972, 2972, metrics(0.99))}
    names = {"experiment": "sst/pde", "dataset": "sst", "n_pred_test": 10, "n_cond": 4}
    folder = runs("pde", 0, 0, **names, protocols=protocols({"forecast": sets}))
    return read_table("sst", [folder], read_published(repository / "config" / "published" / "sst.yaml"))


def test_published_numbers_stand_beside_the_published_rule(table):
    found = parts(as_markdown(table))
    assert list(found) == ["Forecast, first 6 frames", "Forecast, all 10 frames"]
    columns = list(cells(found["Forecast, first 6 frames"])["PDE"])[4:]
    of_windows = ("all windows (2,980)", "published windows (2,972)")
    assert columns == [
        *(f"MSE, published rule [°C²] ↓, {windows}" for windows in of_windows),
        "Published MSE, published rule",
        *(f"SSIM, published rule ↑, {windows}" for windows in of_windows),
        "Published SSIM, published rule",
        *(f"MSE [°C²] ↓, {windows}" for windows in of_windows),
        *(f"SSIM in °C ↑, {windows}" for windows in of_windows),
    ]
    for heading, mse, ssim in (
        ("Forecast, first 6 frames", "0.86 †", "0.7466 †"),
        ("Forecast, all 10 frames", "1.43 †", "0.6577 †"),
    ):
        row = cells(found[heading])["PDE"]
        assert (row["Published MSE, published rule"], row["Published SSIM, published rule"]) == (mse, ssim)
        assert {"PKnl", "PhyDNet", "SVG", "MIM", "PDE without S"} <= set(cells(found[heading]))
    text = as_markdown(table)
    assert "Published numbers rest on the published rule, which compares each predicted frame" in text
    assert "rest on these windows: MSE, published rule: published windows" in text


def test_only_the_published_rule_on_the_published_windows_has_a_published_number(table):
    with_number = {
        (row["metric"], row["n_frames"], row["window_set"]): float(row["published"])
        for row in csv_rows(as_csv(table))
        if row["published"]
    }
    assert with_number == {
        ("mse_published", "6", "published"): 0.86,
        ("mse_published", "10", "published"): 1.43,
        ("ssim_published", "6", "published"): 0.7466,
        ("ssim_published", "10", "published"): 0.6577,
    }
