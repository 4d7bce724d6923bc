"""`summary`: scores of every run, and where the views are."""

import shutil
import subprocess
import sys

import pytest
import yaml

from pipeline_lib.cli import main
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.records.files import write_metrics
from tests.reporting.conftest import record


@pytest.fixture
def project(repository, tmp_path, monkeypatch):
    shutil.copytree(repository / "config", tmp_path / "config")
    configuration = yaml.safe_load((tmp_path / "config/config.yaml").read_text())
    configuration["experiments"] = [name for name in configuration["experiments"] if name.startswith("wave_eq_100/")]
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(configuration))
    monkeypatch.chdir(tmp_path)
    return ResultPaths(tmp_path / "results", tmp_path / "data")


def test_runs_without_scores_are_told(project, capsys):
    assert main(["summary"]) == 1
    assert capsys.readouterr().out.count("not evaluated yet") == 4


def test_scores_and_places_are_told(project, capsys):
    for model, seed, mean in [
        ("pde", 0, 1e-4),
        ("pde_no_s", 0, 3e-4),
        ("copy_last", None, 0.02),
        ("mean_frame", None, 0.03),
    ]:
        path = project.run(f"wave_eq_100/{model}", seed).metrics
        path.parent.mkdir(parents=True)
        write_metrics(path, record(model, seed, mean))
    project.report.write_text("<html>")
    assert main(["summary"]) == 0
    out = capsys.readouterr().out
    assert "mse_per_pixel 0.0001  (forecast, 6,360 test windows, 40 frames)" in out and "not evaluated" not in out
    for place in (
        "tables/wave_eq_100.md",
        "figures/wave_eq_100/horizon.png",
        "report.html",
        "ui --results-dir results",
    ):
        assert place in out


def test_bars_are_told_with_their_notes(project, capsys):
    bar = {"experiment": "wave_eq_100/pde", "metric": "mse_per_pixel", "n_frames": 40, "times_best_baseline": 0.5}
    overlay = project.results_dir.parent / "bars.yaml"
    overlay.write_text(yaml.safe_dump({"require": [{**bar, "note": "a thing or two"}]}))
    main(["summary", str(overlay)])
    assert "  bar      not checked yet\n           a thing or two\n" in capsys.readouterr().out
    verdict = project.check("wave_eq_100-pde-mse_per_pixel-40_frames")
    verdict.parent.mkdir(parents=True)
    verdict.write_text("passed: seed 0\npassed: seed 1\n")
    main(["summary", str(overlay)])
    assert "  bar      passed: seed 0\n  bar      passed: seed 1\n           a thing" in capsys.readouterr().out


def test_a_reader_that_has_enough_is_no_error(repository):
    command = f"{sys.executable} -m pipeline_lib summary | head -1"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=repository)
    assert answer.stderr == ""
