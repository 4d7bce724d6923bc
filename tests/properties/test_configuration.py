"""Configurations of any kind: settings that are what was written, or a sentence; never a traceback, and no hang."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import load_pipeline, read_experiment, write_experiment
from pipeline_lib.config.pipeline import PipelineSettings
from pipeline_lib.config.yaml_files import LARGEST_INTEGER, read_mapping, write_mapping
from tests.config.conftest import EXPERIMENTS, Project
from tests.properties.boundary import answer


def names_in(schema: Any) -> set[str]:
    """All keys and choices of a JSON schema."""
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {})) | {str(each) for each in schema.get("enum", [])}
        for inner in schema.values():
            found |= names_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            found |= names_in(inner)
    return found


NAMES = sorted(names_in(Experiment.model_json_schema()) | names_in(PipelineSettings.model_json_schema()))
PATHS = ["../x", "/etc/passwd", "a/../../b", "../../etc/passwd", "a\0b", "\ud800", "", "a/b/c", "A/b", "x" * 5000]
NUMBERS = [
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    2**63,
    10**400,
    10**4000,
    -(10**30),
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    1e-320,
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(PATHS + ["1e-4", "auto", "cuda:٣", "wave_eq_100/pde", "2001-13-45"]),
    st.sampled_from(NAMES),
    st.integers(-3, 300),
    st.floats(),
    st.text(max_size=8),
)
keys = st.one_of(st.sampled_from(NAMES), st.sampled_from([*EXPERIMENTS, *PATHS[:6]]), st.text(max_size=6))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)


@st.composite
def changed(draw: st.DrawFn, tree: Any) -> Any:
    """A sound configuration of which a few places hold something else."""
    made = yaml.safe_load(yaml.safe_dump(tree))
    for _ in range(draw(st.integers(1, 3))):
        place = made
        while True:
            key = draw(st.sampled_from(sorted(place)) | keys if place else keys)
            if isinstance(place.get(key), dict) and draw(st.booleans()):
                place = place[key]
            else:
                place[key] = draw(trees)
                break
    return made


def as_yaml(value: Any) -> str:
    """YAML that safe_dump may refuse to write, such as integers of thousands of digits, in the flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_yaml(key)}: {as_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'
    if isinstance(value, float):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(str(value), f"{value:.17e}")
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else str(value or "null").lower()


SOUND = {
    "experiments": ["wave_eq_100/pde", "wave_eq/pde"],
    "seeds": [0, 1],
    "overrides": {"wave_eq_100/pde": {"training": {"batch_size": 3}}},
    "sweeps": {"wave_eq/pde": {"training.batch_size": [4, 8]}},
}


@given(st.one_of(trees, changed(SOUND)))
def test_a_pipeline_is_refused_in_a_sentence_or_is_one(tmp_path: Path, tree: Any) -> None:
    project = Project(tmp_path)
    file = project.write("config/config.yaml", as_yaml(tree))
    found = answer(lambda: load_pipeline([file], tmp_path), "config/")
    if not isinstance(found, str):
        for name, experiment in found.experiments.items():  # what is taken can be written, and read again
            write_experiment(experiment, tmp_path / "again" / f"{name}.yaml")
            assert read_experiment(tmp_path / "again" / f"{name}.yaml") == experiment
            assert found.paths.config(name).parent.parent == found.settings.results_dir / "configs"


@given(st.one_of(trees, changed(EXPERIMENTS["wave_eq_100/pde"])))
def test_an_experiment_is_refused_in_a_sentence_or_is_one(tmp_path: Path, tree: Any) -> None:
    file = Project(tmp_path).write("config/experiments/wave_eq_100/pde.yaml", as_yaml(tree))
    found = answer(lambda: read_experiment(file), file)
    if not isinstance(found, str):
        write_experiment(found, tmp_path / "again.yaml")
        assert read_experiment(tmp_path / "again.yaml") == found
        assert (
            "nan" not in (tmp_path / "again.yaml").read_text() and ".inf" not in (tmp_path / "again.yaml").read_text()
        )


texts = st.text(max_size=5)
plain = st.one_of(st.none(), st.booleans(), st.integers(-LARGEST_INTEGER, LARGEST_INTEGER), texts)
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(texts, nested, max_size=3))
def test_what_is_written_is_read_again(tmp_path: Path, mapping: dict[str, Any]) -> None:
    write_mapping(mapping, tmp_path / "a.yaml")
    assert answer(lambda: read_mapping(tmp_path / "a.yaml"), "a.yaml") == mapping


