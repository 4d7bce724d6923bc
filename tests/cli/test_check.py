"""A bar is passed or not, and the exit code says which."""

import json
from pathlib import Path

import pytest

from pipeline_lib.cli import main


@pytest.fixture
def metrics(tmp_path: Path):
    """Writes the metrics.json of a run with these scores."""

    def write(name: str, value: float | None, metric: str = "mse_per_pixel", first: float | None = None) -> str:
        def of_set(mean: float | None) -> dict:
            result = {
                "mean": mean,
                "std_over_windows": None,
                "horizon": [mean] * 4,
                "at": {"2": {"mean": first, "std_over_windows": None}} if first else {},
            }
            return {"n_windows": 1, "n_available": 1, "metrics": {metric: result}}

        protocols = {"forecast": {"window_sets": {"all": of_set(value), "published": of_set(0.0)}}}
        required = dict.fromkeys(("experiment", "seed", "digest", "provenance"), "")
        path = tmp_path / name / "metrics.json"
        path.parent.mkdir()
        path.write_text(json.dumps({"schema_version": 2, **required, "n_pred_test": 4, "protocols": protocols}))
        return str(path)

    return write


def check(tmp_path: Path, runs: list[str], baselines: list[str], times: str = "0.6", *options: str) -> int:
    arguments = ["check", "mse_per_pixel", *options, "--times-best-baseline", times, "--metrics", *runs]
    return main([*arguments, "--baselines", *baselines, "--out", str(tmp_path / "verdict.txt")])


def test_every_run_must_pass_against_the_best_baseline(tmp_path, metrics, capsys):
    baselines = [metrics("copy", 0.5), metrics("mean", 0.1)]
    good, bad = metrics("good", 0.06), metrics("bad", 0.0601)
    assert check(tmp_path, [good], baselines) == 0
    assert (tmp_path / "verdict.txt").read_text().startswith(f"passed: {Path(good).parent}: mse_per_pixel 0.06,")
    (tmp_path / "verdict.txt").unlink()
    assert check(tmp_path, [good, bad], baselines) == 1
    shown = capsys.readouterr()
    assert (
        f"{Path(bad).parent}: mse_per_pixel 0.0601, must be at most 0.06 (0.6 times the best baseline's 0.1)"
        in shown.err
    )
    assert str(Path(good).parent) not in shown.err
    assert not (tmp_path / "verdict.txt").exists()


def test_what_is_no_number_passes_nothing(tmp_path, metrics):
    assert check(tmp_path, [metrics("nan", float("nan"))], [metrics("copy", 1.0)]) == 1


def test_a_metric_that_was_not_evaluated_is_an_error_that_names_the_file(tmp_path, metrics, capsys):
    run = metrics("run", 0.1, metric="other")
    assert check(tmp_path, [run], [metrics("copy", 1.0)]) == 1
    assert f"{run}: has no mse_per_pixel on the all windows of the forecast, only other" in capsys.readouterr().err


def test_a_bar_may_stand_on_the_first_frames(tmp_path, metrics, capsys):
    baselines, run = [metrics("copy", 1.0, first=0.1)], metrics("run", 0.5, first=0.5)
    assert check(tmp_path, [run], baselines) == 0
    assert check(tmp_path, [run], baselines, "0.6", "--n-frames", "2") == 1
    assert "mse_per_pixel over 2 frames 0.5, must be at most 0.06" in capsys.readouterr().err
    assert check(tmp_path, [run], baselines, "0.6", "--n-frames", "3") == 1
    assert "has no mse_per_pixel of the forecast over 3 frames, only over 2, 4" in capsys.readouterr().err
