"""The import graph of a package, and digests that see code and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.config.source_graph import SourceGraph

FILES = {
    "__init__.py": '"""A package."""\n',
    "start.py": "import os\nfrom pack.middle import work\nfrom . import side\n",
    "middle.py": "def work():\n    import pack.inner.deep as deep\n    return deep.VALUE\n",
    "side.py": "from pack.inner import NAME\nfrom .inner.deep import *\n",
    "inner/__init__.py": "from ..names import NAME\n",
    "inner/deep.py": "VALUE = 1\nimport other_package.thing\n",
    "names.py": "NAME = 'x'\n",
    "alone.py": "from pack import start\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def closure(package, *roots, exclude=()):
    return {
        name.removeprefix("pack.") for name in SourceGraph(package).closure([f"pack.{root}" for root in roots], exclude)
    }


def test_the_closure_holds_what_is_reached_by_any_kind_of_import(package):
    assert closure(package, "start") == {"pack", "start", "middle", "side", "inner", "inner.deep", "names"}
    assert closure(package, "middle") == {"pack", "middle", "inner", "inner.deep", "names"}
    assert closure(package, "names") == {"pack", "names"}


def test_what_is_excluded_takes_along_what_only_it_imports(package):
    assert closure(package, "start", exclude=["pack.middle"]) == {
        "pack",
        "start",
        "side",
        "inner",
        "inner.deep",
        "names",
    }
    assert closure(package, "start", exclude=["pack.inner", "pack.inner.*"]) == {"pack", "start", "middle", "side"}


def test_a_root_that_is_no_module_is_an_error(package):
    with pytest.raises(ValueError, match=r"pack\.none is not a module of"):
        SourceGraph(package).closure(["pack.none"])


def test_all_modules_of_a_package_and_of_a_part_of_it(package):
    names = {"start", "middle", "side", "inner", "inner.deep", "names", "alone"}
    assert SourceGraph(package).modules() == {"pack"} | {f"pack.{name}" for name in names}
    assert SourceGraph(package).modules("pack.inner") == {"pack.inner", "pack.inner.deep"}


CODE = '''"""Docstring."""
import math


class Thing:
    """Docstring."""

    size: int = 3
    """What a size is."""

    def area(self, factor=1.0):
        """Docstring."""
        text = f"{factor!r:>10} and {self.size + 1}"
        return math.pi * self.size**2 * factor, text  # a comment
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # a comment", ""),
        ("# a comment", "# another comment"),
        ('"""Docstring."""\n        text', "text"),
        ("Docstring.", "Rewritten\n\n    at length."),
        ('    """What a size is."""\n', ""),
        ("\n\n\nclass", "\n# why\nclass"),
        (
            "math.pi * self.size**2 * factor, text",
            "(\n            math.pi * self.size ** 2 * factor,\n            text,\n        )",
        ),
        ("import math", "import math;"),
    ],
)
def test_comments_docstrings_and_layout_are_not_in_a_digest(tmp_path, old, new):
    assert old in CODE
    assert digest_of(tmp_path / "a", CODE) == digest_of(tmp_path / "b", CODE.replace(old, new))


def test_a_docstring_alone_is_as_good_as_nothing(tmp_path):
    assert digest_of(tmp_path / "a", "") == digest_of(tmp_path / "b", '"""What this package is."""\n')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("math.pi * self", "math.pi + self"),
        ("factor=1.0", "factor=1"),
        ("factor=1.0", "factor=True"),
        ("size**2", "size**3"),
        (">10", ">11"),
        ("!r", "!s"),
        (" and ", " or "),
        ("size: int = 3", "size: float = 3"),
        ("import math", "import math\nimport os"),
        ("def area", "async def area"),
        ("def area", "@staticmethod\n    def area"),
    ],
)
def test_any_other_edit_changes_the_digest(tmp_path, old, new):
    assert digest_of(tmp_path / "a", CODE) != digest_of(tmp_path / "b", CODE.replace(old, new))


def digest_of(folder: Path, code: str) -> str:
    (folder / "pack").mkdir(parents=True)
    (folder / "pack" / "module.py").write_text(code)
    return SourceGraph(folder / "pack").digest(["pack.module"])


def test_a_digest_is_that_of_its_modules_whatever_their_order(package):
    graph = SourceGraph(package)
    assert graph.digest(["pack.start", "pack.side"]) == graph.digest(["pack.side", "pack.start", "pack.side"])
    assert graph.digest(["pack.start", "pack.side"]) != graph.digest(["pack.start"])
    # Equal contents in another module are something else.
    (package / "names_2.py").write_text(FILES["names.py"])
    assert SourceGraph(package).digest(["pack.names"]) != SourceGraph(package).digest(["pack.names_2"])


def test_a_digest_is_the_same_in_every_process(tmp_path):
    """Weights are found again by it, years later: it must not depend on hash seeds, and not drift unnoticed."""
    code = CODE.replace("math.pi", "{1, 2, 3}")
    program = (
        "import sys; from pathlib import Path; from pipeline_lib.config.source_graph import SourceGraph; "
        "print(SourceGraph(Path(sys.argv[1])).digest(['pack.module']))"
    )
    expected = digest_of(tmp_path, code)
    for seed in ("1", "2"):
        command = [sys.executable, "-c", program, str(tmp_path / "pack")]
        shown = subprocess.run(command, env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True, text=True)
        assert shown.stdout.strip() == expected, shown.stderr
    assert digest_of(tmp_path / "constant", "def double(x):\n    return 2 * x\n") == "f535542eec65e028"
