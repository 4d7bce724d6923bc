"""Digests that decide what runs again: of the source behind a stage, and of what determines a run's numbers.

Two different questions, two different sets of modules:

- `stage_digest`, a param of the stage's rule: everything that the stage's command can reach by import. An edit there
  starts the stage again, and a training that is started again finds its finished weights by the run digest and
  restores them in seconds.
- `run_digest`, the name of a training's state folder: settings, training data and the source that computes the
  numbers. Only a change of it trains anew.

No module of `config` is in either. Settings reach a stage as values, and the values are in the rule's params and in
the run digest; with the classes counted as well, a new setting of one dataset, or a new line in the registry, would
retrain everything. The price is a rule: config holds, checks and names values, it computes none that a result shows.
The table of sub-commands in `pipeline_lib.cli` is left out for the same reason: it only finds the stage.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import DATASETS, MODELS
from pipeline_lib.config.source_graph import DIGEST_LENGTH, SourceGraph, installed

VALUES_AND_NAMES = ("pipeline_lib.config", "pipeline_lib.config.*", "pipeline_lib.cli", "pipeline_lib.__main__")

# Tracking is a view: what it ships is read from files that the training wrote.
NOT_OF_STAGE: dict[str, tuple[str, ...]] = {"train": ("pipeline_lib.tracking", "pipeline_lib.tracking.*")}

CANNOT_CHANGE_A_NUMBER = (
    *VALUES_AND_NAMES,
    "pipeline_lib.records",
    "pipeline_lib.records.*",
    "pipeline_lib.tracking",
    "pipeline_lib.tracking.*",
    "pipeline_lib.runtime.atomic",
    "pipeline_lib.runtime.gpus",
    "pipeline_lib.runtime.hdf5_writing",
    "pipeline_lib.runtime.locks",
    "pipeline_lib.runtime.progress",
    "pipeline_lib.runtime.training_progress",
    "pipeline_lib.runtime.signals",
    # It words errors.
    "pipeline_lib.training.memory",
    # Validation draws curves and selects nothing, and a test proves that weights are the same without it.
    "pipeline_lib.training.validation",
    "pipeline_lib.training.pictures",
    "pipeline_lib.training.picture_page",
    "pipeline_lib.training.decomposition_pictures",
    "pipeline_lib.metrics",
    "pipeline_lib.metrics.*",
)


def stage_digest(stage: str, functions: Iterable[str] = (), graph: SourceGraph | None = None) -> str:
    """Digest of the source behind `python -m pipeline_lib <stage>`.

    functions: what this run of the stage loads by name ("module:function", from the registry).
    """
    return _graph(graph).digest(stage_modules(stage, functions, graph))


def stage_modules(stage: str, functions: Iterable[str] = (), graph: SourceGraph | None = None) -> frozenset[str]:
    """The modules behind `stage_digest`."""
    roots = {f"pipeline_lib.cli.{stage}", *map(module_of, functions)}
    return _graph(graph).closure(roots, exclude=VALUES_AND_NAMES + NOT_OF_STAGE.get(stage, ()))


def run_digest(experiment: Experiment, seed: int | None, data_sha256: str, graph: SourceGraph | None = None) -> str:
    """What identifies a run's numbers: its settings and seed, the training videos, the source that computes them.

    data_sha256: digest of the contents of the training file. Whatever prepared it, equal videos train equal weights.
    """
    source = _graph(graph).digest(run_modules(experiment, graph))
    return _digest({"identity": experiment.identity(seed), "data": data_sha256, "source": source})


def run_modules(experiment: Experiment, graph: SourceGraph | None = None) -> frozenset[str]:
    """The modules that compute a run's numbers: its model, the readers of its data, and the training package."""
    graph = _graph(graph)
    dataset = DATASETS[experiment.dataset.name]
    roots = {module_of(each) for each in (MODELS[experiment.model.name].build, dataset.training, dataset.windows)}
    if experiment.model.is_trained:
        roots |= graph.modules("pipeline_lib.training")
    return graph.closure(roots, exclude=CANNOT_CHANGE_A_NUMBER)


def module_of(function: str) -> str:
    """The module in "module:function"."""
    return function.partition(":")[0]


def _graph(graph: SourceGraph | None) -> SourceGraph:
    return graph or installed()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:DIGEST_LENGTH]
