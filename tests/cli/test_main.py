"""`python -m pipeline_lib`: finding a stage, quick help, errors as sentences, exit codes."""

import ast
import importlib.util
import re
import subprocess
import sys
import time
import types

import pytest
from pydantic import BaseModel, Field

from pipeline_lib import cli


class Settings(BaseModel):
    width: int = Field(ge=1)


@pytest.fixture
def stage(monkeypatch):
    """Puts a function in the place of the stage `train`, as its `run`; `main` finds it as it finds any stage."""

    def install(run):
        module = types.ModuleType("stage_for_tests", "Do what the test wants.")
        module.add_arguments = lambda parser: parser.add_argument("--width", type=int, default=7)
        module.run = run
        monkeypatch.setitem(sys.modules, "stage_for_tests", module)
        monkeypatch.setitem(cli.STAGES, "train", ("stage_for_tests", "for tests"))

    return install


def raising(error):
    def run(_):
        raise error

    return run


def python_m(*arguments, **options):
    command = [sys.executable, "-m", "pipeline_lib", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("name", cli.STAGES)
def test_every_stage_has_a_file_that_offers_what_main_calls(name):
    spec = importlib.util.find_spec(cli.STAGES[name][0])
    assert spec is not None, f"there is no {cli.STAGES[name][0]}"
    with open(spec.origin) as file:
        tree = ast.parse(file.read())
    offered = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"add_arguments", "run"} <= offered
    assert ast.get_docstring(tree), "its docstring is what --help says"


def test_every_file_that_offers_a_stage_is_one(repository):
    files = (repository / "pipeline_lib" / "cli").glob("*.py")
    offering = {f"pipeline_lib.cli.{path.stem}" for path in files if "\ndef add_arguments(" in path.read_text()}
    assert offering <= {module for module, _ in cli.STAGES.values()}


def test_help_lists_the_stages_at_once_and_loads_nothing_heavy():
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        outcome = python_m("--help")
        seconds.append(time.perf_counter() - start)
    assert outcome.returncode == 0
    for name, (_, summary) in cli.STAGES.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", outcome.stdout, re.MULTILINE)
    assert min(seconds) < 0.3
    loaded = "import sys, pipeline_lib.cli; print(*{name.split('.')[0] for name in sys.modules})"
    names = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout.split()
    assert "pipeline_lib" in names
    assert {"torch", "numpy", "pydantic", "mlflow"}.isdisjoint(names)


def test_a_stage_gets_its_arguments_and_its_exit_code_is_mains(stage):
    given = []
    stage(lambda args: given.append(args.width) or 3)
    assert cli.main(["train", "--width", "5"]) == 3
    assert cli.main(["train"]) == 3
    assert given == [5, 7]


def test_a_stages_help_is_its_docstring_and_arguments(stage, capsys):
    stage(raising(AssertionError("help must not run the stage")))
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert "usage: python -m pipeline_lib train" in said
    assert "Do what the test wants." in said
    assert "--width" in said


@pytest.mark.parametrize("arguments", [["trian"], [], ["train", "--wdth", "3"], ["train", "--width", "wide"]])
def test_wrong_usage_is_code_2(stage, arguments, capsys):
    stage(lambda args: 0)
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m pipeline_lib" in capsys.readouterr().err


def test_a_users_error_is_one_sentence_without_traceback(stage, capsys):
    stage(raising(ValueError("config.yaml: width: given 0; allowed are integers from 1 on")))
    assert cli.main(["train"]) == 1
    expected = "pipeline_lib train: error: config.yaml: width: given 0; allowed are integers from 1 on\n"
    assert capsys.readouterr().err == expected


def test_a_failed_validation_names_key_value_and_what_is_allowed(stage, capsys):
    stage(lambda args: Settings(width=0))
    assert cli.main(["train"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("pipeline_lib train: error: invalid Settings: width: ")
    assert "greater than or equal to 1" in said and "got 0" in said
    assert "http" not in said and said.count("\n") == 1


def test_a_missing_file_is_named(stage, capsys, tmp_path):
    stage(lambda args: (tmp_path / "absent.yaml").read_text())
    assert cli.main(["train"]) == 1
    expected = f"pipeline_lib train: error: No such file or directory: {tmp_path / 'absent.yaml'}\n"
    assert capsys.readouterr().err == expected


def test_a_missing_package_is_named(stage, capsys):
    stage(lambda args: __import__("package_that_nobody_has.inner"))
    assert cli.main(["train"]) == 1
    assert "the Python package package_that_nobody_has is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [AssertionError("an invariant"), OSError(28, "No space left on device"), KeyError("key"), TypeError("bug")]
)
def test_what_is_no_users_error_keeps_its_traceback(stage, error):
    stage(raising(error))
    with pytest.raises(type(error)):
        cli.main(["train"])


@pytest.mark.parametrize("arguments", [["--traceback", "train"], ["train", "--traceback"]])
def test_a_traceback_can_be_had_by_option(stage, arguments):
    stage(raising(ValueError("wrong")))
    with pytest.raises(ValueError, match="wrong"):
        cli.main(arguments)


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("0", False), ("", False)])
def test_a_traceback_can_be_had_by_variable(stage, monkeypatch, value, wanted):
    monkeypatch.setenv("PIPELINE_TRACEBACK", value)
    stage(raising(ValueError("wrong")))
    if wanted:
        with pytest.raises(ValueError, match="wrong"):
            cli.main(["train"])
    else:
        assert cli.main(["train"]) == 1


def test_an_interruption_is_code_130(stage, capsys):
    stage(raising(KeyboardInterrupt()))
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "pipeline_lib train: interrupted\n"


def test_the_process_exits_with_mains_code(tmp_path):
    outcome = python_m("trian")
    assert outcome.returncode == 2
    assert "Traceback" not in outcome.stderr


def test_the_version_is_that_of_pyproject(repository):
    version = re.search(r'^version = "(.+)"$', (repository / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert python_m("--version").stdout.strip() == version
