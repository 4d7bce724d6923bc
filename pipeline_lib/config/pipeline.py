"""Settings of a pipeline: what to run, where results go, what they must reach."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from pipeline_lib.config.comparisons import Comparisons, ComparisonSettings
from pipeline_lib.config.experiment import EXPERIMENT_NAME, Experiment
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.config.problems import suggest
from pipeline_lib.config.raw import RAW_SOURCES, RawSource, checked_mirror, mirrors_of
from pipeline_lib.config.section import Section
from pipeline_lib.config.sweeps import Sweep
from pipeline_lib.config.tracking import TrackingSettings

ExperimentName = Annotated[str, Field(pattern=EXPERIMENT_NAME)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Mirrors = Annotated[tuple[Annotated[str, AfterValidator(checked_mirror)], ...], Field(min_length=1)]


def _of_a_file_system(path: Path) -> Path:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ValueError("no file system has such characters in a path") from None
    if "\0" in str(path):
        raise ValueError("no file system has the character NUL in a path")
    return path


Folder = Annotated[Path, AfterValidator(_of_a_file_system)]


class RequirementSettings(Section):
    """A bar that a run must pass, or the pipeline fails."""

    experiment: ExperimentName = Field(description="Experiment that must pass; every seed of it.")
    metric: str = Field("mse_per_pixel", description="Metric, by registered name, on the main set of test windows.")
    n_frames: int | None = Field(
        None,
        ge=1,
        description="First predicted frames that the metric is the mean over, one of evaluation.horizons; "
        "null: all of them [frames].",
    )
    times_best_baseline: float = Field(
        gt=0,
        description="Bar, as a multiple of the best baseline of the same dataset; not to be passed upwards "
        "where lower is better, nor downwards where higher is.",
    )
    note: str = Field("", description="What passing it says, and what it does not; `summary` prints it.")

    @property
    def name(self) -> str:
        """That of the file in which the verdict stands."""
        frames = f"-{self.n_frames}_frames" if self.n_frames else ""
        return f"{self.experiment}-{self.metric}{frames}".replace("/", "-")


class PipelineSettings(Section):
    """What `snakemake` runs: config/config.yaml and the overlays given by --configfile, merged deeply."""

    results_dir: Folder = Field(
        Path("results"), description="Where everything computed goes, from the working directory."
    )
    data_dir: Folder = Field(
        Path("data"), description="Where raw and prepared data go; can be shared between results_dirs."
    )
    mirror_dir: Folder | None = Field(
        None,
        description="Folder of raw data as their authors publish them, `<mirror_dir>/<source>/<file>`; files found "
        "there are not downloaded. The environment variable PIPELINE_DATA_MIRROR names another one, which goes first.",
    )
    mirrors: dict[str, Mirrors] = Field(
        {},
        description="By raw source, in place of its own mirrors: addresses (https, http, file) or folders in which its "
        "files lie, tried in this order.",
    )
    experiments: tuple[ExperimentName, ...] = Field(
        min_length=1, description="Experiments to run: `<dataset>/<model>`, a YAML under config/experiments."
    )
    seeds: tuple[Seed, ...] = Field(
        (0,), min_length=1, description="Seeds of every trained experiment; baselines have none."
    )
    seeds_by_experiment: dict[ExperimentName, Annotated[tuple[Seed, ...], Field(min_length=1)]] = Field(
        {}, description="Seeds of single experiments, in place of `seeds`."
    )
    overrides: dict[ExperimentName, dict[str, Any]] = Field(
        {},
        description="Settings by experiment, merged deeply over its YAML. Changing identity, task or budget "
        "makes training.schedule_name 'custom' unless it is given here too.",
    )
    sweeps: dict[ExperimentName, Sweep] = Field(
        {},
        description="By experiment: dotted keys, each with a list of values. Every combination is an experiment of "
        "its own, `<experiment>_<key>_<value>…`, run beside those listed; overrides and require may name it.",
    )
    comparisons: Comparisons = Field(
        {},
        description="Tables over several datasets, `<results_dir>/tables/<name>`, which must not be the name of a "
        "dataset. One of whose experiments none is run is not made; null: not made either, for overlays.",
    )
    require: tuple[RequirementSettings, ...] = Field(
        (), description="Bars that results must pass, or the pipeline fails."
    )
    tracking: TrackingSettings = TrackingSettings()

    @field_validator("mirrors")
    @classmethod
    def _of_known_sources(cls, mirrors: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        downloaded = [source.name for source in RAW_SOURCES.values() if source.mirrors]
        for name in mirrors:
            if name not in downloaded:
                hint = suggest(name, downloaded)
                raise ValueError(
                    f"{name!r} is no raw source that is downloaded; allowed are {', '.join(downloaded)}{hint}"
                )
        return mirrors

    def mirrors_of(self, source: RawSource) -> tuple[str, ...]:
        """Where the files of a source are looked for, in this order."""
        return mirrors_of(source, self.mirrors.get(source.name), self.mirror_dir)

    @field_validator("experiments", "seeds")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"more than once: {twice}")
        return values

    @field_validator("seeds_by_experiment")
    @classmethod
    def _each_seed_once(cls, seeds: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        for name, values in seeds.items():
            if len(set(values)) < len(values):
                raise ValueError(f"{name} has a seed more than once: {list(values)}")
        return seeds


@dataclass(frozen=True)
class Run:
    """Experiment × seed; the seed is None for baselines."""

    experiment: Experiment
    seed: int | None


@dataclass(frozen=True)
class Pipeline:
    """A validated configuration with every experiment resolved."""

    settings: PipelineSettings
    experiments: dict[str, Experiment]
    paths: ResultPaths

    @property
    def raw_sources(self) -> tuple[str, ...]:
        """Names of the raw sources that the datasets are prepared from."""
        named = (experiment.dataset.raw_source for experiment in self.experiments.values())
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets, in the order of the experiments."""
        return tuple(dict.fromkeys(experiment.dataset.name for experiment in self.experiments.values()))

    def of_dataset(self, dataset: str) -> tuple[Experiment, ...]:
        return tuple(experiment for experiment in self.experiments.values() if experiment.dataset.name == dataset)

    @property
    def comparisons(self) -> dict[str, ComparisonSettings]:
        """The tables over several datasets for which there is anything to compare, by name."""
        given = {name: each for name, each in self.settings.comparisons.items() if each is not None}
        return {name: each for name, each in given.items() if self.compared(each)}

    def compared(self, comparison: ComparisonSettings) -> tuple[Experiment, ...]:
        """The experiments of a comparison that are run, column by column."""
        return tuple(self.experiments[name] for name in comparison.experiments if name in self.experiments)

    def seeds(self, experiment: Experiment) -> tuple[int | None, ...]:
        """Seeds of its runs; one run without a seed for baselines."""
        if experiment.is_baseline:
            return (None,)
        return self.settings.seeds_by_experiment.get(experiment.name, self.settings.seeds)

    def runs(self, experiments: tuple[Experiment, ...] | None = None) -> tuple[Run, ...]:
        """Every run of these experiments (all by default), in their order."""
        chosen = tuple(self.experiments.values()) if experiments is None else experiments
        return tuple(Run(experiment, seed) for experiment in chosen for seed in self.seeds(experiment))
