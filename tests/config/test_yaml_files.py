"""YAML in and out, and how mappings merge."""

import pytest

from pipeline_lib.config.yaml_files import merge, read_mapping, write_mapping


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [0]\nresults_dir: a\nseeds: [1]\n", "line 3: key 'seeds' is given twice (first in line 1)"),
        ("tracking:\n  live: true\n  live: false\n", "line 3: key 'live' is given twice (first in line 2)"),
        ("a: [1, 2\nb: 3\n", "not valid YAML"),
        ("- a\n- b\n", "expected a mapping of keys to values, found a list"),
        ("1: a\n", "key 1 is not a text"),
        ("a: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    ],
)
def test_a_bad_file_is_an_error_that_names_it(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        read_mapping(path)
    assert str(path) in str(error.value) and message in str(error.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml: cannot be read \(No such file"):
        read_mapping(tmp_path / "none.yaml")


def test_an_anchor_may_be_merged_over(tmp_path):
    path = tmp_path / "anchors.yaml"
    path.write_text("a: &base {x: 1, y: 2}\nb:\n  <<: *base\n  y: 3\n")
    assert read_mapping(path) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


def test_an_empty_file_holds_nothing(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read_mapping(tmp_path / "empty.yaml") == {}


def test_writing_keeps_order_replaces_whole_files_and_leaves_equal_ones(tmp_path):
    path = tmp_path / "new" / "some.yaml"
    content = {"z": 1, "a": {"y": [1, 2], "b": "Größe"}}
    assert write_mapping(content, path)
    assert read_mapping(path) == content
    assert list(read_mapping(path)) == ["z", "a"]
    before = path.stat()
    assert not write_mapping(content, path)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert write_mapping({"z": 2}, path)
    assert [file.name for file in path.parent.iterdir()] == ["some.yaml"]


def test_mappings_merge_deeply_and_anything_else_replaces():
    base = {"a": {"b": {"c": 1, "d": 2}, "list": [1, 2]}, "e": 3}
    over = {"a": {"b": {"c": 9}, "list": [5]}, "e": None, "f": {"g": 1}}
    assert merge(base, over) == {"a": {"b": {"c": 9, "d": 2}, "list": [5]}, "e": None, "f": {"g": 1}}
    assert base == {"a": {"b": {"c": 1, "d": 2}, "list": [1, 2]}, "e": 3}