PIECES = ["a", "b", ": ", "- ", "\n", "  ", "&x ", "*x", "<<", "? ", "!!int ", "!!set ", "!!map ", "!!omap ", "!!bool "]
PIECES += [
    "!!binary ",
    "!!timestamp ",
    "!!str ",
    "!!python/name:os.system ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    '"',
    "|",
    ">",
]
PIECES += ["0x", "1:60", "1e9", ".nan", "---\n", "%YAML 1.1\n", "\0", "\t", "#", "2001-02-30", "=", "~", "\ufeff"]


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("".join).map(str.encode), st.binary(max_size=60)))
def test_any_text_is_a_mapping_or_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(text)
    found = answer(lambda: read_mapping(tmp_path / "a.yaml"), tmp_path / "a.yaml")
    assert isinstance(found, str | dict)


BOMBS = {
    "aliases": "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, 80)),
    "merges": "a0: &a0 {x: 1}\n" + "".join(f"a{k}: &a{k} {{<<: [*a{k - 1}, *a{k - 1}]}}\n" for k in range(1, 80)),
    "depth": "[" * 2000,
    "depth by aliases": "a0: &a0 [x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}]\n" for k in range(1, 200)),
    "itself": "a: &a [*a]",
    "itself as a mapping": "experiments: [wave_eq/pde]\noverrides: &a {wave_eq/pde: *a}",
    "digits": "seeds: [" + "9" * 100_000 + "]",
    "hexadecimal digits": "seeds: [0x" + "f" * 100_000 + "]",
    "points of a sweep": "experiments: [wave_eq/pde]\nsweeps:\n  wave_eq/pde:\n"
    + "".join(f"    training.k{k}: {list(range(50))}\n" for k in range(20)),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_what_would_take_all_memory_or_time_is_refused_at_once(tmp_path: Path, text: str) -> None:
    project = Project(tmp_path)
    file = project.write("config/config.yaml", text)
    assert isinstance(answer(lambda: load_pipeline([file], tmp_path), "config/config.yaml"), str)


def test_a_value_in_an_error_is_no_longer_than_can_be_read(tmp_path: Path) -> None:
    project = Project(tmp_path)
    file = project.write("config/config.yaml", {"experiments": ["wave_eq/pde"], "results_dir": ["x" * 500] * 500})
    assert len(answer(lambda: load_pipeline([file], tmp_path), "config/config.yaml")) < 1000


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../../outside"])
def test_names_lead_to_no_file_outside(tmp_path: Path, name: str) -> None:
    project = Project(tmp_path / "project")
    for place in (tmp_path, project.root, project.root / "config"):
        (place / "outside.yaml").write_text("password: secret")
    given = name if name.startswith("..") else str(tmp_path / "outside")
    file = project.write("config/config.yaml", {"experiments": [given]})
    said = answer(lambda: load_pipeline([file], project.root), "config/config.yaml")
    assert "password" not in said and "secret" not in said


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf"])
def test_numbers_must_be_finite(tmp_path: Path, number: str) -> None:
    project = Project(tmp_path)
    change = f"{{wave_eq/pde: {{training: {{optimiser: {{learning_rate: {number}}}}}}}}}"
    text = f"experiments: [wave_eq/pde]\noverrides: {change}"
    said = answer(lambda: load_pipeline([project.write("config/config.yaml", text)], tmp_path), "config/config.yaml")
    assert "learning_rate" in said and "finite" in said


@pytest.mark.parametrize("path", ['"a\\0b"', '"\\ud800"'])
@pytest.mark.parametrize("key", ["results_dir", "data_dir", "mirror_dir"])
def test_folders_must_be_such_as_a_file_system_can_have(tmp_path: Path, key: str, path: str) -> None:
    file = Project(tmp_path).write("config/config.yaml", f"experiments: [wave_eq/pde]\n{key}: {path}")
    assert key in answer(lambda: load_pipeline([file], tmp_path), "config/config.yaml")
