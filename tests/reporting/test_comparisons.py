"""Comparisons: every cell in its place, dashes where nothing was run, and no mixing within a column."""

import statistics
from xml.etree import ElementTree

import pytest

from pipeline_lib.cli import main
from pipeline_lib.reporting.comparison_csv import as_csv
from pipeline_lib.reporting.comparison_text import readable
from pipeline_lib.reporting.comparisons import read_comparison
from pipeline_lib.reporting.readable import markdown_of
from pipeline_lib.reporting.table_page import page_of
from tests.reporting.several_protocols import protocols
from tests.reporting.test_table_parts import parts
from tests.reporting.test_tables import cells, csv_rows

DIGITS, HIDDEN, SAMPLE = "moving_mnist", "mnist_partial_occlusion", "mnist_out_of_scene_sample"
MODELS, DATASETS = ("pde", "dive", "copy_last", "black"), (DIGITS, HIDDEN, SAMPLE)
NUMBERS, TEST_DATA, RUNS = "MSE per pixel ↓, first 10 predicted frames", "Test data", "Runs"


@pytest.fixture
def make(runs):
    """Make the folder of a run; the mean over all of its frames is 10 times that over the first 10."""

    def of(dataset, model, seed, mean, n_windows=1024, n_frames=95, window_set="all", **other):
        given = {window_set: (n_windows, 1024, {"mse_per_pixel": {n_frames: 10 * mean, 10: mean}})}
        facts = {"experiment": f"{dataset}/{model}", "dataset": dataset, "n_pred_test": n_frames}
        facts["data_source"] = f"{dataset} digits"
        facts["test_data"] = {"content_sha256": dataset, "n_videos": 1024}
        folder = f"{dataset}/{model}/{seed}"
        return runs(model, seed, 0, folder, protocols=protocols({"forecast": given}), **{**facts, **other})

    return of


@pytest.fixture
def folders(make):
    return [
        make(HIDDEN, "dive", 0, 0.02, n_frames=10, title="DIVE", n_cond=10, visible_rows=[32, 64]),
        make(HIDDEN, "copy_last", None, 0.05, n_frames=10, n_cond=10, visible_rows=[32, 64]),
        *(make(DIGITS, "pde", seed, mean) for seed, mean in enumerate((0.01, 0.02, 0.04))),
        make(DIGITS, "copy_last", None, 0.06),
        make(SAMPLE, "pde", 0, 0.03, n_frames=10, n_windows=500, schedule_name="demo", iterations=1600),
    ]


def compared(folders, n_frames=10, metric="mse_per_pixel"):
    return read_comparison("Across", metric, n_frames, MODELS, DATASETS, folders)


def test_cells_are_means_over_seeds_and_the_first_frames_with_dashes_for_what_was_not_run(folders):
    text = markdown_of(readable(compared(folders)))
    assert text.startswith("# Across\n") and list(parts(text)) == [NUMBERS, TEST_DATA, RUNS]
    sample = f"{SAMPLE} (sample data)"
    assert cells(parts(text)[NUMBERS]) == {
        "PDE": {"Model": "PDE", DIGITS: "**0.02333** ± 0.015", HIDDEN: "–", sample: "0.03000 ± –"},
        "DIVE": {"Model": "DIVE", DIGITS: "–", HIDDEN: "**0.02000** ± –", sample: "–"},
        "Copy of the last frame": {
            "Model": "Copy of the last frame",
            DIGITS: "0.06000",
            HIDDEN: "0.05000",
            sample: "–",
        },
        "black": {"Model": "black", DIGITS: "–", HIDDEN: "–", sample: "–"},
    }


def test_below_stands_what_columns_and_cells_rest_on(folders):
    text = markdown_of(readable(compared(folders)))
    data = cells(parts(text)[TEST_DATA])
    assert list(data) == [DIGITS, HIDDEN, f"{SAMPLE} (sample data)"]
    assert list(data[f"{SAMPLE} (sample data)"].values())[1:] == [
        *("all: 500 of 1,024", "1,024", "5", "float32", f"{SAMPLE} digits")
    ]
    assert data[HIDDEN]["Conditioning frames"] == "10" and data[DIGITS]["Test windows"] == "all: 1,024"
    lines = [line for line in parts(text)[RUNS].splitlines() if line.startswith("| ") and "---" not in line]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows == [
        ["Model", "Dataset", "Seeds", "Schedule", "Precision", "Commit"],
        ["PDE", DIGITS, "3", "published, 18,750 iterations", "float32", "c0ffee"],
        ["PDE", f"{SAMPLE} (sample data)", "1", "demo, 1,600 iterations", "float32", "c0ffee"],
        ["DIVE", HIDDEN, "1", "published, 18,750 iterations", "float32", "c0ffee"],
        ["Copy of the last frame", DIGITS, "–", "–", "–", "c0ffee"],
        ["Copy of the last frame", HIDDEN, "–", "–", "–", "c0ffee"],
    ]
    assert f"On {HIDDEN}, rows 32 to 63 of a frame count" in text and "Sample data stand in" in text


