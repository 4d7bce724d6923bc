"""Which figures there are of a run and of a dataset, and which runs each shows."""

from collections.abc import Sequence

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import FIGURES, FigureEntry


def figures_of_run(experiment: Experiment) -> list[str]:
    """Names of the figures of a single run of this experiment."""
    return [name for name, entry in FIGURES.items() if entry.scope == "run" and _applies(entry, experiment)]


def figures_of_dataset(experiments: Sequence[Experiment]) -> list[str]:
    """Names of the figures over the runs of these experiments, all of one dataset."""
    return [
        name
        for name, entry in FIGURES.items()
        if entry.scope == "dataset" and any(_applies(entry, experiment) for experiment in experiments)
    ]


def experiments_shown(figure: str, experiments: Sequence[Experiment]) -> list[Experiment]:
    """Those of a dataset's experiments that a figure over several runs shows.

    Where it shows their forecasts, these are of the same windows: of the set that the first experiment has as its main.
    """
    shown = [experiment for experiment in experiments if _applies(FIGURES[figure], experiment)]
    if not FIGURES[figure].reads_predictions:
        return shown
    main_sets = [experiment.evaluation.window_sets[0] for experiment in shown]
    return [experiment for experiment, main in zip(shown, main_sets, strict=True) if main == main_sets[0]]


def frame_kind(experiment: Experiment) -> str:
    """`vector` for frames of height 1, else `image`; so also where only the data tell the shape."""
    shape = experiment.dataset.frame_shape
    return "vector" if shape is not None and shape[1] == 1 else "image"


def _applies(entry: FigureEntry, experiment: Experiment) -> bool:
    if entry.trained_only and experiment.is_baseline:
        return False
    if entry.protocol is not None and entry.protocol not in experiment.evaluation.protocols:
        return False
    return entry.frames in ("any", frame_kind(experiment))
