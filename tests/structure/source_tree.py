"""What the files of the package import, read from the syntax tree."""

import ast
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "pipeline_lib"


@dataclass(frozen=True)
class Import:
    """One import: of which module (dotted, absolute), and where it stands."""

    module: str
    line: int


def source_files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def workflow_files() -> list[Path]:
    """The Snakefile and what it includes."""
    return [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "workflow").rglob("*.smk"))]


def module_name(path: Path) -> str:
    """pipeline_lib/data/hdf5.py -> pipeline_lib.data.hdf5; a package is named without its __init__."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    """Whether `name` is a module or package of ours."""
    path = REPOSITORY.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def imports(source: str, module: str, is_package: bool = False) -> list[Import]:
    """Every import in a source, at any depth: in functions, under conditions, for type checkers only.

    `from package import name` counts as an import of package.name where that is a module of ours. So does
    `import_module("package.name")`.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, module, is_package)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                found.append(Import(inner if is_module(inner) else origin, node.lineno))
        elif isinstance(node, ast.Call) and called_name(node).split(".")[-1] in ("import_module", "__import__"):
            if node.args and isinstance(node.args[0], ast.Constant):
                found.append(Import(str(node.args[0].value), node.lineno))
    return found


def imports_of(path: Path) -> list[Import]:
    """Every import in a file of the package."""
    return imports(path.read_text(), module_name(path), path.name == "__init__.py")


def called_name(call: ast.Call) -> str:
    """`a.b.c(…)` -> "a.b.c"; "" where what is called has no such name."""
    parts: list[str] = []
    function = call.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    return ".".join(reversed([*parts, function.id])) if isinstance(function, ast.Name) else ""


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if is_package else module.split(".")[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])
