"""The scores of a metrics.json: each once, found by protocol, metric and frames, and missed in words."""

import pytest

from pipeline_lib.records.files import read_metrics, write_metrics
from pipeline_lib.records.scores import main_score, scores


def of_set(n_windows: int, **metrics: dict) -> dict:
    return {"n_windows": n_windows, "n_available": 9, "metrics": metrics}


def of_metric(mean: float, at: dict[str, float]) -> dict:
    shorter = {n: {"mean": value, "std_over_windows": value / 2} for n, value in at.items()}
    return {"mean": mean, "std_over_windows": None, "horizon": [mean] * 12, "at": shorter}


@pytest.fixture
def metrics(tmp_path):
    forecast = {
        "all": of_set(9, mse=of_metric(4.0, {"10": 3.0, "2": 1.0, "12": 4.0}), ssim=of_metric(0.5, {})),
        "published": of_set(3, mse=of_metric(5.0, {})),
    }
    protocols = {
        "forecast": {"window_sets": forecast},
        "swap": {"window_sets": {"all": of_set(8, mse=of_metric(6, {}))}},
    }
    required = dict.fromkeys(("experiment", "seed", "digest", "provenance"), "")
    frames = {"n_cond": 5, "n_pred_test": 12}
    write_metrics(tmp_path / "metrics.json", {**required, **frames, "protocols": protocols})
    return read_metrics(tmp_path / "metrics.json")


def test_every_score_comes_once_and_lengths_increase(metrics):
    found = [(s.protocol, s.window_set, s.metric, s.n_frames, s.n_windows, s.is_main, s.mean) for s in scores(metrics)]
    assert found == [
        ("forecast", "all", "mse", 2, 9, True, 1.0),
        ("forecast", "all", "mse", 10, 9, True, 3.0),
        ("forecast", "all", "mse", 12, 9, True, 4.0),
        ("forecast", "all", "ssim", 12, 9, True, 0.5),
        ("forecast", "published", "mse", 12, 3, False, 5.0),
        ("swap", "all", "mse", 12, 8, True, 6.0),
    ]
    assert [score.std_over_windows for score in scores(metrics)][:3] == [0.5, 1.5, None]


def test_a_score_is_found_by_what_it_measures(metrics):
    assert main_score(metrics, "forecast", "mse").mean == 4.0
    assert main_score(metrics, "forecast", "mse", 10).mean == 3.0
    assert main_score(metrics, "swap", "mse", 12).mean == 6.0


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (("imputation", "mse"), "the protocol imputation was not evaluated, only forecast, swap"),
        (("swap", "ssim"), "has no ssim on the all windows of the swap, only mse"),
        (("forecast", "mse", 5), "has no mse of the forecast over 5 frames, only over 2, 10, 12"),
    ],
)
def test_what_there_is_not_is_said(metrics, wanted, error):
    with pytest.raises(ValueError, match=error):
        main_score(metrics, *wanted)


def test_files_of_the_first_schema_are_refused(tmp_path):
    (tmp_path / "metrics.json").write_text('{"schema_version": 1, "protocol": "forecast", "window_sets": {}}')
    with pytest.raises(ValueError, match="metrics.json: schema version 2 expected; delete it"):
        read_metrics(tmp_path / "metrics.json")
