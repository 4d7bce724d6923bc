"""A table of several protocols and horizons: a part for each, in the published order, and readable."""

import re
from xml.etree import ElementTree

import pytest

from pipeline_lib.config.published import read_published
from pipeline_lib.reporting.table_csv import as_csv
from pipeline_lib.reporting.table_page import as_html
from pipeline_lib.reporting.table_text import as_markdown
from pipeline_lib.reporting.tables import read_table
from tests.reporting.several_protocols import protocols
from tests.reporting.test_tables import cells, csv_rows

SCORES = {
    "mse_per_pixel": {10: 0.01, 95: 0.02},
    "psnr_frame_mean": {10: 20.0, 95: 16.0},
    "ssim_gauss11": {10: 0.9, 95: 0.8},
}
PARTS = [
    "Forecast, first 10 frames, all windows (5,000)",
    "Content swap, first 10 frames, all windows (5,000)",
    "Forecast, all 95 frames, all windows (5,000)",
    "Content swap, all 95 frames, all windows (5,000)",
]


@pytest.fixture
def published(repository):
    return read_published(repository / "config" / "published" / "moving_mnist.yaml")


@pytest.fixture
def moving_mnist(runs):
    """Make the folder of a run on Moving MNIST; its swap scores 10 % less than its forecast, `factor` times SCORES."""

    def make(model, seed, factor=1.0, swap=True, n_windows=5000, **other):
        names = {"experiment": f"moving_mnist/{model}", "dataset": "moving_mnist", "n_pred_test": 95}
        given = {"forecast": sets(factor, n_windows)} | ({"swap": sets(0.9 * factor, n_windows)} if swap else {})
        return runs(model, seed, 0, **names, protocols=protocols(given), **other)

    return make


def sets(factor, n_windows):
    metrics = {name: {n: factor * mean for n, mean in means.items()} for name, means in SCORES.items()}
    return {"all": (n_windows, 5000, metrics)}


def unmarked(text: str) -> str:
    """Without the marks of bold means, and as long as before."""
    return re.sub(r"\*\*(.+?)\*\*( ± \S+)?", r"\1\2    ", text)


