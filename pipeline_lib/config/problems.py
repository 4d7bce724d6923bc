"""What is wrong with a configuration, in sentences: file, key, what was given, what is allowed."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

Keys = tuple[str | int, ...]

LONGEST_QUOTE = 200
"""Characters of a value that an error shows."""


class ConfigurationError(ValueError):
    """Everything that is wrong with a configuration, one line per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in the configuration:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True)
class Layer:
    """One of the sources of a merged mapping: what it is called in errors, and what it holds (at key path `at`)."""

    label: str
    content: Mapping[str, Any]
    at: Keys = ()


def quoted(value: Any) -> str:
    """A value as errors show it, on one line that can be read."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integers of thousands of digits
        return "too large an integer"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def suggest(given: str, allowed: Sequence[str]) -> str:
    """ "; did you mean …?" for a near miss, else nothing."""
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def describe(error: ValidationError, model: type[BaseModel], layers: Sequence[Layer]) -> list[str]:
    """One sentence per problem of a failed validation of `model`; later layers have been merged over earlier ones."""
    problems = error.errors(include_url=False)
    # A list whose items are wrong is then also "too short".
    at_fault = {problem["loc"][:-1] for problem in problems}
    told = [problem for problem in problems if problem["type"] != "too_short" or problem["loc"] not in at_fault]
    return [_sentence(dict(problem), model, layers) for problem in told]


def _sentence(problem: dict[str, Any], model: type[BaseModel], layers: Sequence[Layer]) -> str:
    keys, section = _walk(model, problem["loc"])
    kind, given, context = problem["type"], problem["input"], problem.get("ctx", {})
    where = origin(keys, layers)
    if kind == "extra_forbidden":
        allowed = sorted(section.model_fields) if section else []
        hint = suggest(str(keys[-1]), allowed) or "."
        return f"{where}: unknown key{hint} Allowed here: {', '.join(allowed)}"
    if kind == "missing":
        return f"{where}: missing; it must be given"
    if kind == "union_tag_not_found":
        return f"{where}: missing key 'name', which says which one it is"
    if kind == "union_tag_invalid":
        allowed = [tag.strip("' ") for tag in context["expected_tags"].split(",")]
        given = context["tag"]
        return f"{where}.name: given {quoted(given)}; allowed are {', '.join(allowed)}{suggest(given, allowed)}"
    message = problem["msg"].removeprefix("Value error, ").replace("tuple", "list")
    if isinstance(given, Mapping | BaseModel):
        return f"{where}: {message}"
    hint = suggest(given, _choices(context)) if kind == "literal_error" and isinstance(given, str) else ""
    return f"{where}: given {quoted(given)}; {message[0].lower() + message[1:]}{hint}"


def _choices(context: Mapping[str, Any]) -> list[str]:
    return [part.strip("' ") for part in context["expected"].replace(" or ", ",").split(",")]


def _walk(model: type[BaseModel], location: Keys) -> tuple[Keys, type[BaseModel] | None]:
    """Keys of a Pydantic location without its union tags, and the section that holds (or should hold) the last one."""
    keys: list[str | int] = []
    section: type[BaseModel] | None = model
    holder = section
    variants: dict[str, type[BaseModel]] = {}
    named = False  # whether the next part is the name of a section in a mapping of sections
    for part in location:
        if variants and part in variants:
            section, variants = variants[str(part)], {}
            continue
        if part == "[key]":  # the key itself is wrong, not what it holds
            continue
        keys.append(part)
        holder = section
        if named:
            named = False
        elif isinstance(part, str) and section is not None and part in section.model_fields:
            annotation = section.model_fields[part].annotation
            found = _sections(annotation)
            named = get_origin(annotation) is dict
            section = found[0] if len(found) == 1 else None
            discriminated = section is None
            variants = {str(cls.model_fields["name"].default): cls for cls in found if discriminated}
        elif not isinstance(part, int):
            section = None
    return tuple(keys), holder


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The settings classes that an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]


def origin(keys: Keys, layers: Sequence[Layer]) -> str:
    """ "file: key.path" of the topmost layer that gives the key, or else of the deepest part of its path."""
    for length in range(len(keys), -1, -1):
        for layer in reversed(layers):
            if _holds(layer.content, keys[:length]):
                path = ".".join(str(key) for key in layer.at + keys)
                return f"{layer.label}: {path}" if path else layer.label
    raise AssertionError("the empty path is in every layer")


def _holds(content: Any, keys: Keys) -> bool:
    for key in keys:
        if isinstance(content, Mapping) and key in content:
            content = content[key]
        elif isinstance(content, Sequence) and isinstance(key, int) and key < len(content):
            content = content[key]
        else:
            return False
    return True


def shown(path: Path, root: Path) -> str:
    """`path` as users write it: from the root of the project where it lies in it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
