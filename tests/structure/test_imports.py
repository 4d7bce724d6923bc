"""The arrows of docs/architecture.md: which package may import which, and what may come from outside."""

import subprocess
import sys
import textwrap
import tomllib

import pytest

from tests.structure.source_tree import (
    PACKAGE,
    REPOSITORY,
    Import,
    imports,
    imports_of,
    is_module,
    module_name,
    source_files,
    workflow_files,
)


def read_arrows() -> dict[str, set[str]]:
    """The table of docs/architecture.md, "The packages, and who may import whom": package -> what it may import.

    Behind the arrow: packages or modules with commas between them, "as PACKAGE", and perhaps a remark in parentheses.
    """
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    table = text.split("## The packages, and who may import whom")[1].split("\n\n")[1]
    arrows: dict[str, set[str]] = {}
    for line in table.splitlines():
        package, description = line.split(maxsplit=1)
        targets = description.partition("→")[2].partition("(")[0].strip()
        if targets.startswith("as "):
            arrows[package] = arrows[targets.removeprefix("as ")]
        elif targets:
            arrows[package] = {target.strip() for target in targets.split(",")}
        else:
            assert package == "cli" or description.endswith("imports nothing of ours"), line
            arrows[package] = set()
    arrows["cli"] = set(arrows)
    return arrows | {"__main__": {"cli"}, "__init__": set()}


ARROWS = read_arrows()
WITH_TORCH = {"runtime.device", "runtime.memory", "runtime.precision", "runtime.ranks", "runtime.seeding"}
TORCH_FREE = {"config", "records", "runtime", "reporting", "__init__", "__main__"}
WORKFLOW_MAY_IMPORT = ("pipeline_lib.config", "pipeline_lib.runtime.locks")
# Outside names that a package may import beside those of the core; what is in no extra's list here is in no package.
EXTRAS_OF = {
    "tracking": {"mlflow"},
    "reporting": {"matplotlib"},
    "metrics": {"skimage"},
    "data": {"sklearn", "netCDF4", "pycocotools"},
}
IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-image": "skimage", "scikit-learn": "sklearn"}


def package_of(module: str) -> str:
    """pipeline_lib.data.hdf5 -> data; the package itself -> __init__."""
    return module.split(".")[1] if "." in module else "__init__"


def forbidden(module: str, found: list[Import]) -> list[str]:
    """Which of a module's imports the arrows do not allow."""
    package = package_of(module)
    allowed = {f"pipeline_lib.{target}" for target in ARROWS[package] | {package}}
    problems = []
    for item in found:
        if item.module.split(".")[0] != "pipeline_lib":
            continue
        ancestors = {".".join(item.module.split(".")[:n]) for n in range(2, item.module.count(".") + 2)}
        if not ancestors & allowed:
            problems.append(f"{module}, line {item.line}: imports {item.module}")
    return problems


def test_every_package_stands_in_the_table_with_arrows_to_what_there_is():
    assert {package_of(module_name(path)) for path in source_files()} == set(ARROWS)
    for targets in ARROWS.values():
        assert all(is_module(f"pipeline_lib.{target}") for target in targets)
    assert ARROWS["training"] == {"config", "models.protocols", "data.protocols", "metrics", "records", "runtime"}


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_imports_follow_the_arrows(path):
    assert forbidden(module_name(path), imports_of(path)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pipeline_lib.evaluation.forecast", "from pipeline_lib.training import loop"),
        ("pipeline_lib.evaluation.forecast", "def late():\n    import pipeline_lib.training.loop"),
        ("pipeline_lib.training.loop", "from pipeline_lib.models.pde.model import build"),
        ("pipeline_lib.training.loop", "from pipeline_lib import models"),
        ("pipeline_lib.training.loop", "from ..data import hdf5"),
        ("pipeline_lib.data.hdf5", "if TYPE_CHECKING:\n    from pipeline_lib.models.protocols import Forecaster"),
        ("pipeline_lib.config.loading", "importlib.import_module('pipeline_lib.runtime.atomic')"),
        ("pipeline_lib.records.journal", "import pipeline_lib.runtime.device as device"),
    ],
)
def test_a_forbidden_import_is_found_wherever_it_stands(module, source):
    assert len(forbidden(module, imports(source, module))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pipeline_lib.training.loop", "from pipeline_lib.models import protocols"),
        ("pipeline_lib.training.loop", "from pipeline_lib.data.protocols import Windows"),
        ("pipeline_lib.training.loop", "from . import schedule"),
        ("pipeline_lib.cli.train", "from pipeline_lib.models.pde.model import build"),
    ],
)
def test_an_allowed_import_is_allowed(module, source):
    assert forbidden(module, imports(source, module)) == []


def test_modules_are_named_at_run_time_in_the_registry_and_the_command_line_only():
    callers = {module_name(path) for path in source_files() if "import_module" in path.read_text()}
    assert callers <= {"pipeline_lib.config.registry", "pipeline_lib.cli"}


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_other_peoples_packages_stay_where_they_belong(path):
    """mlflow in tracking alone, snakemake and what is not declared nowhere, torch out of the torch-free packages."""
    module = module_name(path)
    allowed = _core_imports() | EXTRAS_OF.get(package_of(module), set()) | {"pipeline_lib"} | sys.stdlib_module_names
    if package_of(module) in TORCH_FREE and module.removeprefix("pipeline_lib.") not in WITH_TORCH:
        allowed -= {"torch", "safetensors"}
    strangers = [item for item in imports_of(path) if item.module.split(".")[0] not in allowed]
    assert strangers == []


def test_the_workflow_imports_settings_and_locks_only():
    for path in workflow_files():
        for line in path.read_text().splitlines():
            words = line.split()
            if words and words[0] in ("import", "from"):
                module = words[1]
                ours = module.startswith(WORKFLOW_MAY_IMPORT)
                assert ours or module.split(".")[0] in {*sys.stdlib_module_names, "snakemake"}, f"{path.name}: {line}"


def test_the_torch_free_half_is_imported_without_torch_mlflow_and_pandas():
    modules = [
        module
        for module in map(module_name, source_files())
        if package_of(module) in TORCH_FREE - {"__main__"} and module.removeprefix("pipeline_lib.") not in WITH_TORCH
    ]
    assert len(modules) > 20
    _import_with_blocked({"torch", "mlflow", "pandas", "snakemake"}, modules)


def test_data_training_and_evaluation_need_the_core_only():
    packages = ("data", "models", "training", "evaluation", "runtime")
    modules = [module for module in map(module_name, source_files()) if package_of(module) in packages]
    assert len(modules) > 20
    _import_with_blocked(
        {"mlflow", "snakemake", "matplotlib", "pandas", "skimage", "sklearn", "netCDF4", "pycocotools"}, modules
    )


def _import_with_blocked(blocked: set[str], modules: list[str]) -> None:
    """Import the modules in a fresh Python where the blocked packages are as good as not installed."""
    program = f"""
        import importlib, sys

        class Blocked:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {blocked!r}:
                    raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

        sys.meta_path.insert(0, Blocked())
        for name in {modules!r}:
            importlib.import_module(name)
        """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    outcome = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stderr


def _core_imports() -> set[str]:
    """What the core dependencies of pyproject.toml are called in an import."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    names = (line.split(">=")[0] for line in project["dependencies"])
    return {IMPORT_NAMES.get(name, name) for name in names}
