"""Comparisons: tables over several datasets, of one metric, with a row for each model.

    comparisons:
      across_papers:
        title: Across the papers
        metric: mse_per_pixel
        n_frames: 10
        models: [pde, dive, copy_last]
        datasets: [moving_mnist, mnist_out_of_scene]

is <results_dir>/tables/across_papers.csv, .md and .html. What is not among the experiments is a dash there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.problems import Layer, origin, suggest
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.config.registry import DATASETS, METRICS
from pipeline_lib.config.section import Section


def _of_no_dataset(name: str) -> str:
    if name in DATASETS:
        raise ValueError(f"the table of the dataset {name} bears this name; choose another")
    return name


ComparisonName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$"), AfterValidator(_of_no_dataset)]
Variant = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class ComparisonSettings(Section):
    """Models by datasets: means of one metric of the forecast on the main set of test windows."""

    title: str = Field(min_length=1, description="Its heading.")
    metric: str = Field("mse_per_pixel", description="Metric of forecasts, by registered name.")
    n_frames: int = Field(
        ge=1,
        description="First predicted frames that the metric is the mean over; of every experiment task.n_pred_test or "
        "one of evaluation.horizons [frames].",
    )
    models: tuple[Variant, ...] = Field(
        min_length=1, description="Rows: the second parts of the names of experiments, `<dataset>/<model>`."
    )
    datasets: tuple[str, ...] = Field(
        min_length=1, description="Columns: datasets; where `<dataset>/<model>` is not among experiments stands a dash."
    )

    @field_validator("metric")
    @classmethod
    def _of_forecasts(cls, metric: str) -> str:
        allowed = [name for name, entry in METRICS.items() if entry.kind == "frames"]
        if metric not in allowed:
            raise ValueError(f"no metric of forecasts; allowed are {', '.join(allowed)}{suggest(metric, allowed)}")
        return metric

    @field_validator("datasets")
    @classmethod
    def _registered(cls, datasets: tuple[str, ...]) -> tuple[str, ...]:
        for name in datasets:
            if name not in DATASETS:
                raise ValueError(
                    f"{name!r} is no dataset; allowed are {', '.join(DATASETS)}{suggest(name, list(DATASETS))}"
                )
        return datasets

    @field_validator("models", "datasets")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"more than once: {', '.join(twice)}")
        return names

    @property
    def experiments(self) -> tuple[str, ...]:
        """Names of the experiments in it, whether these are run or not: column by column."""
        return tuple(f"{dataset}/{model}" for dataset in self.datasets for model in self.models)


Comparisons = dict[ComparisonName, ComparisonSettings | None]


def is_sample(dataset: str) -> bool:
    """Whether a registered dataset is made of raw files that stand in for real ones."""
    source = DATASETS[dataset].settings.raw_source
    return source is not None and RAW_SOURCES[source].make is not None


def unknown_models(comparisons: Comparisons, known: Collection[str], layers: Sequence[Layer]) -> list[str]:
    """Rows that could hold dashes only: models of which no dataset of the comparison has an experiment in `known`."""
    problems = []
    for name, comparison in _given(comparisons).items():
        on_its_datasets = sorted(each for each in known if each.split("/")[0] in comparison.datasets)
        variants = list(dict.fromkeys(each.split("/")[1] for each in on_its_datasets))
        for model in comparison.models:
            if model not in variants:
                where = origin(("comparisons", name, "models"), layers)
                problems.append(
                    f"{where}: given {model!r}, of which there is no experiment on {', '.join(comparison.datasets)}: "
                    f"leave it out{suggest(model, variants)}"
                )
    return problems


def without_measure(
    comparisons: Comparisons, experiments: Mapping[str, Experiment], layers: Sequence[Layer]
) -> list[str]:
    """Comparisons of what their experiments do not evaluate, or evaluate on other main sets of windows."""
    problems = []
    for name, comparison in _given(comparisons).items():
        found = [experiments[each] for each in comparison.experiments if each in experiments]
        if lacking := [each.name for each in found if comparison.metric not in each.evaluation.metrics]:
            where = origin(("comparisons", name, "metric"), layers)
            problems.append(
                f"{where}: {comparison.metric} is not among evaluation.metrics of {', '.join(lacking)}: add it there, "
                "or compare by another"
            )
        if lacking := [each.name for each in found if comparison.n_frames not in _lengths(each)]:
            where = origin(("comparisons", name, "n_frames"), layers)
            problems.append(
                f"{where}: {comparison.n_frames} frames are neither task.n_pred_test nor among evaluation.horizons of "
                f"{', '.join(lacking)}: add them there, or compare over others"
            )
        problems += _other_main_sets(name, comparison, found, layers)
    return problems


def _other_main_sets(
    name: str, comparison: ComparisonSettings, found: Sequence[Experiment], layers: Sequence[Layer]
) -> list[str]:
    """A column needs one set of windows."""
    problems = []
    for dataset in comparison.datasets:
        main = {each.name: each.evaluation.window_sets[0] for each in found if each.dataset.name == dataset}
        if len(set(main.values())) > 1:
            where = origin(("comparisons", name, "datasets"), layers)
            told = ", ".join(f"{experiment} {window_set}" for experiment, window_set in main.items())
            problems.append(
                f"{where}: experiments on {dataset} have different main sets of test windows, the first of "
                f"evaluation.window_sets ({told}): give them the same"
            )
    return problems


def _lengths(experiment: Experiment) -> tuple[int, ...]:
    return (experiment.task.n_pred_test, *experiment.evaluation.horizons)


def _given(comparisons: Comparisons) -> dict[str, ComparisonSettings]:
    return {name: comparison for name, comparison in comparisons.items() if comparison is not None}
