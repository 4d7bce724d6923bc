"""On which data a configuration is measured: its own where they are prepared or can be, else the sample in their place.

Nothing is downloaded. What is prepared goes where the pipeline looks for it.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.cli.finished_run import differences
from pipeline_lib.cli.prepare import prepare_dataset
from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.config.raw import MIRROR_VARIABLE, RAW_SOURCES
from pipeline_lib.config.raw_places import RawPlace, wanted_files
from pipeline_lib.config.registry import DATASETS, load
from pipeline_lib.data.prepared import PreparedFile


@dataclass(frozen=True)
class Measurable:
    """What is measured, and the prepared files that it needs."""

    experiment: Experiment
    train_file: Path
    test_file: Path


def measurable(pipeline: Pipeline, experiment: Experiment) -> Measurable:
    """An experiment whose data are at hand: this one, or the same networks on the sample in the place of its data.

    Raises ValueError where there are neither, or prepared files are of other settings.
    """
    if not _can_be_had(pipeline, experiment.dataset):
        experiment = stand_in(pipeline, experiment)
    dataset, paths = experiment.dataset, pipeline.paths
    return Measurable(experiment, paths.train_file(dataset.name), paths.test_file(dataset.name))


def make_data(pipeline: Pipeline, wanted: Measurable) -> None:
    """Prepare the files unless they are there; of a sample, make the raw files before.

    Raises ValueError where the files that are there were prepared with other settings.
    """
    settings, files = wanted.experiment.dataset, (wanted.train_file, wanted.test_file)
    if not all(path.is_file() for path in files):
        prepare_dataset(settings, _raw_folder(pipeline, settings), *files)
    for path in files:
        with PreparedFile(path) as file:
            if changed := differences(file.preparation, settings.preparation.model_dump(mode="json")):
                lines = "; ".join(changed).replace("trained with", "prepared with")
                raise ValueError(f"{path}: prepared with other settings ({lines}); prepare the dataset again")


def stand_in(pipeline: Pipeline, experiment: Experiment) -> Experiment:
    """The same task, networks and training on `<dataset>_sample`; ValueError where there is no such dataset."""
    dataset, sample = experiment.dataset, f"{experiment.dataset.name}_sample"
    if sample not in DATASETS:
        raise ValueError(f"the raw data of {dataset.name} are missing, and there is no {sample} in their place")
    return Experiment.model_validate(
        {
            **experiment.model_dump(mode="json"),
            "name": f"{sample}/{experiment.variant}",
            "dataset": _sample_settings(pipeline, dataset, sample),
        }
    )


def _sample_settings(pipeline: Pipeline, dataset: DatasetSettings, sample: str) -> dict[str, object]:
    """As the pipeline has the sample, where it does; else what can be set of both, as it is set of the dataset."""
    if configured := pipeline.of_dataset(sample):
        return configured[0].dataset.model_dump(mode="json")
    shared = DATASETS[sample].settings.model_fields.keys() - {"name", "preparation"}
    return {"name": sample, **{key: value for key, value in dataset.model_dump(mode="json").items() if key in shared}}


def _can_be_had(pipeline: Pipeline, dataset: DatasetSettings) -> bool:
    paths = pipeline.paths
    if paths.train_file(dataset.name).is_file() and paths.test_file(dataset.name).is_file():
        return True
    if dataset.raw_source is None or RAW_SOURCES[dataset.raw_source].make is not None:
        return True
    return _place(pipeline, dataset) is not None


def _place(pipeline: Pipeline, dataset: DatasetSettings) -> RawPlace | None:
    """The first folder on this machine that has all raw files."""
    assert dataset.raw_source is not None
    source = RAW_SOURCES[dataset.raw_source]
    files = wanted_files(source, dataset.raw_files)
    places = (RawPlace(source, files, folder) for folder in _folders(pipeline, source.name))
    return next((place for place in places if not place.missing), None)


def _folders(pipeline: Pipeline, source: str, environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    yield pipeline.paths.raw_dir(source)
    for mirror in (environ.get(MIRROR_VARIABLE), pipeline.settings.mirror_dir):
        if mirror:
            yield Path(mirror) / source


def _raw_folder(pipeline: Pipeline, dataset: DatasetSettings) -> Path | None:
    """Where the raw files are, made if they are a sample's; None where none are needed."""
    if dataset.raw_source is None:
        return None
    if place := _place(pipeline, dataset):
        return place.folder
    source = RAW_SOURCES[dataset.raw_source]
    assert source.make is not None, "else another dataset stands in"
    folder = pipeline.paths.raw_dir(source.name)
    folder.mkdir(parents=True, exist_ok=True)
    load(source.make)(folder)
    return folder
