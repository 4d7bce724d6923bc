"""An experiment on its way from its YAML through what is merged over it: overrides, a sweep's values, `--set`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.problems import ConfigurationError, Layer, describe, origin
from pipeline_lib.config.yaml_files import merge, read_mapping


@dataclass(frozen=True)
class Draft:
    """An experiment, the mapping that it was read from, and where the keys of that mapping were given."""

    experiment: Experiment
    mapping: Mapping[str, Any]
    layers: tuple[Layer, ...]

    def changed(self, change: Mapping[str, Any], layers: Sequence[Layer]) -> "Draft":
        """This experiment with `change` (as `layers` give it) merged over it.

        Its schedule is called custom where it is no longer what its label says and the change gives it no other.
        Raises ConfigurationError that lists everything wrong with it.
        """
        if not change:
            return self
        mapping, layers = merge(self.mapping, change), (*self.layers, *layers)
        experiment = validated(mapping, layers)
        if experiment.name != self.experiment.name:
            raise ConfigurationError([f"{origin(('name',), layers)}: an experiment cannot be renamed"])
        is_named = "schedule_name" in (change.get("training") or {})
        if experiment.training and not is_named and _schedule(experiment) != _schedule(self.experiment):
            mapping = merge(mapping, {"training": {"schedule_name": "custom"}})
            experiment = validated(mapping, layers)
        return Draft(experiment, mapping, layers)

    def renamed(self, name: str, title: str) -> "Draft":
        """The same settings as an experiment of its own."""
        names = {"name": name, "title": title}
        return replace(self, experiment=self.experiment.model_copy(update=names), mapping={**self.mapping, **names})


def read_draft(path: Path, label: str) -> Draft:
    """The experiment in a YAML, called `label` in errors; it is named after the YAML's path unless it names itself.

    Raises ConfigurationError that lists everything wrong with it.
    """
    mapping = named(mapping_in(path), path)
    layers = (Layer(label, mapping),)
    return Draft(validated(mapping, layers), mapping, layers)


def mapping_in(path: Path) -> dict[str, Any]:
    """The mapping in a YAML; ConfigurationError where there is none."""
    try:
        return read_mapping(path)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from error


def named(mapping: dict[str, Any], path: Path) -> dict[str, Any]:
    """`mapping` with the name that its path says, unless it names itself; a resolved experiment does."""
    return mapping if "name" in mapping else {"name": f"{path.parent.name}/{path.stem}", **mapping}


def validated(mapping: Mapping[str, Any], layers: Sequence[Layer]) -> Experiment:
    """The experiment that a mapping describes; ConfigurationError that names the layer of every bad key."""
    try:
        return Experiment.model_validate(mapping)
    except ValidationError as error:
        raise ConfigurationError(describe(error, Experiment, layers)) from error


def _schedule(experiment: Experiment) -> tuple[Any, ...]:
    """What a schedule's label stands for: identity, task and budget."""
    training = experiment.training
    budget = (training.iterations, training.epochs) if training else None
    return experiment.identity(None), experiment.task, budget
