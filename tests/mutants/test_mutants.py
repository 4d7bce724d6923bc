"""The list of planted defects fits the code and the page on tests; and the tool that plants them is not fooled."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.page import PAGE, with_table
from tests.mutants.planted import MUTANTS
from tests.mutants.run import ROOT, copy_of, ended_by, main, problems_without_defects, run_tests, verdict

PACKAGES = "config data models metrics training evaluation records runtime tracking reporting cli workflow"


def functions_of(file: Path) -> Iterator[str]:
    return (node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_defect_has_its_place_once_and_its_test(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    planted = mutant.planted(text)
    assert planted != text
    if mutant.file.endswith(".py"):
        ast.parse(planted)
    file, _, test = mutant.test.partition("::")
    assert file.startswith("tests/") and test.partition("[")[0] in functions_of(ROOT / file)


def test_every_package_has_defects_and_each_a_name_of_its_own() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 30
    assert {mutant.file.removeprefix("pipeline_lib/").split("/")[0] for mutant in MUTANTS} == set(PACKAGES.split())


def test_the_page_on_tests_holds_the_list() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run `python -m tests.mutants.page`"


def test_a_place_that_has_changed_is_named() -> None:
    mutant = Mutant("gone", "", "pipeline_lib/here.py", "a + b", "a - b", "tests/test_here.py::test_it")
    for text in ("a * b", "a + b; a + b"):
        with pytest.raises(ValueError, match=r"mutant gone: its text is in pipeline_lib/here\.py [02] times instead"):
            mutant.planted(text)


def test_errors_are_told_by_their_type() -> None:
    assert ended_by("assert 1 == 2") == ended_by("AssertionError: loss\nassert 1 == 2") == "AssertionError"
    assert ended_by("Failed: DID NOT RAISE <class 'ValueError'>") == "Failed"
    assert ended_by("pipeline_lib.runtime.locks.LockHeldError: held") == "LockHeldError"
    assert ended_by("") == ""


def test_an_unknown_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-defect"]) == 2
    assert "no-such-defect; there are digest-ignores-setting" in capsys.readouterr().out


CODE = "def double(x):\n    return 2 * x\n"
TESTS = """\
import pytest
from pipeline_lib.numbers import double

def test_it_doubles():
    assert double(3) == 6

def test_it_is_there():
    double(3)

@pytest.mark.skip(reason="not here")
def test_it_is_skipped():
    double(3)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a small project."""
    root = tmp_path_factory.mktemp("project")
    for path, text in {"pipeline_lib/numbers.py": CODE, "tests/test_numbers.py": TESTS, "pyproject.toml": ""}.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    (root / "pipeline_lib" / "__init__.py").touch()
    return copy_of(root, tmp_path_factory.mktemp("copied"))


@pytest.mark.parametrize(
    ("new", "test", "found"),
    [
        ("2 + x", "test_it_doubles", "noticed"),
        ("2 + x", "test_it_is_there", "SURVIVES: the test passes"),
        ("2 * y", "test_it_doubles", "BREAKS: NameError: name 'y' is not defined, where AssertionError or Failed is"),
        ("2 *", "test_it_doubles", "NO TEST: "),
        ("2 + x", "test_it_halves", "NO TEST: "),
    ],
)
def test_only_what_is_compared_counts_as_noticed(project: Path, new: str, test: str, found: str) -> None:
    mutant = Mutant("toy", "", "pipeline_lib/numbers.py", "2 * x", new, f"tests/test_numbers.py::{test}")
    whole = mutant.plant(project)
    try:
        assert verdict(run_tests(project, [mutant.test])).startswith(found)
    finally:
        (project / mutant.file).write_text(whole)
    assert whole == CODE


def test_tests_that_fail_or_are_skipped_without_a_defect_prove_nothing(project: Path) -> None:
    assert problems_without_defects(project, ["tests/test_numbers.py::test_it_doubles"]) == []
    (skipped,) = problems_without_defects(project, ["tests/test_numbers.py"])
    assert "a test is skipped: not here" in skipped
    (project / "pipeline_lib" / "numbers.py").write_text(CODE.replace("2", "3"))
    try:
        (failed,) = problems_without_defects(project, ["tests/test_numbers.py::test_it_doubles"])
    finally:
        (project / "pipeline_lib" / "numbers.py").write_text(CODE)
    assert "tests fail" in failed and "assert 9 == 6" in failed


def test_a_test_that_hangs_is_ended(project: Path) -> None:
    mutant = Mutant("endless", "", "pipeline_lib/numbers.py", "return", "while True: pass\n    return", "")
    whole = mutant.plant(project)
    try:
        outcome = run_tests(project, ["tests/test_numbers.py::test_it_doubles"], seconds=3)
    finally:
        (project / mutant.file).write_text(whole)
    assert verdict(outcome).startswith("HANGS")