def test_notes_are_of_what_is_there(make):
    text = markdown_of(
        readable(read_comparison("A", "mse_per_pixel", 10, ["pde"], [DIGITS], [make(DIGITS, "pde", 0, 1)]))
    )
    assert "rows" not in text and "ample data" not in text and "**" not in text


def test_commits_are_those_of_the_trainings_and_say_what_was_not_committed(make):
    trained = {"git_commit": "0123456789abcdef", "git_dirty": True}
    folders = [make(DIGITS, "pde", 0, 0.1), make(DIGITS, "pde", 1, 0.1, training=trained)]
    assert "| c0ffee / 0123456789ab with changes |" in markdown_of(readable(compared(folders)))


def test_csv_has_every_cell_in_full(folders):
    rows = {row["experiment"]: row for row in csv_rows(as_csv(compared(folders)))}
    assert list(rows) == [f"{dataset}/{model}" for model in MODELS for dataset in DATASETS]
    row, means = rows[f"{DIGITS}/pde"], [0.01, 0.02, 0.04]
    assert float(row["mean"]) == pytest.approx(statistics.mean(means), rel=1e-15)
    assert float(row["std_over_seeds"]) == pytest.approx(statistics.stdev(means), rel=1e-15)
    expected = {
        "is_sample": "False",
        "n_frames": "10",
        "window_set": "all",
        "n_windows": "1024",
        "values": "0.01;0.02;0.04",
        "seeds": "0;1;2",
        "schedule": "published",
        "iterations": "18750",
        "precision": "float32",
        "data_source": f"{DIGITS} digits",
        "git_commit": "c0ffee",
        "rows_counted": "",
    }
    assert {key: row[key] for key in expected} == expected
    assert rows[f"{HIDDEN}/dive"]["rows_counted"] == "32;64" and rows[f"{HIDDEN}/dive"]["std_over_seeds"] == ""
    assert rows[f"{SAMPLE}/pde"]["is_sample"] == "True" and rows[f"{SAMPLE}/pde"]["n_windows"] == "500"
    not_run = rows[f"{SAMPLE}/black"]
    assert not_run["mean"] == not_run["n_seeds"] == not_run["git_commit"] == ""


def test_the_web_page_shows_what_the_markdown_shows(folders):
    page = readable(compared(folders))
    text = page_of(page).replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "")
    found = ElementTree.fromstring(text)
    rows = [["".join(cell.itertext()) for cell in row] for row in found.iter("tr")]
    lines = [line for line in markdown_of(page).splitlines() if line.startswith("| ") and "---" not in line]
    assert rows == [[cell.strip().replace("**", "") for cell in line.strip("|").split("|")] for line in lines]
    assert [strong.text for strong in found.iter("strong")] == ["0.02333", "0.02000"]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"test_data": {"content_sha256": "xyz"}}, "are not comparable: test_data.content_sha256"),
        ({"n_cond": 9}, "are not comparable: n_cond 5 / 9"),
        ({"n_windows": 5}, "was scored on 1024 / 5 of the all windows"),
        ({"experiment": f"{DIGITS}/grey"}, f"a run of {DIGITS}/grey, the comparison is of pde, dive"),
    ],
)
def test_what_does_not_belong_together_is_an_error(make, other, named):
    folders = [make(DIGITS, "pde", 0, 0.1), make(DIGITS, "copy_last", None, 0.2, **other)]
    with pytest.raises(ValueError) as caught:
        compared(folders)
    assert named in str(caught.value) and str(folders[1]) in str(caught.value)


def test_runs_on_a_dataset_have_one_main_set_of_windows(make):
    with pytest.raises(ValueError, match="their main sets of windows are all / published"):
        compared([make(DIGITS, "pde", 0, 0.1), make(DIGITS, "black", None, 0.2, window_set="published")])


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"n_frames": 11}, "has no mse_per_pixel of the forecast over 11 frames, only over 10, 95"),
        ({"metric": "ssim_gauss11"}, "has no ssim_gauss11 on the all windows of the forecast, only mse_per_pixel"),
    ],
)
def test_what_a_run_was_not_scored_by_is_an_error_that_names_it(make, asked, named):
    folder = make(DIGITS, "pde", 0, 0.1)
    with pytest.raises(ValueError, match=named) as caught:
        compared([folder], **asked)
    assert str(folder) in str(caught.value)


def test_the_stage_writes_every_form(folders, tmp_path, capsys):
    files = [tmp_path / "tables" / f"across.{suffix}" for suffix in ("csv", "md", "html")]
    outputs = [
        text
        for option, file in zip(("csv", "md", "html"), files, strict=True)
        for text in (f"--out-{option}", str(file))
    ]
    arguments = [
        "compare",
        "Across the papers",
        "--n-frames",
        "10",
        "--models",
        *MODELS,
        *outputs,
        "--run",
        *map(str, folders),
    ]
    assert main([*arguments, "--datasets", *DATASETS]) == 0
    assert capsys.readouterr().out == files[1].read_text() and files[1].read_text().startswith("# Across the papers\n")
    assert len(csv_rows(files[0].read_text())) == 12 and "<h1>Across the papers</h1>" in files[2].read_text()
    assert main([*arguments, "--datasets", "moving_mnst"]) == 1
    assert "'moving_mnst' is no dataset" in capsys.readouterr().err
