"""What the parts of a configuration must agree on: names that stand in several places, shared data, bars."""

from collections.abc import Collection, Mapping, Sequence

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.pipeline import PipelineSettings
from pipeline_lib.config.problems import Layer, origin, suggest


def unknown_names(settings: PipelineSettings, experiments: Collection[str], layers: Sequence[Layer]) -> list[str]:
    """Overrides, seeds and bars of what is not among the names of `experiments`; the base of a sweep may be overridden
    too."""
    known = sorted(experiments)
    problems = [
        f"{origin(('overrides', name), layers)}: not among experiments{suggest(name, known)}"
        for name in settings.overrides
        if name not in experiments and name not in settings.sweeps
    ]
    problems += [
        f"{origin(('seeds_by_experiment', name), layers)}: not among experiments{suggest(name, known)}"
        for name in settings.seeds_by_experiment
        if name not in experiments
    ]
    for k, name in enumerate(bar.experiment for bar in settings.require):
        if name not in experiments:
            where = origin(("require", k, "experiment"), layers)
            problems.append(f"{where}: given {name!r}, which is not among experiments{suggest(name, known)}")
    return problems


def disagreements(settings: PipelineSettings, experiments: Mapping[str, Experiment]) -> list[str]:
    """What is wrong between experiments each of which is right by itself."""
    return _clashes(experiments) + _bars_without_measure(settings, experiments)


def _clashes(experiments: Mapping[str, Experiment]) -> list[str]:
    """A dataset is prepared once, and its experiments share a table: they must agree on what stands in both."""
    first: dict[str, Experiment] = {}
    problems = []
    for experiment in experiments.values():
        other = first.setdefault(experiment.dataset.name, experiment)
        if other.dataset.preparation != experiment.dataset.preparation:
            problems.append(
                f"{other.name} and {experiment.name} prepare {experiment.dataset.name} differently "
                f"({other.dataset.preparation} / {experiment.dataset.preparation}): override both alike, "
                "or give one of them a dataset of its own name"
            )
        if (n := other.evaluation.n_windows) != (n_others := experiment.evaluation.n_windows):
            problems.append(
                f"{other.name} and {experiment.name} are scored on other numbers of windows (evaluation.n_windows "
                f"{n} / {n_others}) and share a table: override both alike"
            )
    return problems


def _bars_without_measure(settings: PipelineSettings, experiments: Mapping[str, Experiment]) -> list[str]:
    """A bar needs its metric evaluated, and a baseline on the same dataset."""
    problems = []
    for bar in settings.require:
        experiment = experiments.get(bar.experiment)
        if experiment is None:
            continue  # reported already
        beside = [other for other in experiments.values() if other.dataset.name == experiment.dataset.name]
        if not any(other.is_baseline for other in beside):
            problems.append(
                f"require: {bar.experiment} is to be compared with the best baseline, but none of "
                f"{experiment.dataset.name} is among experiments"
            )
        compared = [other for other in beside if other.is_baseline or other is experiment]
        if lacking := [other.name for other in compared if bar.metric not in other.evaluation.metrics]:
            problems.append(f"require: {bar.metric} is not among evaluation.metrics of {', '.join(lacking)}")
        if lacking := [other.name for other in compared if not _is_measured(bar.n_frames, other)]:
            problems.append(
                f"require: {bar.n_frames} frames are neither task.n_pred_test nor among evaluation.horizons of "
                f"{', '.join(lacking)}"
            )
    return problems


def _is_measured(n_frames: int | None, experiment: Experiment) -> bool:
    return n_frames in (None, experiment.task.n_pred_test, *experiment.evaluation.horizons)
