"""What of an experiment each rule depends on, as short named texts for its `params`.

A rule runs again when one of them changes, so nothing stands here that leaves the rule's results as they are:
devices, threads, logging, intervals of checkpoints.
"""

import json
from collections.abc import Iterable
from typing import Any

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.raw import RawSource
from pipeline_lib.config.registry import METRICS


def raw_files(source: RawSource) -> str:
    """Of `download`: what the files must be. Where they come from is no reason to fetch them again."""
    return _text([[file.name, file.sha256] for file in source.files])


def preparation(experiment: Experiment) -> dict[str, str]:
    """Of `prepare`."""
    return {"preparation": _text(experiment.dataset.preparation.model_dump(mode="json"))}


def training(experiment: Experiment) -> dict[str, str]:
    """Of `train`: data, task, model, optimisation, budget, and what the run is called."""
    identity = experiment.identity(None)
    settings = experiment.training
    names = {"title": experiment.title, "paper": experiment.paper}
    if settings:
        names["schedule_name"] = settings.schedule_name
    return {
        **{key: _text(identity[key]) for key in ("dataset", "task", "model", "training")},
        "budget": _text({"iterations": settings.iterations, "epochs": settings.epochs} if settings else None),
        "names": _text(names),
    }


def evaluation(experiment: Experiment) -> dict[str, str]:
    """Of `evaluate`: the task, the protocol and its metrics."""
    settings = experiment.evaluation.model_dump(mode="json", exclude={"device", "n_threads", "batch_size"})
    if experiment.dataset.visible_rows is not None:
        settings["visible_rows"] = experiment.dataset.visible_rows
    return {"task": _text(experiment.task.model_dump(mode="json")), "evaluation": _text(settings)}


def metrics(experiments: Iterable[Experiment]) -> str:
    """Of tables and figures: how the metrics of these experiments are written."""
    names = sorted({metric for experiment in experiments for metric in experiment.metrics})
    return _text({name: [METRICS[name].title, METRICS[name].unit, METRICS[name].direction] for name in names})


def colours(experiments: Iterable[Experiment]) -> str:
    """Of figures: in which colours they show values, and what they call these and channels."""
    datasets = [experiment.dataset for experiment in experiments]
    return _text(
        {
            each.name: [each.colour_map, each.colour_gamma, each.value_name, each.unit, *each.channel_names]
            for each in datasets
        }
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
