"""`configure` writes resolved experiments and the page of every key."""

from pathlib import Path

import yaml

from pipeline_lib.cli import main
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.reference import reference


def test_resolved_experiments_are_written_where_they_differ(tmp_path, monkeypatch, tiny_experiment, capsys):
    monkeypatch.chdir(tmp_path)
    path = Path("config/experiments/wave_eq_100/pde.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(tiny_experiment.model_dump(mode="json")))
    Path("config/config.yaml").write_text("experiments: [wave_eq_100/pde]\n")
    Path("over.yaml").write_text("results_dir: elsewhere\noverrides: {wave_eq_100/pde: {title: New}}\n")
    assert main(["configure", "over.yaml"]) == 0
    assert read_experiment(Path("elsewhere/configs/wave_eq_100/pde.yaml")).title == "New"
    assert "1 experiments, 1 runs, 1 files changed" in capsys.readouterr().out
    assert main(["configure", "over.yaml"]) == 0
    assert "0 files changed" in capsys.readouterr().out
    assert main(["configure"]) == 0
    assert read_experiment(Path("results/configs/wave_eq_100/pde.yaml")) == tiny_experiment


def test_a_broken_configuration_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/config.yaml").write_text("experiments: [wave_eq_100/pde]\n")
    assert main(["configure"]) == 1
    assert "there is no config/experiments/wave_eq_100/pde.yaml" in capsys.readouterr().err
    assert not Path("results").exists()


def test_the_page_of_every_key_is_written_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["configure", "--write-reference", "page.md"]) == 0
    assert Path("page.md").read_text() == reference()
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]
