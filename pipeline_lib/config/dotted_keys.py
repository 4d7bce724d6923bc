"""Settings named by dotted keys, as `train --set` and sweeps give them: training.optimiser.learning_rate."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_lib.config.yaml_files import merge, parse_value

DOTTED_KEY = r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"


def as_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"training.batch_size": 4} → {"training": {"batch_size": 4}}; later keys go over earlier ones."""
    mapping: dict[str, Any] = {}
    for key, value in values.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        mapping = merge(mapping, value)
    return mapping


def parse_assignments(texts: Sequence[str]) -> dict[str, Any]:
    """["training.iterations=100", …] → {"training.iterations": 100, …}; values are read as YAML, so null is None.

    Raises ValueError for what is no `key=value`; a key that is given twice has its last value.
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not re.fullmatch(DOTTED_KEY, key):
            raise ValueError(f"--set {text}: expected key=value with a dotted key, such as training.iterations=100")
        values.pop(key, None)  # the last one given goes over the others, whatever stood first
        try:
            values[key] = parse_value(value)
        except ValueError as error:
            raise ValueError(f"--set {text}: {error}") from error
    return values
