"""Tables: means and spreads over seeds, honest dashes and marks, and no mixing of what does not belong together."""

import csv
import io
import json
import statistics
from xml.etree import ElementTree

import pytest

from pipeline_lib.cli import main
from pipeline_lib.config.published import read_published
from pipeline_lib.reporting.readable import number
from pipeline_lib.reporting.table_csv import as_csv
from pipeline_lib.reporting.table_page import as_html
from pipeline_lib.reporting.table_text import as_markdown
from pipeline_lib.reporting.tables import read_table
from tests.reporting.several_protocols import protocols


@pytest.fixture
def published(repository):
    return read_published(repository / "config" / "published" / "wave_eq_100.yaml")


def cells(markdown: str) -> dict[str, dict[str, str]]:
    """Rows of a Markdown table by their first cell, cells by the header."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(line) for line in lines}) == 1, "the source of the table is aligned"
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[2:]}


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


ALL = "MSE per pixel ↓, all windows (6,360)"
PUBLISHED = "MSE per pixel ↓, published windows (1,200)"


def test_a_row_is_the_mean_and_the_standard_deviation_over_seeds(runs, published):
    means = [1.0e-4, 2.0e-4, 4.0e-4]
    table = read_table("wave_eq_100", [runs("pde", seed, mean) for seed, mean in enumerate(means)], published)
    (row, of_published) = csv_rows(as_csv(table))
    assert (row["window_set"], of_published["window_set"]) == ("all", "published")
    assert float(row["mean"]) == pytest.approx(statistics.mean(means), rel=1e-15)
    assert float(row["std_over_seeds"]) == pytest.approx(statistics.stdev(means), rel=1e-15)
    assert statistics.stdev(means) != pytest.approx(statistics.pstdev(means), rel=0.1)
    assert row["n_seeds"] == "3" and row["seeds"] == "0;1;2"
    assert [float(value) for value in row["values"].split(";")] == means
    shown = cells(as_markdown(table))["PDE"]
    assert shown[ALL] == "2.333e-04 ± 1.5e-04"
    assert shown[PUBLISHED] == "2.567e-04 ± 1.7e-04"
    assert shown["Seeds"] == "3"
    assert shown["Schedule"] == "published, 18,750 iterations" and shown["Precision"] == "float32"


def test_a_point_of_a_sweep_has_a_row_of_its_own_and_no_published_number(runs, published):
    point = runs("pde_learning_rate_1e_4", 0, 2e-4, title="PDE, learning rate 1e-4")
    rows = cells(as_markdown(read_table("wave_eq_100", [runs("pde", 0, 1e-4), point], published)))
    assert rows["PDE, learning rate 1e-4"]["Published MSE per pixel"] == "–"
    assert "‡" in rows["PDE"]["Published MSE per pixel"]


def test_one_seed_has_a_dash_for_its_spread_and_a_baseline_has_no_seeds(runs, published):
    table = read_table("wave_eq_100", [runs("pde", 0, 1e-4), runs("copy_last", None, 0.0183)], published)
    rows = cells(as_markdown(table))
    assert rows["PDE"][ALL] == "**1.000e-04** ± –"
    assert rows["Copy of the last frame"][ALL] == "0.01830"
    assert rows["Copy of the last frame"]["Seeds"] == rows["Copy of the last frame"]["Schedule"] == "–"
    by_experiment = {row["experiment"]: row for row in csv_rows(as_csv(table)) if row["window_set"] == "all"}
    assert [row["std_over_seeds"] for row in by_experiment.values()] == ["", ""]
    assert by_experiment["wave_eq_100/copy_last"]["n_seeds"] == "0"


def test_published_numbers_stand_beside_ours_with_their_mark_and_footnote(runs, published):
    table = read_table("wave_eq_100", [runs("pde", 0, 1e-4), runs("copy_last", None, 0.02)], published)
    markdown = as_markdown(table)
    rows = cells(markdown)
    assert rows["PDE"]["Published MSE per pixel"] == "~1.5e-05 ‡"
    assert rows["Copy of the last frame"]["Published MSE per pixel"] == "–"
    assert rows["PDE without S"]["Published MSE per pixel"] == "~1.6e-04 ‡", "shown although we have no run of it"
    assert rows["PDE without S"][ALL] == "–"
    assert "‡ recalled as an order of magnitude only, not checked against the paper." in markdown
    assert "†" not in markdown
    by_set = {row["window_set"]: row for row in csv_rows(as_csv(table)) if row["experiment"] == "wave_eq_100/pde"}
    assert by_set["all"]["published"] == by_set["all"]["published_status"] == ""
    assert float(by_set["published"]["published"]) == 1.5e-5
    assert by_set["published"]["published_status"] == "recalled-order-of-magnitude-only"


def test_published_numbers_of_another_definition_do_not_stand_there(runs, published):
    shorter = {"forecast": {"all": (6360, 6360, {"mse_per_pixel": {20: 1e-4}})}}
    table = read_table("wave_eq_100", [runs("pde", 0, 1e-4, n_pred_test=20, protocols=protocols(shorter))], published)
    markdown = as_markdown(table)
    assert "1.5e-05" not in markdown and "No published numbers are known" in markdown
    assert {row["published"] for row in csv_rows(as_csv(table))} == {""}


def test_without_published_numbers_the_table_says_so(runs):
    markdown = as_markdown(read_table("wave_eq_100", [runs("pde", 0, 1e-4)], None))
    assert markdown.startswith("# wave_eq_100\n") and "No published numbers are known" in markdown


def test_the_best_mean_of_a_column_is_bold_and_rows_keep_their_order(runs, published):
    folders = [runs("copy_last", None, 0.02), runs("pde", 0, 3e-4), runs("pde_no_s", 0, 2e-4), runs("pde", 1, 3e-4)]
    rows = cells(as_markdown(read_table("wave_eq_100", folders, published)))
    assert list(rows) == ["Copy of the last frame", "PDE", "PDE without S"]
    assert [name for name, row in rows.items() if "**" in row[ALL]] == ["PDE without S"]
    assert rows["PDE"]["Seeds"] == "2"


def test_csv_is_complete(runs, published):
    table = read_table("wave_eq_100", [runs("pde", 1, 1 / 3e4), runs("pde", 0, 1e-4)], published)
    row = csv_rows(as_csv(table))[0]
    expected = {
        "dataset": "wave_eq_100",
        "experiment": "wave_eq_100/pde",
        "title": "PDE",
        "n_windows": "6360",
        "metric": "mse_per_pixel",
        "direction": "lower",
        "seeds": "0;1",
        "values": f"{1e-4!r};{1 / 3e4!r}",
        "schedule": "published",
        "iterations": "18750",
        "precision": "float32",
        "evaluation_precision": "float32",
        "n_pred_test": "40",
        "data_source": "simulation",
        "test_videos": "60",
        "hardware": "A processor",
        "wall_seconds": "3600.5;3600.5",
        "git_commit": "c0ffee",
        "git_dirty": "False",
        "digests": "pde-0;pde-1",
    }
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"settings_digest": "changed"}, "settings_digest 'settings-pde' / 'changed'"),
        ({"schedule_name": "short"}, "schedule_name 'published' / 'short'"),
        ({"iterations": 100}, "iterations 18750 / 100"),
        ({"precision": "bf16"}, "precision 'float32' / 'bf16'"),
        ({"n_pred_test": 20}, "n_pred_test 40 / 20"),
        ({"test_data": {"content_sha256": "xyz"}}, "test_data.content_sha256 'abc' / 'xyz'"),
        ({"protocols": {}}, "were evaluated on different windows or by different metrics"),
    ],
)
def test_runs_that_differ_are_not_averaged(runs, published, other, named):
    folders = [runs("pde", 0, 1e-4), runs("pde", 1, 1e-4, **other)]
    with pytest.raises(ValueError) as caught:
        read_table("wave_eq_100", folders, published)
    assert named in str(caught.value) and all(str(folder) in str(caught.value) for folder in folders)


def test_a_seed_counts_once(runs, published):
    folders = [runs("pde", 0, 1e-4), runs("pde", 0, 2e-4, folder="again", digest="other")]
    with pytest.raises(ValueError, match="both runs of wave_eq_100/pde with seed 0") as caught:
        read_table("wave_eq_100", folders, published)
    assert all(str(folder) in str(caught.value) for folder in folders)


def test_experiments_on_other_test_data_do_not_share_a_table(runs, published):
    folders = [runs("pde", 0, 1e-4), runs("copy_last", None, 0.02, test_data={"content_sha256": "xyz"})]
    with pytest.raises(ValueError, match="are not comparable: test_data.content_sha256"):
        read_table("wave_eq_100", folders, published)
    with pytest.raises(ValueError, match="a run on wave_eq_100, the table is of wave_eq"):
        read_table("wave_eq", folders[:1], published)


def test_runs_without_metrics_are_named(tmp_path, published):
    with pytest.raises(ValueError, match="metrics.json: does not exist; evaluate the run first"):
        read_table("wave_eq_100", [tmp_path], published)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.018329, 4, "0.01833"), (1.5e-5, 4, "1.500e-05"), (21.7, 4, "21.70"), (0.0, 4, "0.000"), (321.29, 4, "321.3")],
)
def test_numbers_have_as_many_digits_as_are_asked_for(value, digits, text):
    assert number(value, digits) == text


def test_the_stage_writes_both_files_with_the_projects_published_numbers(runs, tmp_path, capsys):
    folders = [runs("pde", 0, 1e-4), runs("copy_last", None, 0.02)]
    out_csv, out_md = tmp_path / "tables" / "wave_eq_100.csv", tmp_path / "tables" / "wave_eq_100.md"
    arguments = ["tabulate", "wave_eq_100", "--out-csv", str(out_csv), "--out-md", str(out_md)]
    assert main([*arguments, "--run", *map(str, folders)]) == 0
    assert capsys.readouterr().out == out_md.read_text()
    assert out_md.read_text().startswith("# WaveEq-100\n") and "‡" in out_md.read_text()
    assert len(csv_rows(out_csv.read_text())) == 4
    assert main([*arguments, "--run", str(folders[0]), "--published", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_the_web_page_shows_what_the_markdown_shows(runs, published):
    folders = [runs("pde", 0, 1e-4), runs("copy_last", None, 0.02)]
    table = read_table("wave_eq_100", folders, published)
    page = ElementTree.fromstring(as_html(table).replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', ""))
    cells = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    markdown = [line for line in as_markdown(table).splitlines() if line.startswith("| ") and "---" not in line]
    assert cells == [[cell.strip().replace("**", "") for cell in line.strip("|").split("|")] for line in markdown]
    assert [strong.text for strong in page.iter("strong")] and "‡" in "".join(page.itertext())


def test_windows_that_are_not_the_published_ones_are_said_to_be_so(runs, published):
    folder = runs("pde", 0, 1e-4)
    assert "Not comparable" not in as_markdown(read_table("wave_eq_100", [folder], published))
    record = json.loads((folder / "metrics.json").read_text())
    record["protocols"]["forecast"]["window_sets"]["published"]["n_windows"] = 20
    (folder / "metrics.json").write_text(json.dumps(record))
    assert "Not comparable: theirs are 1,200 windows, ours 20" in as_markdown(
        read_table("wave_eq_100", [folder], published)
    )
