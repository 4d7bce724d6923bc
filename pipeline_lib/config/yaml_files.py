"""YAML in and out: safe, duplicate keys are errors, files are replaced as a whole."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

MOST_VALUES = 100_000
"""Values in a file, each counted as often as aliases repeat it: aliases of aliases double them with every line."""

DEEPEST = 50
"""How deep values may be nested."""

LARGEST_INTEGER = 2**63 - 1


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error, not a silent loss of the first.

    What aliases make too large is refused before it is made, and so are values that their tag does not fit.
    """

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            n_values, depth = _extent(node, {})
            if n_values > MOST_VALUES or depth > DEEPEST:
                raise ValueError(
                    f"holds {min(n_values, MOST_VALUES + 1):,} values or more, nested {depth} deep, where aliases are "
                    f"written out; allowed are {MOST_VALUES:,} values, nested {DEEPEST} deep"
                )
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        line, shown = node.start_mark.line + 1, node.value if len(node.value) <= 40 else f"{node.value[:40]}…"
        try:
            value = super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:  # which is what the parsers of scalars raise
            raise ValueError(f"line {line}: {shown!r} is no {node.tag.rsplit(':', 1)[-1]} ({error})") from error
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise ValueError(f"line {line}: {shown} is too large an integer; allowed are up to {LARGEST_INTEGER}")
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise ValueError(f"line {node.start_mark.line + 1}: expected a mapping of keys to values")
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise ValueError(f"line {line}: key {key!r} is not a text; put it in quotes")
            if key in seen:
                raise ValueError(f"line {line}: key {key!r} is given twice (first in line {seen[key]})")
            seen[key] = line
        return super().construct_mapping(node, deep)


def _extent(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many values a node holds, with aliases written out, and how deep they are nested.

    Raises ValueError for a node that holds itself.
    """
    if id(node) in known:
        if (extent := known[id(node)]) is None:
            raise ValueError(f"line {node.start_mark.line + 1}: a value holds itself, by an alias")
        return extent
    known[id(node)] = None
    below = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    extents = [_extent(part, known) for part in below] if isinstance(node, yaml.CollectionNode) else []
    found = 1 + sum(n_values for n_values, _ in extents), 1 + max((depth for _, depth in extents), default=0)
    known[id(node)] = found
    return found


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping.

    Raises ValueError that names the file (and line, where there is one) when it is missing, is not YAML, holds
    anything else than a mapping, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    try:
        content = parse_value(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping of keys to values, found a {type(content).__name__}")
    return content


def parse_value(text: str) -> Any:
    """The value that a text holds as YAML. Raises ValueError that names the line, where there is one."""
    try:
        loader = _StrictLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except RecursionError as error:
        raise ValueError(f"values are nested too deeply; allowed are {DEEPEST} levels") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}not valid YAML ({getattr(error, 'problem', None) or error})") from error


def write_mapping(mapping: Mapping[str, Any], path: Path) -> bool:
    """Write `mapping` to `path`, keys in their order, in one step; whether the file's content changed."""
    text = yaml.safe_dump(dict(mapping), sort_keys=False, allow_unicode=True, width=120)
    if "\x85" in text:  # a line's end to YAML, which the library writes as it is and reads as a space
        text = yaml.safe_dump(dict(mapping), sort_keys=False, allow_unicode=False, width=120)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return True


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`: mappings merge key by key and deeply, anything else replaces what was there."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
