"""Dotted keys: values by YAML's rules, and nothing that is not key=value."""

import pytest

from pipeline_lib.config.dotted_keys import as_mapping, parse_assignments


def test_values_are_read_as_yaml_and_the_last_one_of_a_key_counts():
    given = ["a.b=3", "a.c=1.0e-4", "d=[1, 2]", "e=null", "f=true", "g={x: 1}", "h=a=b", "i=", "a.b=text"]
    assert parse_assignments(given) == {
        "a.c": 1e-4,
        "d": [1, 2],
        "e": None,
        "f": True,
        "g": {"x": 1},
        "h": "a=b",
        "i": None,
        "a.b": "text",
    }


def test_dotted_keys_become_mappings_merged_in_their_order():
    assert as_mapping({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert as_mapping(parse_assignments(["a={b: 1, c: 2}", "a.b=3"])) == {"a": {"b": 3, "c": 2}}
    assert as_mapping(parse_assignments(["a.b=3", "a={b: 1, c: 2}"])) == {"a": {"b": 1, "c": 2}}
    assert as_mapping(parse_assignments(["a.b=3", "a=1", "a.b=4"])) == {"a": {"b": 4}}
    assert as_mapping({}) == {}


@pytest.mark.parametrize("text", ["training.iterations", "=3", ".a=3", "a.=3", "a b=3", "--seed=1", "a-b=1"])
def test_what_is_no_assignment_is_an_error_that_shows_one(text):
    with pytest.raises(ValueError, match="expected key=value with a dotted key, such as training.iterations=100"):
        parse_assignments([text])


@pytest.mark.parametrize("value", ["[1", "{a: 1, a: 2}", "!!python/object/apply:os.getcwd []", "a: b: c", "\x00"])
def test_what_is_no_safe_yaml_is_an_error_that_names_the_key(value):
    with pytest.raises(ValueError, match="--set a.b="):
        parse_assignments([f"a.b={value}"])
