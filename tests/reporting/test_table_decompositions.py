"""Tables of models that take videos apart: protocols beside printed numbers, what counts, what is not defined."""

import math

import pytest

from pipeline_lib.config.published import read_published
from pipeline_lib.reporting.table_csv import as_csv
from pipeline_lib.reporting.table_text import as_markdown
from pipeline_lib.reporting.tables import read_table
from pipeline_lib.tracking.run_folder import describe, horizon_points, score_points
from tests.reporting.test_table_parts import parts
from tests.reporting.test_tables import cells, csv_rows

FRAMES = {"bce_frame_sum": 165.0, "mse_frame_sum": 27.0, "psnr_video": 22.0, "ssim_video": 0.93}
LABELS = {"balanced_accuracy": 0.9, "auroc": 0.95, "precision_missing": 0.8, "recall_missing": 0.85}


def frames(factor: float, gaps: int = 0) -> dict:
    """Scores of frames; the first `gaps` never count."""
    horizons = {name: [None] * gaps + [factor * mean] * (10 - gaps) for name, mean in FRAMES.items()}
    return {
        name: {"mean": factor * mean, "std_over_windows": mean / 3, "horizon": horizons[name], "at": {}}
        for name, mean in FRAMES.items()
    }


def set_scores(values: dict[str, float | None]) -> dict:
    return {name: {"mean": value, "std_over_windows": None, "at": {}} for name, value in values.items()}


def window_set(metrics: dict, **counted: int) -> dict:
    of_all = {"n_windows": 1024, "n_available": 1024, "metrics": metrics}
    return {"window_sets": {"all": of_all | ({"counted": counted} if counted else {})}}


@pytest.fixture
def dive(runs):
    """Make the folder of a run on Moving MNIST with missing data, whose scores are `factor` times FRAMES."""

    def make(model, seed, factor=1.0, precision=0.8, visible_rows=None, dataset="mnist_out_of_scene"):
        protocols = {"forecast": window_set(frames(2 * factor))}
        if visible_rows:
            protocols["whole_forecast"] = window_set(frames(3 * factor))
        if model == "dive":
            nelbo = set_scores({"nelbo": -0.2 * factor})
            protocols["reconstruction"] = window_set({**frames(factor), **nelbo})
            labels = {**LABELS, "precision_missing": precision, "component_gain": 2.5}
            protocols["missingness"] = window_set(set_scores(labels))
            if visible_rows:
                protocols["whole_reconstruction"] = window_set(frames(1.5 * factor))
        if model != "copy_last":
            protocols["imputation"] = window_set(frames(1.2 * factor, gaps=2), n_windows=1000, n_frames=2900)
        names = {"experiment": f"{dataset}/{model}", "dataset": dataset, "n_cond": 10, "n_pred": 10, "n_pred_test": 10}
        return runs(model, seed, 0, **names, protocols=protocols, visible_rows=visible_rows)

    return make


def table_of(repository, folders, dataset="mnist_out_of_scene"):
    return read_table(dataset, folders, read_published(repository / "config" / "published" / f"{dataset}.yaml"))


