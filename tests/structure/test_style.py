"""Rules for all files: their size, no place for odds and ends, nothing unpickled, nothing offered to the network."""

import ast
import re

import pytest

from tests.structure.source_tree import REPOSITORY, called_name, imports, module_name, source_files, workflow_files

UNPICKLING_PACKAGES = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
UNSAFE_CALLS = {"torch.load", "eval", "exec", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"}
EVERY_ADDRESS = re.compile(r"""\b0\.0\.0\.0\b|["'](::|\*)["']\s*,\s*\d|--host[= ]["']?(::|\*)""")


def unsafe(source: str) -> list[str]:
    """What in a source can run code that a file holds."""
    problems = [
        f"line {item.line}: imports {item.module}"
        for item in imports(source, "pipeline_lib.here")
        if item.module.split(".")[0] in UNPICKLING_PACKAGES
    ]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        name = called_name(node)
        if name in UNSAFE_CALLS or (name.split(".")[-1] == "load" and "allow_pickle" in keywords):
            problems.append(f"line {node.lineno}: calls {name}")
    return problems


def started_or_configured() -> list:
    """Every file in which an address can stand that a server is told to listen on."""
    configuration = [
        path
        for folder in ("config", "profiles", "slurm", "workflow")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.is_file() and path.suffix in (".yaml", ".yml", ".smk", ".sh", ".sbatch")
    ]
    return [*source_files(), *workflow_files(), *configuration, REPOSITORY / "Makefile", REPOSITORY / "setup_venv.sh"]


@pytest.mark.parametrize("path", [*source_files(), *workflow_files()], ids=lambda path: path.name)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


def test_the_snakefile_fits_a_screen():
    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) <= 60


def test_every_module_is_named_after_what_it_does():
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [path for path in source_files() if path.stem in vague or path.parent.name in vague] == []


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_nothing_is_unpickled_or_evaluated(path):
    assert unsafe(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def late():\n    from joblib import load",
        "import torch\ntorch.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "eval(text)",
        "yaml.load(text, Loader=yaml.Loader)",
    ],
)
def test_what_unpickles_or_evaluates_is_found(source):
    assert len(unsafe(source)) == 1


def test_evaluation_mode_and_arrays_are_no_offence():
    assert unsafe("network.eval()\nnumpy.load(path)\nyaml.safe_load(text)\nregistry.load(name)") == []


@pytest.mark.parametrize("text", ["--host 0.0.0.0", 'serve("0.0.0.0", 5000)', 'bind(("::", 80))', "--host=::"])
def test_an_address_that_means_every_network_is_found(text):
    assert EVERY_ADDRESS.search(text)


def test_no_server_listens_on_every_network():
    assert [path for path in started_or_configured() if EVERY_ADDRESS.search(path.read_text())] == []
