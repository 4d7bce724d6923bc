"""Where raw data lie that a person has to put in place, and what to say where they do not."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.config.raw import MIRROR_VARIABLE, RAW_SOURCES, RawFile, RawSource


@dataclass(frozen=True)
class RawPlace:
    """The files of a source that a dataset is prepared from, and the folder that has them, or should have."""

    source: RawSource
    files: tuple[RawFile, ...]
    folder: Path

    @property
    def paths(self) -> list[Path]:
        """Of every file, or of the extracted folder that stands in its place."""
        return [found_in(self.folder, file) or self.folder / file.name for file in self.files]

    @property
    def missing(self) -> list[RawFile]:
        """Files that neither are there nor have an extracted folder."""
        return [file for file in self.files if found_in(self.folder, file) is None]


def wanted_files(source: RawSource, names: Sequence[str] | None) -> tuple[RawFile, ...]:
    """The files of a source with these names, or all of them."""
    return tuple(file for file in source.files if names is None or file.name in names)


def found_in(folder: Path, file: RawFile) -> Path | None:
    """The file in a folder, or the extracted folder in its place; None where there is neither."""
    path = folder / file.name
    if path.is_dir() if file.is_folder else path.is_file():
        return path
    if file.folder is not None and (folder / file.folder).is_dir():
        return folder / file.folder
    return None


def raw_place(pipeline: Pipeline, dataset: str, environ: Mapping[str, str] = os.environ) -> RawPlace | None:
    """Where the raw data of a dataset lie: of a source that a person puts in place, the first folder that has all.

    None where the dataset is not prepared from raw files.
    """
    settings = pipeline.of_dataset(dataset)[0].dataset
    if settings.raw_source is None:
        return None
    source = RAW_SOURCES[settings.raw_source]
    files = wanted_files(source, settings.raw_files)
    own = RawPlace(source, files, pipeline.paths.raw_dir(source.name))
    if not source.is_placed_by_hand:
        return own
    shared = [environ.get(MIRROR_VARIABLE), pipeline.settings.mirror_dir]
    places = [own, *(RawPlace(source, files, Path(folder) / source.name) for folder in shared if folder)]
    return next((place for place in places if not place.missing), own)


def missing_raw_data(pipeline: Pipeline) -> str:
    """One message on all raw data that a person must put in place before the pipeline can run; empty where none."""
    places = [raw_place(pipeline, dataset) for dataset in pipeline.datasets]
    by_hand = [place for place in places if place is not None and place.source.is_placed_by_hand and place.missing]
    if not by_hand:
        return ""
    return "\n".join(
        [
            "These raw data cannot be downloaded without a person, and are not in place:",
            *(line for place in by_hand for line in missing_lines(place)),
            f"Another place for all raw data: mirror_dir in the configuration, or the environment variable "
            f"{MIRROR_VARIABLE}, a folder that holds <source>/<file>.",
        ]
    )


def missing_lines(place: RawPlace) -> Iterable[str]:
    """What is missing of one source: each file with its place, size and sum as far as known, and what to do."""
    source = place.source
    kind = "folders" if all(file.is_folder for file in place.files) else "files"
    yield f"{source.title}: {len(place.missing)} of {len(place.files)} {kind} are missing"
    for file in place.missing:
        if file.is_folder:
            yield f"  {place.folder / file.name}/"
            continue
        instead = f", or the folder {file.folder} extracted from it" if file.folder else ""
        yield f"  {place.folder / file.name}{instead}" + (f" ({file.described})" if file.described else "")
    if any(not (file.is_folder or file.described) for file in place.missing):
        yield "  sizes and sums are not known where none stand above"
    yield f"  from: {source.page} ({source.licence})"
    if source.instructions:
        yield f"  how: {source.instructions}"
    if source.sample:
        yield f"  or run the sample data, which need nothing: experiments {source.sample}/…"
