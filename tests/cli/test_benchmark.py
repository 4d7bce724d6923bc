"""`benchmark`: which configurations are measured, on which data, what is kept of it, and that `plan` uses it."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline_lib.cli import benchmark, main
from pipeline_lib.cli.benchmark import parsed, pipeline_with, trained
from pipeline_lib.cli.benchmark_data import make_data, measurable
from pipeline_lib.cli.iteration_timing import NotTimedError
from pipeline_lib.cli.timing_cache import cache_folder
from pipeline_lib.config.raw import MIRROR_VARIABLE, MNIST
from pipeline_lib.records.benchmark import read_rows
from tests.records.benchmark_rows import measurement

PDE, NARROW, COPY = "wave_eq_100/pde", "wave_eq_100/narrow", "wave_eq_100/copy_last"
REPORTS = {"benchmark.csv", "benchmark.md", "benchmark.png", "benchmark.pdf"}


@pytest.fixture
def project(tmp_path, tiny_experiment, prepared, monkeypatch):
    """A folder with configuration, two trained experiments, a baseline and their data."""
    folder = tmp_path / "project"
    narrow = {"name": NARROW, "model": {**tiny_experiment.model.model_dump(), "encoder_hidden_size": 8}}
    baseline = {"name": COPY, "model": {"name": "copy_last"}, "training": None}
    for name, content in {PDE: {}, NARROW: narrow, COPY: baseline}.items():
        path = folder / "config" / "experiments" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(tiny_experiment.model_dump(mode="json") | content))
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump({"experiments": [PDE, NARROW, COPY]}))
    shutil.copytree(prepared, folder / "data" / "prepared" / "wave_eq_100")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def asked(monkeypatch):
    """In place of measurements: round numbers. What was asked for; `asked.fails` says which of it raises what."""

    class Asked(list):
        fails: dict = {}

    found = Asked()

    def fake(experiment, train_file, test_file, effort):
        assert train_file.is_file() and test_file.is_file()
        found.append((experiment.name, effort))
        if experiment.name in found.fails:
            raise found.fails[experiment.name]
        return measurement()

    monkeypatch.setattr(benchmark, "measured_apart", fake)
    return found


def names(asked):
    return [name for name, _ in asked]


def lines():
    return {line["experiment"]: line for line in csv.DictReader(Path("results/benchmarks/benchmark.csv").open())}


def test_a_configuration_is_measured_in_its_process_and_reported(project, repository, capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(repository))  # the process begins in the project's folder
    assert main(["benchmark", NARROW, "--quick", "--repetitions", "2"]) == 0
    assert f"{NARROW}: measuring …" in (shown := capsys.readouterr()).err and "benchmark.md" in shown.out
    assert REPORTS == {path.name for path in Path("results/benchmarks").iterdir() if path.is_file()}
    (row,) = read_rows(Path("results/benchmarks"))
    assert row.measurement.iteration_seconds.n == 2 and row.is_quick and row.on_cpu and not row.is_on_sample
    assert (row.precision, row.n_threads, row.batch_size) == ("float32", 1, 8)
    assert {"torch", "numpy"} <= set(row.provenance["packages"]) and row.identity["device"]
    assert f"| {NARROW} (quick) | 8 | float32 | 1 |" in Path("results/benchmarks/benchmark.md").read_text()
    assert Path("results/benchmarks/benchmark.png").stat().st_size > 1000
    assert not cache_folder().exists(), "a quick measurement is not what plan should rest on"
    # Wanted beside the plain implementation, it is measured again; then it need not be.
    again = ["benchmark", NARROW, "--quick", "--repetitions", "2", "--plain"]
    assert main(again) == 0 and "measuring …" in capsys.readouterr().err
    (row,) = read_rows(Path("results/benchmarks"))
    assert row.measurement.plain_seconds.n == row.measurement.plain_ratio.n == 2
    assert "times ours" in Path("results/benchmarks/benchmark.md").read_text()
    for arguments in (again, again[:-1]):
        assert main(arguments) == 0 and "measured before" in capsys.readouterr().err


def test_without_the_repository_there_is_no_plain_implementation(project, capsys):
    """The process begins in a folder that has none."""
    assert main(["benchmark", NARROW, "--quick", "--repetitions", "1", "--plain"]) == 1
    assert "in the repository, not in the package" in capsys.readouterr().err


def test_all_trained_experiments_are_measured_once(project, asked, capsys):
    assert main(["benchmark"]) == 0
    assert names(asked) == [PDE, NARROW] and asked[0][1].repetitions == 5 and asked[0][1].seconds > 0
    capsys.readouterr()
    assert main(["benchmark"]) == 0
    assert len(asked) == 2 and f"{PDE}: measured before" in capsys.readouterr().err
    assert main(["benchmark", PDE, "--again"]) == 0
    assert names(asked)[2:] == [PDE]
    assert set(lines()) == {PDE, NARROW} and len(read_rows(Path("results"))) == 2


@pytest.mark.parametrize(
    "change", [{"git_commit": "other"}, {"git_dirty": None}, {"device": "other"}, {"source": "other"}, {"torch": "1"}]
)
def test_what_was_measured_otherwise_is_measured_again(project, asked, monkeypatch, change):
    assert main(["benchmark", PDE]) == 0
    identity = benchmark.Benchmark._identity
    monkeypatch.setattr(benchmark.Benchmark, "_identity", lambda *args: identity(*args) | change)
    assert main(["benchmark", PDE]) == 0
    assert len(asked) == 2
    # Another device has a row of its own; another commit takes the place of the one before.
    assert len(read_rows(Path("results"))) == (2 if "device" in change else 1)


def test_other_settings_are_measured_again_and_quick_rows_stand_apart(project, asked):
    Path("overlay.yaml").write_text(yaml.safe_dump({"overrides": {PDE: {"training": {"batch_size": 4}}}}))
    for arguments in ([PDE], [PDE, "overlay.yaml"], [PDE, "overlay.yaml"], [PDE, "overlay.yaml", "--quick"]):
        assert main(["benchmark", *arguments]) == 0
    assert len(asked) == 3 and asked[2][1].seconds == 0
    assert sorted(row.is_quick for row in read_rows(Path("results"))) == [False, True]


def test_a_failure_is_a_row_and_the_rest_goes_on(project, asked, capsys):
    asked.fails = {PDE: NotTimedError("CUDA out of memory")}
    assert main(["benchmark"]) == 1
    assert names(asked) == [PDE, NARROW]
    assert f"{PDE} was not measured: CUDA out of memory" in capsys.readouterr().err
    assert [lines()[name]["status"] for name in (PDE, NARROW)] == ["failed", "measured"]
    assert lines()[PDE]["reason"] == "CUDA out of memory"
    assert "wave_eq_100/pde: not measured, CUDA out of memory" in Path("results/benchmarks/benchmark.md").read_text()
    asked.fails = {}
    assert main(["benchmark"]) == 0
    assert names(asked)[2:] == [PDE], "what failed is tried again"


def test_an_interruption_leaves_what_was_measured(project, asked, capsys):
    asked.fails = {NARROW: KeyboardInterrupt()}
    assert main(["benchmark"]) == 130
    assert set(lines()) == {PDE} and Path("results/benchmarks/benchmark.png").is_file()
    asked.fails = {}
    assert main(["benchmark"]) == 0
    assert names(asked) == [PDE, NARROW, NARROW]


def test_a_row_names_the_share_that_was_measured(project, asked):
    several = {"overrides": {PDE: {"training": {"n_processes": 2}}}}
    Path("overlay.yaml").write_text(yaml.safe_dump(several))
    assert main(["benchmark", PDE, "overlay.yaml"]) == 0
    assert (lines()[PDE]["batch_size"], lines()[PDE]["n_processes"]) == ("4", "2")


def test_plan_takes_what_was_measured(project, asked, capsys):
    assert main(["benchmark", PDE]) == 0
    capsys.readouterr()
    assert main(["plan", "--json", "--no-timing"]) == 0
    pde, narrow, _ = json.loads(capsys.readouterr().out)["runs"]
    assert pde["seconds"] == pytest.approx(20 * 0.1) and narrow["seconds"] is None
    assert pde["timing"]["by_benchmark"] and pde["timing"]["n_timed"] == 100
    assert main(["plan", "--no-timing"]) == 0
    assert "the median of 100 iterations, by the benchmark on" in capsys.readouterr().out


def test_names_and_overlays_are_told_apart():
    assert parsed(["a/b", "x.yaml", "a/b", "c/d"]) == (["a/b", "c/d"], [Path("x.yaml")])
    assert parsed([]) == ([], [])
    with pytest.raises(ValueError, match="'A' is neither an experiment"):
        parsed(["A"])


def test_what_is_no_trained_experiment_is_refused(project, asked, capsys):
    for arguments, message in (
        ([COPY], f"nothing to measure: {COPY}"),
        (["wave_eq_100/pdf"], "given 'wave_eq_100/pdf', but there is no"),
        (["--repetitions", "0"], "at least 1"),
    ):
        assert main(["benchmark", *arguments]) == 1
        assert message in capsys.readouterr().err
    assert not asked and not Path("results").exists()


def test_data_are_prepared_where_they_are_missing_and_must_be_of_these_settings(project, tiny_experiment, asked):
    shutil.rmtree("data")
    assert main(["benchmark", PDE]) == 0
    assert Path("data/prepared/wave_eq_100/test.h5").is_file()
    other = {"dataset": {"preparation": {"n_simulations": 5}}}
    Path("overlay.yaml").write_text(yaml.safe_dump({"overrides": {name: other for name in (PDE, NARROW, COPY)}}))
    assert main(["benchmark", PDE, "overlay.yaml"]) == 1
    assert "prepared with other settings (n_simulations: prepared with 4, now 5)" in lines()[PDE]["reason"]


def test_the_sample_stands_in_where_raw_data_are_missing(tmp_path, monkeypatch, repository):
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    pipeline = pipeline_with(["taxibj/pde", "sst/pde", "wave_eq/pde"], [], repository)
    for name in ("taxibj/pde", "sst/pde", "moving_mnist/pde", "mnist_varying_appearance/dive"):
        experiment = pipeline.experiments[name]
        found = measurable(pipeline, experiment).experiment
        dataset, variant = name.split("/")
        assert found.name == f"{dataset}_sample/{variant}"
        assert (found.model, found.training, found.task) == (experiment.model, experiment.training, experiment.task)
        assert getattr(found.dataset, "windows", None) == getattr(experiment.dataset, "windows", None)
    assert measurable(pipeline, pipeline.experiments["wave_eq/pde"]).experiment.name == "wave_eq/pde"
    for file in MNIST.files:
        path = tmp_path / "mirror" / "mnist" / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    wanted = measurable(pipeline, pipeline.experiments["moving_mnist/pde"])
    assert wanted.experiment.name == "moving_mnist/pde"
    with pytest.raises(ValueError, match="train-images-idx3-ubyte"):
        make_data(pipeline, wanted)


def test_the_published_configurations_are_what_is_measured_by_default(repository):
    pipeline = pipeline_with([], [], repository)
    chosen = [each.name for each in trained(pipeline, [])]
    assert {"wave_eq/pde", "moving_mnist/dive", "mnist_out_of_scene/ddpae"} <= set(chosen)
    assert not [name for name in chosen if name.endswith(("copy_last", "black", "mean_frame"))]
