"""From YAML files to validated settings, and back."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline_lib.config.agreement import disagreements, unknown_names
from pipeline_lib.config.comparisons import unknown_models, without_measure
from pipeline_lib.config.dotted_keys import as_mapping
from pipeline_lib.config.drafts import Draft, mapping_in, named, read_draft, validated
from pipeline_lib.config.experiment import EXPERIMENT_NAME, Experiment
from pipeline_lib.config.paths import ResultPaths
from pipeline_lib.config.pipeline import Pipeline, PipelineSettings
from pipeline_lib.config.problems import ConfigurationError, Layer, describe, origin, shown, suggest
from pipeline_lib.config.sweeps import SweepPoint, expand, name_problems
from pipeline_lib.config.yaml_files import merge, read_mapping, write_mapping


def read_experiment(path: Path, values: Mapping[str, Any] | None = None) -> Experiment:
    """The experiment in a YAML: a resolved one, or one under config/experiments (named after its path).

    values: by dotted key, to go over it as overrides do; errors in them name `--set`.
    Raises ConfigurationError, a ValueError, that lists everything wrong with it.
    """
    change = as_mapping(values or {})
    return read_draft(path, str(path)).changed(change, [Layer("--set", change)]).experiment


def read_run(path: Path) -> tuple[Experiment, int | None]:
    """Experiment and seed in the config.yaml of a run folder."""
    mapping = mapping_in(path)
    if "seed" not in mapping:
        raise ConfigurationError([f"{path}: seed: missing; a run's config.yaml says its seed (null for baselines)"])
    seed = mapping.pop("seed")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32):
        raise ConfigurationError([f"{path}: seed: given {seed!r}; allowed are integers from 0 to 2**32 - 1, and null"])
    return validated(named(mapping, path), [Layer(str(path), mapping)]), seed


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
    listed = settings.experiments if settings else _names(merged.get("experiments"))
    points = expand(settings.sweeps) if settings else []
    overrides = _texts_to_mappings(merged.get("overrides"))
    experiments = _experiments(listed, points, overrides, layers, root, problems)
    # One wrong name makes other places disagree with it: only the cause is told.
    if settings and {*listed, *settings.sweeps} <= {*_with_yaml(root)}:
        problems += name_problems(points, [*listed, *_with_yaml(root)], layers)
        named_here = [*listed, *(point.name for point in points)]
        problems += unknown_names(settings, named_here, layers)
        problems += unknown_models(settings.comparisons, [*named_here, *_with_yaml(root)], layers)
    if settings and not problems:
        problems += disagreements(settings, experiments)
        problems += without_measure(settings.comparisons, experiments, layers)
    if problems or not settings:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return Pipeline(settings, experiments, ResultPaths(settings.results_dir, settings.data_dir))


def _experiments(
    listed: Sequence[str],
    points: Sequence[SweepPoint],
    overrides: Mapping[str, Mapping[str, Any]],
    layers: Sequence[Layer],
    root: Path,
    problems: list[str],
) -> dict[str, Experiment]:
    """The listed experiments, each followed by the points of its sweep, by name; what is wrong goes to `problems`."""
    experiments: dict[str, Experiment] = {}
    for name in dict.fromkeys([*listed, *(point.base for point in points)]):
        try:
            base = _overridden(_read(name, listed, layers, root), overrides, layers)
        except ConfigurationError as error:
            problems += error.problems
            continue
        if name in listed:
            experiments[name] = base.experiment
        for point in (point for point in points if point.base == name):
            try:
                experiments[point.name] = _overridden(_swept(base, point, layers), overrides, layers).experiment
            except ConfigurationError as error:
                problems += error.problems
    return experiments


def _names(value: Any) -> list[str]:
    """The names of experiments in a value that should be a list of them; what is none names no file to be read."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str) and re.fullmatch(EXPERIMENT_NAME, item, re.ASCII)]


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
    """Where settings were given, and all of them merged. What no file gives was given on the command line."""
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
        if (given := _beyond(merged, source)) or not layers:
            layers.append(Layer("--config", given))
        merged = dict(source)
    return layers, merged


def _beyond(below: Mapping[str, Any], all_: Mapping[str, Any]) -> dict[str, Any]:
    """What of `all_` is not in `below`, or is another value there."""
    beyond = {}
    for key, value in all_.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping):
            if inner := _beyond(below[key], value):
                beyond[key] = inner
        elif key not in below or below[key] != value:
            beyond[key] = value
    return beyond


def _read(name: str, listed: Sequence[str], layers: Sequence[Layer], root: Path) -> Draft:
    """The experiment of a name, as its YAML has it."""
    path = root / "config" / "experiments" / f"{name}.yaml"
    if not path.is_file():
        keys = ("experiments",) if name in listed else ("sweeps", name)
        there_is_no = f"there is no {shown(path, root)}{suggest(name, _with_yaml(root))}"
        raise ConfigurationError([f"{origin(keys, layers)}: given {name!r}, but {there_is_no}"])
    return read_draft(path, shown(path, root))


def _with_yaml(root: Path) -> list[str]:
    """Names of all experiments that have a YAML."""
    folder = root / "config" / "experiments"
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.glob("*/*.yaml"))


def _overridden(draft: Draft, overrides: Mapping[str, Mapping[str, Any]], layers: Sequence[Layer]) -> Draft:
    """The experiment with its overrides."""
    name = draft.experiment.name
    given = [Layer(label, content, ("overrides", name)) for label, content in _given(layers, "overrides", name)]
    return draft.changed(overrides.get(name, {}), given)


def _swept(base: Draft, point: SweepPoint, layers: Sequence[Layer]) -> Draft:
    """The experiment of a point: what `base` is, under its own name, with its own values."""
    given = [
        Layer(label, as_mapping({key: point.values[key] for key in content}), ("sweeps", point.base))
        for label, content in _given(layers, "sweeps", point.base)
    ]
    title = point.title(base.experiment.title or base.experiment.variant)
    return base.renamed(point.name, title).changed(as_mapping(point.values), given)


def _given(layers: Sequence[Layer], section: str, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    """What layers say of an experiment in a section, with what the layers are called."""
    found = [(layer.label, _texts_to_mappings(layer.content.get(section)).get(name)) for layer in layers]
    return [(label, content) for label, content in found if content is not None]
