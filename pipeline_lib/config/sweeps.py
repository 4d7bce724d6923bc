"""Sweeps: several values of some keys of an experiment, each combination an experiment of its own.

    sweeps:
      wave_eq_100/pde:
        training.optimiser.learning_rate: [1.0e-4, 4.0e-4]
        model.code_size_dynamic: [16, 32]

makes four: wave_eq_100/pde_learning_rate_1e_4_code_size_dynamic_16, … They have what the experiment has, its
overrides included, and then their own values.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline_lib.config.dotted_keys import DOTTED_KEY
from pipeline_lib.config.problems import Layer, origin

LONGEST_NAME = 200
"""Characters in an experiment's name; folders bear it, and file systems take 255."""


MOST_POINTS = 1000
"""Combinations of a sweep's values."""


def _listed(values: Any) -> Any:
    if not isinstance(values, list | tuple) or any(isinstance(value, Mapping) for value in values):
        raise ValueError("a dotted key has a list of values to try, such as training.batch_size: [64, 128]")
    return values


def _not_too_many(sweep: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    if (n_points := prod(map(len, sweep.values()))) > MOST_POINTS:
        raise ValueError(f"the values make {n_points:,} combinations, at most {MOST_POINTS:,} are allowed")
    return sweep


SweptKey = Annotated[str, Field(pattern=DOTTED_KEY)]
SweptValues = Annotated[tuple[Any, ...], BeforeValidator(_listed), Field(min_length=1)]
Sweep = Annotated[dict[SweptKey, SweptValues], Field(min_length=1), AfterValidator(_not_too_many)]


@dataclass(frozen=True)
class SweepPoint:
    """One combination of values. base: the experiment that is swept; values: by dotted key."""

    base: str
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of the experiment: that of the base, then each key's last part and value."""
        parts = (f"{label}_{_slug(_text(value))}" for label, value in self._labelled())
        return "_".join([self.base, *parts])

    def title(self, of_base: str) -> str:
        """ "PDE" → "PDE, learning rate 1e-4"."""
        parts = (f"{label.replace('_', ' ')} {_text(value)}" for label, value in self._labelled())
        return ", ".join([of_base, *parts])

    def _labelled(self) -> list[tuple[str, Any]]:
        return list(zip(_labels(list(self.values)), self.values.values(), strict=True))


def expand(sweeps: Mapping[str, Mapping[str, Sequence[Any]]]) -> list[SweepPoint]:
    """Every combination of every sweep, in the order of keys and values; the last key varies fastest."""
    return [
        SweepPoint(base, dict(zip(sweep, values, strict=True)))
        for base, sweep in sweeps.items()
        for values in product(*sweep.values())
    ]


def name_problems(points: Sequence[SweepPoint], taken: Collection[str], layers: Sequence[Layer]) -> list[str]:
    """Names of points that come twice, that are those of experiments (`taken`), or that are too long for a folder."""
    names = [point.name for point in points]
    problems = []
    for point in {point.name: point for point in points}.values():
        where, name = origin(("sweeps", point.base), layers), point.name
        if names.count(name) > 1:
            problems.append(f"{where}: two points are called {name}; give each value once")
        if name in taken:
            problems.append(f"{where}: a point is called {name}, as an experiment is already; rename that experiment")
        if len(name) > LONGEST_NAME:
            problems.append(f"{where}: {name} has more than {LONGEST_NAME} characters; sweep fewer keys at a time")
    return problems


def _labels(keys: Sequence[str]) -> list[str]:
    """The last parts of dotted keys, as many as it takes to tell the keys apart."""
    split = [key.split(".") for key in keys]
    for length in range(1, max(map(len, split)) + 1):
        labels = ["_".join(parts[-length:]) for parts in split]
        if len(set(labels)) == len(labels):
            return labels
    raise AssertionError("the keys of a mapping differ")


def _text(value: Any) -> str:
    """A value as people write it: 16, 0.5, 1e-4, true, null, [1, 2], auto."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    try:
        number = Decimal(str(value)).normalize()  # YAML takes 1e-4 for a text; settings take that text for a number
    except ArithmeticError:
        return str(value)
    if not number.is_finite():
        return str(value)
    if number == 0 or Decimal("0.01") <= abs(number) < 1_000_000:
        return f"{number:f}"
    return f"{number:e}".replace("+", "")


def _slug(text: str) -> str:
    """A text as part of a name: [a-z0-9_] only, with the minus of a number, but not that of an exponent, spelt out."""
    spelt = re.sub(r"(?<![a-z0-9])-(?=[0-9])", "minus_", text.lower())
    return re.sub(r"[^a-z0-9]+", "_", spelt).strip("_")
