"""What of an experiment each rule depends on, as short texts for its `params`.

A rule runs again when one of them changes, so nothing stands here that leaves the rule's results as they are:
devices, threads, logging, intervals of checkpoints.
"""

import json
from typing import Any

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import METRICS


def preparation(experiment: Experiment) -> str:
    """Of `prepare`."""
    return _text(experiment.dataset.preparation.model_dump(mode="json"))


def training(experiment: Experiment) -> list[str]:
    """Of `train`: data, task, model, optimisation, budget, and what the run is called."""
    identity = experiment.identity(None)
    settings = experiment.training
    budget = {"iterations": settings.iterations, "epochs": settings.epochs} if settings else None
    names = {"title": experiment.title, "paper": experiment.paper}
    if settings:
        names["schedule_name"] = settings.schedule_name
    parts = {key: identity[key] for key in ("dataset", "task", "model", "training")}
    return [_text({key: value}) for key, value in {**parts, "budget": budget, "names": names}.items()]


def evaluation(experiment: Experiment) -> list[str]:
    """Of `evaluate`: the task, the protocol and its metrics."""
    settings = experiment.evaluation.model_dump(mode="json", exclude={"device", "n_threads", "batch_size"})
    return [_text({"task": experiment.task.model_dump(mode="json")}), _text({"evaluation": settings})]


def metric_names(experiments: tuple[Experiment, ...]) -> str:
    """Of tables and figures: how the metrics of these experiments are written."""
    metrics = sorted({metric for experiment in experiments for metric in experiment.evaluation.metrics})
    entries = {name: METRICS[name] for name in metrics}
    return _text({name: [entry.title, entry.unit, entry.direction] for name, entry in entries.items()})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