def test_every_protocol_stands_beside_the_numbers_printed_for_it(dive, repository):
    folders = [dive("dive", 0), dive("dive", 1, 1.1), dive("copy_neighbour", None, 1.3), dive("copy_last", None, 2.0)]
    table = table_of(repository, folders)
    markdown = as_markdown(table)
    found = {heading: cells(part) for heading, part in parts(markdown).items()}
    assert list(found) == [
        "Reconstruction, 10 input frames, all windows (1,024)",
        "Forecast, all 10 frames, all windows (1,024)",
        "Missing objects, 10 input frames, all windows (1,024)",
        "Imputation, input frames in which something is missing, all windows (1,024)",
    ]
    reconstruction, forecast, missing, imputation = found.values()
    assert [name for name in reconstruction["dive"] if "Published" in name] == [
        "Published BCE",
        "Published Squared error",
        "Published PSNR of videos",
        "Published SSIM, padded",
        "Published Negative ELBO",
    ]
    assert (reconstruction["dive"]["Published BCE"], forecast["dive"]["Published BCE"]) == (
        "165.42",
        "321.29",
    )
    assert reconstruction["dive"]["Negative ELBO [nat] ↓"] == "-0.2100 ± 0.014"
    assert reconstruction["DDPAE"]["Published Negative ELBO"] == "-0.17" and "DDPAE" not in missing
    assert "copy_neighbour" not in reconstruction
    assert imputation["copy_neighbour"]["PSNR of videos [dB] ↑"] == "**34.32**"
    assert missing["dive"]["Component gain ↑"] == "2.500 ± 0.0"
    assert "where one is missing (all windows: 2,900 frames in 1,000 of them)" in markdown
    rows = {(row["experiment"], row["protocol"], row["metric"]): row for row in csv_rows(as_csv(table))}
    row = rows["mnist_out_of_scene/copy_neighbour", "imputation", "psnr_video"]
    assert (row["n_windows_counted"], row["n_frames_counted"], row["n_frames"]) == ("1000", "2900", "10")
    assert rows["mnist_out_of_scene/dive", "forecast", "ssim_video"]["published"] == "0.83"
    assert rows["mnist_out_of_scene/dive", "forecast", "ssim_video"]["n_windows_counted"] == ""


def test_what_is_not_defined_for_a_seed_is_said(dive, repository):
    table = table_of(repository, [dive("dive", 0), dive("dive", 1, precision=None)])
    missing = cells(parts(as_markdown(table))["Missing objects, 10 input frames, all windows (1,024)"])
    assert missing["dive"]["Precision, missing ↑"] == "not defined"
    rows = {row["metric"]: row for row in csv_rows(as_csv(table)) if row["protocol"] == "missingness"}
    assert (rows["precision_missing"]["mean"], rows["precision_missing"]["values"]) == ("", "0.8;")


def test_hidden_rows_count_in_parts_of_their_own(dive, repository):
    folders = [dive("dive", 0, visible_rows=[32, 64], dataset="mnist_partial_occlusion")]
    folders += [dive("copy_last", None, visible_rows=[32, 64], dataset="mnist_partial_occlusion")]
    markdown = as_markdown(table_of(repository, folders, "mnist_partial_occlusion"))
    found = parts(markdown)
    assert [heading.split(",")[0:2] for heading in found][:2] == [
        ["Reconstruction", " 10 input frames"],
        ["Forecast", " all 10 frames"],
    ]
    assert "Forecast, hidden rows too, all 10 frames, all windows (1,024)" in found
    assert "Reconstruction, hidden rows too, 10 input frames, all windows (1,024)" in found
    assert "count rows 32 to 63 of a frame" in markdown


def test_scores_have_names_of_their_own_in_the_store(dive):
    from pipeline_lib.records.files import read_metrics

    metrics = read_metrics(dive("dive", 0, precision=None, visible_rows=[32, 64]) / "metrics.json")
    points = score_points(metrics, 0, main_only=True)
    assert len({point.key for point in points}) == len(points) == 5 * 4 + 1 + 4
    assert not any(math.isnan(point.value) for point in points)
    values = {point.key: point.value for point in points}
    assert values["test_imputation_psnr_video"] == pytest.approx(26.4) and values["test_missingness_auroc"] == 0.95
    assert "test_missingness_precision_missing" not in values
    curves = horizon_points(metrics, 0)
    assert [p.step for p in curves if p.key == "test_imputation_psnr_video_by_horizon"] == list(range(3, 11))
    assert not any("missingness" in point.key or "nelbo" in point.key for point in curves)
    note = describe(metrics)
    for point in [*points, *curves]:
        assert f"`{point.key}`" in note
    assert "`test_imputation_psnr_video` of the imputation, where something is missing: mean over 10 input" in note
