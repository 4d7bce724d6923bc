"""pyproject.toml, constraints.txt and environment.yml say the same."""

import importlib.metadata
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.structure.source_tree import REPOSITORY, imports_of, source_files

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml"}
FROM_TORCH = re.compile(r"nvidia-|cuda-|triton")  # what builds of torch for CUDA bring, pinned by torch itself


def declared() -> list[Requirement]:
    """The core's dependencies and those of every extra but `all`, which repeats them."""
    extras = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name != "all"}
    return [Requirement(line) for lines in (PROJECT["dependencies"], *extras.values()) for line in lines]


def pins() -> dict[str, str]:
    """Name -> version, of constraints.txt."""
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def test_constraints_are_plain_pins_in_order_and_once_each():
    lines = [line for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    # No host, no option, no local version suffix such as +cpu.
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []
    assert lines == sorted(lines, key=str.lower)
    assert len(pins()) == len(lines)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_every_dependency_has_bounds_and_a_tested_pin_within_them(requirement):
    operators = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in operators
    assert "<" in operators or requirement.name == "packaging"  # whose versions are years, which promise nothing
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_constraints_pin_all_that_the_dependencies_bring():
    """Follows what the installed packages require, from the declared dependencies on."""
    pinned, wanted, seen = pins(), declared(), set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        key = (name, tuple(sorted(requirement.extras)))
        if key in seen or FROM_TORCH.match(name):
            continue
        seen.add(key)
        assert name in pinned, f"constraints.txt: no pin for {name}"
        for line in importlib.metadata.requires(name) or []:
            inner = Requirement(line)
            extras = requirement.extras or {""}
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(inner)
    assert set(pinned) - {name for name, _ in seen} == set(), "constraints.txt: pins that nothing brings"


def test_the_extra_all_holds_every_extra():
    (everything,) = map(Requirement, PROJECT["optional-dependencies"]["all"])
    assert everything.name == PROJECT["name"]
    assert everything.extras == set(PROJECT["optional-dependencies"]) - {"all"}


def test_environment_installs_the_project_with_the_pins():
    environment = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    python, pip, from_pip = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    # Two lines: in a requirements file, pip ignores a -c on the line of an -e.
    assert from_pip == {"pip": ["-c constraints.txt", "-e .[all]"]}


def test_the_set_up_installs_torch_and_then_the_project_with_the_pins():
    script = (REPOSITORY / "setup_venv.sh").read_text()
    assert "-c constraints.txt" in script
    assert script.index("\ninstall torch") < script.index("\ninstall -e '.[all]'")


def test_every_core_dependency_is_used():
    used = {item.module.split(".")[0] for path in source_files() for item in imports_of(path)}
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert {name for name in core if IMPORT_NAMES.get(name, name) not in used} == set()
