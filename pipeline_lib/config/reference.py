"""The page of every key, made from the settings classes: docs/configuration.md."""

import json
from collections.abc import Iterator
from typing import Any

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.pipeline import PipelineSettings

INTRODUCTION = """\
# Configuration: every key

Made from the settings classes by `python -m pipeline_lib configure --write-reference docs/configuration.md`;
edit the descriptions there, not here.

An unknown key, a key given twice and a value out of range are errors before any job starts. Files given by
`--configfile` are merged over `config/config.yaml`, and `overrides` over the YAML of an experiment: mappings key by
key and deeply, while lists and single values replace what was there.
"""

Schema = dict[str, Any]

_COLLECTIONS = {"array": (" (a list; each item:)", "[]"), "object": (" (a mapping from names; each:)", ".<name>")}
"""By the type of a key that holds several sections: what its heading adds, and its path."""


def reference() -> str:
    """The page, as Markdown."""
    parts = [INTRODUCTION, "## What to run: `config/config.yaml` and files given by `--configfile`\n"]
    parts += _section(PipelineSettings.model_json_schema())
    parts.append("## An experiment: `config/experiments/<dataset>/<model>.yaml`\n")
    parts += _section(Experiment.model_json_schema())
    return "\n".join(parts)


def _section(schema: Schema) -> list[str]:
    definitions = schema.get("$defs", {})
    return list(_tables(schema, "", definitions))


def _tables(section: Schema, prefix: str, definitions: Schema) -> Iterator[str]:
    """What a section is, the table of its own keys, then a heading and the same for each section in it."""
    yield _one_line(section.get("description", "")) + "\n"
    nested, rows = [], []
    for key, field in section["properties"].items():
        variants = _sections(field, definitions)
        if variants:
            nested.append((key, field, variants))
        else:
            rows.append(_row(prefix + key, field, key in section.get("required", ())))
    if rows:
        yield "| key | allowed | default | what it is |\n| --- | --- | --- | --- |"
        yield "\n".join(rows) + "\n"
    for key, field, variants in nested:
        kind, within = _COLLECTIONS.get(field.get("type", ""), ("", ""))
        for variant in variants:
            name = variant["properties"].get("name", {}).get("const")
            title = f"`{prefix}{key}`{kind}"
            yield f"### {title}" + (f" with `name: {name}`" if len(variants) > 1 else "") + "\n"
            if "description" in field:
                yield f"{field['description']}\n"
            yield from _tables(variant, f"{prefix}{key}{within}.", definitions)


def _sections(field: Schema, definitions: Schema) -> list[Schema]:
    """The settings classes that a key (or an item of its list or mapping) may hold."""
    if "$ref" in field:
        definition = definitions[field["$ref"].rpartition("/")[2]]
        return [definition] if "properties" in definition else []
    if field.get("type") == "array":
        return _sections(field.get("items", {}), definitions)
    options = field.get("anyOf", []) + field.get("oneOf", []) + field.get("allOf", [])
    options += field.get("patternProperties", {}).values()
    return [section for option in options for section in _sections(option, definitions)]


def _row(key: str, field: Schema, required: bool) -> str:
    default = "**must be given**" if required else f"`{json.dumps(field.get('default'), ensure_ascii=False)}`"
    cells = (
        f"`{key}`",
        _allowed(field),
        default,
        field.get("description") or ("Says which one this is." if key.endswith("name") else ""),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _allowed(field: Schema) -> str:
    """Type and bounds of a value, in words."""
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_allowed(option) for option in field["anyOf"])
    kind = str(field.get("type", "anything"))
    if kind == "array":
        least = f"at least {field['minItems']} of: " if field.get("minItems") else ""
        return f"list of {least}{_allowed(field.get('items', {}))}"
    if kind == "object":
        value = field.get("additionalProperties")
        return f"mapping to {_allowed(value)}" if isinstance(value, dict) else "mapping"
    words = {"string": "text", "boolean": "`true`, `false`", "null": "`null`"}
    return words.get(kind, kind) + _bounds(field)


def _bounds(field: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {field[key]}" for key, sign in signs.items() if key in field]
    if "pattern" in field:
        bounds.append(f"matching `{field['pattern']}`")
    return " " + ", ".join(bounds) if bounds else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