def parts(markdown: str) -> dict[str, str]:
    """Texts by heading; what stands before the first one has none."""
    _, *found = re.split(r"^## (.*)$", markdown, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def test_parts_and_their_columns_come_in_the_published_order(moving_mnist, published):
    folders = [moving_mnist("pde", 0), moving_mnist("pde", 1, 1.2), moving_mnist("black", None, 0.5, swap=False)]
    found = parts(as_markdown(read_table("moving_mnist", folders, published)))
    assert list(found) == PARTS
    for part in found.values():
        columns = list(next(iter(cells(part).values())))
        assert columns[4:] == ["PSNR [dB] ↑", "Published PSNR", "SSIM ↑", "Published SSIM", "MSE per pixel ↓"]
        assert max(map(len, part.splitlines()[:9])) <= 160, "it fits a screen"


def test_every_part_has_a_row_per_experiment_with_its_own_numbers(moving_mnist, published):
    folders = [moving_mnist("pde", 0), moving_mnist("pde", 1, 1.2), moving_mnist("black", None, 0.5, swap=False)]
    found = [cells(part) for part in parts(as_markdown(read_table("moving_mnist", folders, published))).values()]
    for part, mean, spread in zip(
        found, ("22.00", "19.80", "17.60", "15.84"), ("2.8", "2.5", "2.3", "2.0"), strict=True
    ):
        assert part["PDE"]["PSNR [dB] ↑"] in (f"**{mean}** ± {spread}", f"{mean} ± {spread}")
        assert part["PDE"]["Seeds"] == "2" and part["PDE"]["Schedule"] == "published, 18,750 iterations"
    assert [part["PDE"]["Published PSNR"] for part in found] == ["21.7 †", "18.42 †", "17.5 †", "16.5 †"]
    assert ["black" in part for part in found] == [True, False, True, False], "what swaps nothing has no row there"
    assert [part["black"]["SSIM ↑"] for part in (found[0], found[2])] == ["0.4500", "0.4000"]
    assert found[0]["black"]["MSE per pixel ↓"] == "**0.005000**"
    assert "SVG" in found[0] and "SVG" not in found[1], "a published model without a swap has no row there"
    assert "DrNet" in found[1]


def test_the_csv_has_a_line_per_measure_with_the_published_number_of_its_own(moving_mnist, published):
    folders = [moving_mnist("pde", 0), moving_mnist("black", None, 0.5, swap=False)]
    rows = csv_rows(as_csv(read_table("moving_mnist", folders, published)))
    assert len(rows) == 12 + 6
    by_measure = {(r["experiment"], r["protocol"], r["n_frames"], r["metric"]): r for r in rows}
    row = by_measure["moving_mnist/pde", "swap", "95", "ssim_gauss11"]
    assert float(row["mean"]) == pytest.approx(0.72) and float(row["published"]) == 0.7713
    assert row["published_status"] == "recalled" and row["std_over_seeds"] == ""
    assert float(by_measure["moving_mnist/black", "forecast", "10", "psnr_frame_mean"]["mean"]) == 10.0
    assert by_measure["moving_mnist/pde", "forecast", "10", "mse_per_pixel"]["published"] == ""


def test_fewer_windows_are_marked(moving_mnist, published):
    folders = [moving_mnist("pde", 0, n_windows=500), moving_mnist("black", None, swap=False, n_windows=500)]
    table = read_table("moving_mnist", folders, published)
    markdown = as_markdown(table)
    assert "## Content swap, first 10 frames, all windows (500 of 5,000)" in markdown
    assert markdown.count("Not comparable: theirs are 5,000 windows, ours 500, because fewer were scored.") == 1
    assert {(row["n_windows"], row["n_available"]) for row in csv_rows(as_csv(table))} == {("500", "5000")}


def test_experiments_scored_on_other_numbers_of_windows_do_not_share_a_table(moving_mnist, published):
    folders = [moving_mnist("pde", 0, n_windows=500), moving_mnist("black", None, swap=False)]
    with pytest.raises(ValueError, match="the forecast was scored on 500 / 5000 of the all windows; give both"):
        read_table("moving_mnist", folders, published)


def test_seeds_that_were_evaluated_over_other_horizons_are_not_averaged(moving_mnist, runs, published):
    other = protocols({"forecast": {"all": (5000, 5000, {"mse_per_pixel": {95: 0.02}})}})
    names = {"experiment": "moving_mnist/pde", "dataset": "moving_mnist", "n_pred_test": 95}
    folders = [moving_mnist("pde", 0), runs("pde", 1, 0, **names, protocols=other)]
    with pytest.raises(ValueError, match="were evaluated on different windows or by different metrics"):
        read_table("moving_mnist", folders, published)


def test_the_web_page_has_the_same_parts(moving_mnist, published):
    table = read_table("moving_mnist", [moving_mnist("pde", 0), moving_mnist("black", None, swap=False)], published)
    page = ElementTree.fromstring(as_html(table).replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', ""))
    assert [heading.text for heading in page.iter("h2")] == PARTS
    of_page = [[["".join(cell.itertext()) for cell in row] for row in part.iter("tr")] for part in page.iter("table")]
    of_markdown = [cells(unmarked(part)) for part in parts(as_markdown(table)).values()]
    assert [{row[0]: dict(zip(part[0], row, strict=True)) for row in part[1:]} for part in of_page] == of_markdown


def test_taxibj_stands_in_the_literatures_unit_beside_printed_and_recalled_numbers(runs, repository):
    """Two orders of the same windows; the published number is that of both experiments of the same model."""
    published = read_published(repository / "config" / "published" / "taxibj.yaml")
    names = {"dataset": "taxibj", "n_cond": 4, "n_pred": 4, "n_pred_test": 4}

    def run(model, seed, **sets):
        given = {
            name: (1344, 1344, {"mse_per_pixel": {4: mean}, "mse_frame_sum_x100": {4: 204_800 * mean}})
            for name, mean in sets.items()
        }
        return runs(model, seed, 0, experiment=f"taxibj/{model}", protocols=protocols({"forecast": given}), **names)

    folders = [
        run("pde", 0, all=1.95e-4),
        run("pde_published_windows", 0, published=1.93e-4),
        run("copy_last", None, all=8e-4, published=8.1e-4),
    ]
    table = read_table("taxibj", folders, published)
    markdown = as_markdown(table)
    rows = cells(markdown)
    unit = "Squared error per frame, ×100"
    columns = list(rows["PDE"])[4:]
    assert columns == [
        f"{unit} ↓, all windows (1,344)",
        f"{unit} ↓, published windows (1,344)",
        f"Published {unit}",
        "MSE per pixel ↓, all windows (1,344)",
        "MSE per pixel ↓, published windows (1,344)",
    ]
    by_row = {name: [row[column].replace("*", "") for column in columns[:3]] for name, row in rows.items()}
    assert by_row["PDE"] == ["39.94 ± –", "–", "39.5 †"]
    assert by_row["pde_published_windows"] == ["–", "39.53 ± –", "39.5 †"]
    assert by_row["Copy of the last frame"] == ["163.8", "165.9", "–"]
    assert by_row["PhyDNet"] == ["–", "–", "41.9"], "printed, without a mark"
    assert by_row["PDE without S"] == ["–", "–", "43.7 †"]
    assert "† recalled, not checked against the paper." in markdown and "Not comparable" not in markdown
    of_csv = {
        (row["experiment"], row["window_set"], row["metric"]): row["published"] for row in csv_rows(as_csv(table))
    }
    assert of_csv["taxibj/pde_published_windows", "published", "mse_frame_sum_x100"] == "39.5"
    assert of_csv["taxibj/pde", "all", "mse_frame_sum_x100"] == ""
