"""Which modules of a package a module can reach by import, and a digest of what they say.

Read from the syntax trees: nothing is imported or run. Comments, docstrings and layout are not in a syntax tree as it
is digested here, so editing them changes no digest. The digest is the same under every Python that parses the source.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

DIGEST_LENGTH = 16
"""Hexadecimal digits of a digest: 64 bits, enough to tell every source and run of a project apart."""


class SourceGraph:
    """The import graph of the package in `package_dir`. Files are read once; make a new one to see later edits."""

    def __init__(self, package_dir: Path) -> None:
        self.package = package_dir.name
        self._root = package_dir.parent
        self._trees: dict[str, ast.Module] = {}
        self._imports: dict[str, frozenset[str]] = {}
        self._digests: dict[str, str] = {}

    def modules(self, under: str = "") -> frozenset[str]:
        """Every module of the package, or of a sub-package."""
        folder = self._root.joinpath(*(under or self.package).split("."))
        names = (path.relative_to(self._root).with_suffix("").parts for path in folder.rglob("*.py"))
        return frozenset(".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names)

    def closure(self, roots: Iterable[str], exclude: Iterable[str] = ()) -> frozenset[str]:
        """Modules that `roots` reach by import, themselves included.

        Imports inside functions count, and so do the packages around a module, whose `__init__` an import runs.
        A module whose name matches a pattern of `exclude` ("package.module", "package.*") is left out, and so is
        what only it imports.
        Raises ValueError where a root is no module of the package.
        """
        patterns = tuple(exclude)
        reached: set[str] = set()
        waiting = sorted(roots)
        for root in waiting:
            if self._file(root) is None:
                raise ValueError(f"{root} is not a module of {self._root / self.package}")
        while waiting:
            module = waiting.pop()
            if module not in reached and not any(fnmatchcase(module, pattern) for pattern in patterns):
                reached.add(module)
                waiting.extend(self.imports(module))
        return frozenset(reached)

    def digest(self, modules: Iterable[str]) -> str:
        """Digest of what these modules say."""
        text = "\n".join(f"{module} {self._digest(module)}" for module in sorted(set(modules)))
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]

    def imports(self, module: str) -> frozenset[str]:
        """Modules of the package that `module` imports, and the packages that it lies in."""
        if module not in self._imports:
            parts = module.split(".")
            around = (".".join(parts[:length]) for length in range(1, len(parts)))
            found = {package for package in around if self._file(package) is not None}
            for name in _imported_names(self._tree(module), self._package_of(module)):
                found |= self._modules_behind(name)
            self._imports[module] = frozenset(found - {module})
        return self._imports[module]

    def _modules_behind(self, name: str) -> set[str]:
        """The module that "a.b.c" names, or "a.b" where c is something defined there; none if it is not ours."""
        if name.split(".")[0] != self.package:
            return set()
        while self._file(name) is None:
            name = name.rpartition(".")[0]
        return {name}

    def _package_of(self, module: str) -> str:
        file = self._file(module)
        assert file is not None, module
        return module if file.name == "__init__.py" else module.rpartition(".")[0]

    def _file(self, module: str) -> Path | None:
        path = self._root.joinpath(*module.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None

    def _tree(self, module: str) -> ast.Module:
        if module not in self._trees:
            file = self._file(module)
            assert file is not None, module
            self._trees[module] = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
        return self._trees[module]

    def _digest(self, module: str) -> str:
        if module not in self._digests:
            text = "".join(_canonical(self._tree(module)))
            self._digests[module] = hashlib.sha256(text.encode()).hexdigest()
        return self._digests[module]


@cache
def installed() -> SourceGraph:
    """The graph of this very package."""
    return SourceGraph(Path(__file__).resolve().parents[1])


def _imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names that a module imports, relative ones made absolute."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                around = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*around, *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        else:
            yield from _imported_names(node, package)


def _canonical(node: object) -> Iterator[str]:
    """A syntax tree as text, without positions, bare strings (docstrings) and fields that are empty.

    `ast.dump` would do, were its output not different from one Python version to the next.
    """
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value = [item for item in value if not _is_bare_string(item)]
            if value is not None and value != [] and name not in ("kind", "type_comment"):
                yield f" {name}="
                yield from _canonical(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            yield from _canonical(item)
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!r}"


def _is_bare_string(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
