"""Raw files in their folder: whether they are there, and whether they are what they must be."""

from collections.abc import Sequence
from pathlib import Path

from pipeline_lib.config.raw import RawFile, RawSource
from pipeline_lib.config.raw_places import RawPlace, missing_lines, wanted_files
from pipeline_lib.runtime.checksums import sha256_of


def missing_files(source: RawSource, folder: Path) -> list[RawFile]:
    """Files of a source that are not in the folder."""
    return [file for file in source.files if not (folder / file.name).is_file()]


def check_present(source: RawSource, folder: Path) -> None:
    """Raise ValueError, naming each file with what was found and what is expected, if one is there that is another."""
    wrong = []
    for file in source.files:
        path = folder / file.name
        if file.sha256 is None or not path.is_file():
            continue
        found = sha256_of(path)
        if found != file.sha256:
            wrong.append(
                f"{path} has {path.stat().st_size} bytes with sha256 {found}, expected are {file.described}. "
                "Move or remove it, and it is downloaded anew."
            )
    if wrong:
        raise ValueError("\n".join(wrong))


def check_complete(source: RawSource, folder: Path, names: Sequence[str] | None = None) -> None:
    """Raise ValueError unless every file of a source is in the folder and is what it must be.

    names: of the files that are needed, where not all are. An extracted folder stands for its archive.
    """
    place = RawPlace(source, wanted_files(source, names), folder)
    if place.missing and source.is_placed_by_hand:
        raise ValueError("\n".join(missing_lines(place)))
    if place.missing:
        raise ValueError(
            f"{folder} lacks {', '.join(file.name for file in place.missing)} of {source.title}: "
            f"`python -m pipeline_lib download {source.name} --out {folder}` brings what is missing, or says how"
        )
    check_present(source, folder)
