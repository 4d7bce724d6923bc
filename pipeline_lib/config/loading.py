"""From YAML files to validated settings, and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.config.pipeline import Pipeline, PipelineSettings
from pipeline_lib.config.problems import ConfigurationError, Layer, describe, shown, suggest
from pipeline_lib.config.yaml_files import merge, read_mapping, write_mapping


def read_experiment(path: Path) -> Experiment:
    """The experiment in a YAML: a resolved one, or one under config/experiments (named after its path).

    Raises ConfigurationError, a ValueError, that lists everything wrong with it.
    """
    return _validated(_named(_mapping(path), path), [Layer(str(path), _mapping(path))])


def read_run(path: Path) -> tuple[Experiment, int | None]:
    """Experiment and seed in the config.yaml of a run folder."""
    mapping = _mapping(path)
    if "seed" not in mapping:
        raise ConfigurationError([f"{path}: seed: missing; a run's config.yaml says its seed (null for baselines)"])
    seed = mapping.pop("seed")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32):
        raise ConfigurationError([f"{path}: seed: given {seed!r}; allowed are integers from 0 to 2**32 - 1, and null"])
    return _validated(_named(mapping, path), [Layer(str(path), mapping)]), seed


def write_experiment(experiment: Experiment, path: Path) -> bool:
    """Write a resolved experiment, every key of it, in one step; whether the file's content changed."""
    return write_mapping(experiment.model_dump(mode="json"), path)


def write_run(experiment: Experiment, seed: int | None, path: Path) -> bool:
    """Write the config.yaml of a run folder: the resolved experiment and its seed."""
    return write_mapping({"seed": seed, **experiment.model_dump(mode="json")}, path)


def load_pipeline(source: Sequence[Path] | Mapping[str, Any], root: Path, files: Sequence[Path] = ()) -> Pipeline:
    """The pipeline that these files, merged deeply in their order, describe.

    source: the files; or what Snakemake has merged, with `files` naming where that came from.
    root: folder that holds config/experiments.
    Raises ConfigurationError that lists every problem of every file.
    """
    problems: list[str] = []
    layers, merged = _layers(source, root, files, problems)
    if problems:
        raise ConfigurationError(problems)
    settings: PipelineSettings | None = None
    try:
        settings = PipelineSettings.model_validate(merged)
    except ValidationError as error:
        problems += describe(error, PipelineSettings, layers)
    # What is wrong with the experiments is worth knowing even so.
    experiments: dict[str, Experiment] = {}
    overrides = _texts_to_mappings(merged.get("overrides"))
    for name in settings.experiments if settings else _texts(merged.get("experiments")):
        try:
            experiments[name] = _resolve(name, overrides.get(name, {}), layers, root)
        except ConfigurationError as error:
            problems += error.problems
    problems += _clashes(experiments)
    if settings:
        problems += _bars_without_measure(settings, experiments)
    if problems or not settings:
        raise ConfigurationError(problems)
    return Pipeline(settings, experiments, ResultPaths(settings.results_dir, settings.data_dir))


def _texts(value: Any) -> list[str]:
    """The texts in a value that should be a list of texts."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _texts_to_mappings(value: Any) -> dict[str, Mapping[str, Any]]:
    """The proper entries of a value that should map texts to mappings."""
    return {key: item for key, item in value.items() if isinstance(item, Mapping)} if isinstance(value, Mapping) else {}


def configuration_files(overlays: Sequence[Path], root: Path) -> list[Path]:
    """config/config.yaml and the overlays on it, as `snakemake --configfile` merges them."""
    default = root / "config" / "config.yaml"
    return [default, *(path for path in overlays if path.resolve() != default.resolve())]


def write_experiments(pipeline: Pipeline) -> list[Path]:
    """Write every resolved experiment where the stages read it; the files whose content changed."""
    files = {pipeline.paths.config(name): experiment for name, experiment in pipeline.experiments.items()}
    return [path for path, experiment in files.items() if write_experiment(experiment, path)]


def _layers(
    source: Sequence[Path] | Mapping[str, Any], root: Path, files: Sequence[Path], problems: list[str]
) -> tuple[list[Layer], dict[str, Any]]:
    layers: list[Layer] = []
    merged: dict[str, Any] = {}
    for path in files if isinstance(source, Mapping) else source:
        try:
            layers.append(Layer(shown(Path(path), root), read_mapping(Path(path))))
        except ValueError as error:
            problems.append(str(error))
            continue
        merged = merge(merged, layers[-1].content)
    if isinstance(source, Mapping):
        layers.insert(0, Layer("--config", source))
        merged = dict(source)
    return layers, merged


def _resolve(name: str, override: Mapping[str, Any], layers: Sequence[Layer], root: Path) -> Experiment:
    """One experiment: its YAML, then the overrides on top, labelled honestly."""
    path = root / "config" / "experiments" / f"{name}.yaml"
    if not path.is_file():
        known = sorted(str(p.relative_to(path.parents[1]).with_suffix("")) for p in path.parents[1].glob("*/*.yaml"))
        there_is_no = f"there is no {shown(path, root)}{suggest(name, known)}"
        raise ConfigurationError([f"{layers[-1].label}: experiments: given {name!r}, but {there_is_no}"])
    base = _named(_mapping(path), path)
    own_layer = Layer(shown(path, root), base)
    published = _validated(base, [own_layer])
    if not override:
        return published
    above = [
        Layer(layer.label, layer.content["overrides"][name], ("overrides", name))
        for layer in layers
        if name in (layer.content.get("overrides") or {})
    ]
    resolved = _validated(merge(base, override), [own_layer, *above])
    if resolved.name != name:
        raise ConfigurationError([f"{above[-1].label}: overrides.{name}.name: an experiment cannot be renamed"])
    return _honestly_labelled(published, resolved, override)


def _honestly_labelled(published: Experiment, resolved: Experiment, override: Mapping[str, Any]) -> Experiment:
    """`resolved`, whose schedule is called custom where it is no longer what its YAML's label says."""
    if resolved.training is None or "schedule_name" in (override.get("training") or {}):
        return resolved
    if _schedule(published) == _schedule(resolved):
        return resolved
    training = resolved.training.model_copy(update={"schedule_name": "custom"})
    return resolved.model_copy(update={"training": training})


def _schedule(experiment: Experiment) -> tuple[Any, ...]:
    """What a schedule's label stands for: identity, task and budget."""
    training = experiment.training
    budget = (training.iterations, training.epochs) if training else None
    return experiment.identity(None), experiment.task, budget


def _clashes(experiments: Mapping[str, Experiment]) -> list[str]:
    """A dataset is prepared once: its experiments must agree on how."""
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
        lacking = [other.name for other in beside if bar.metric not in other.evaluation.metrics]
        if lacking and (experiment.name in lacking or any(experiments[name].is_baseline for name in lacking)):
            problems.append(f"require: {bar.metric} is not among evaluation.metrics of {', '.join(lacking)}")
    return problems


def _mapping(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(path)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from error


def _named(mapping: dict[str, Any], path: Path) -> dict[str, Any]:
    """`mapping` with the name that its path says, unless it names itself; a resolved experiment does."""
    return mapping if "name" in mapping else {"name": f"{path.parent.name}/{path.stem}", **mapping}


def _validated(mapping: Mapping[str, Any], layers: Sequence[Layer]) -> Experiment:
    try:
        return Experiment.model_validate(mapping)
    except ValidationError as error:
        raise ConfigurationError(describe(error, Experiment, layers)) from error
