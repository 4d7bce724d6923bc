"""Raw and prepared data of a pipeline: whether they are there, and are what they must be."""

from collections.abc import Iterator, Sequence

from pipeline_lib.cli.findings import Finding
from pipeline_lib.config.pipeline import Pipeline
from pipeline_lib.config.raw_places import RawPlace, found_in, raw_place
from pipeline_lib.data.prepared import PreparedFile
from pipeline_lib.data.raw_files import check_present

RAW, PREPARED = "raw data", "prepared"


def raw_findings(pipeline: Pipeline) -> Iterator[Finding]:
    """Each raw source once: whether its files are there, and have the sums that are known."""
    places: dict[str, list[RawPlace]] = {}
    waiting: set[str] = set()
    for dataset in pipeline.datasets:
        place = raw_place(pipeline, dataset)
        if place is None:
            continue
        places.setdefault(place.source.name, []).append(place)
        if not _is_prepared(pipeline, dataset):
            waiting.add(place.source.name)
    for name, of_source in places.items():
        yield from of_raw(of_source, name in waiting)
    if not places:
        yield Finding("ok", RAW, "No dataset of the configuration is prepared from raw files.")


def of_raw(places: Sequence[RawPlace], is_waited_for: bool) -> Iterator[Finding]:
    """places: of one source, for each dataset prepared from it. is_waited_for: whether one of them is not prepared."""
    source, folder = places[0].source, places[0].folder
    files = list(dict.fromkeys(file for place in places for file in place.files))
    missing = list(dict.fromkeys(file for place in places for file in place.missing))
    if missing:
        what = f"{source.title}: {len(missing)} of {len(files)} are missing in {folder}, such as {missing[0].name}"
        if not is_waited_for:
            what += "; what is prepared from them is there."
            yield Finding("note", RAW, what, "Nothing, unless the data are to be prepared anew.")
        elif source.is_placed_by_hand:
            steps = [f"From {source.page}: {source.instructions}." if source.instructions else f"See {source.page}."]
            steps += [f"Or run the sample data: experiments {source.sample}/…"] if source.sample else []
            yield Finding("problem", RAW, f"{what}.", " ".join(steps))
        elif source.make:
            yield Finding("note", RAW, f"{what}.", "Nothing: the pipeline makes them on this machine.")
        else:
            do = "Nothing where this machine has a network: the pipeline downloads them. Else set mirror_dir."
            yield Finding("note", RAW, f"{what}.", do)
    there = [path for file in files if (path := found_in(folder, file)) is not None]
    empty = [path for path in there if path.is_file() and path.stat().st_size == 0]
    if empty:
        yield Finding("problem", RAW, f"{empty[0]} is empty.", "Remove it, and bring it again.")
        return
    try:
        check_present(source, folder)
    except ValueError as error:
        for line in str(error).splitlines():
            what, _, do = line.partition(" Move or remove")
            yield Finding("problem", RAW, what, f"Move or remove{do}" if do else "")
        return
    if there:
        n_known = sum(file.sha256 is not None for file in files if found_in(folder, file) is not None)
        sums = "with the sums that are known" if n_known == len(there) else f"of which {n_known} have a known sum"
        yield Finding("ok", RAW, f"{source.title}: {len(there)} of {len(files)} are in {folder}, {sums}.")


def prepared_findings(pipeline: Pipeline, full: bool) -> Iterator[Finding]:
    """Each dataset: whether both parts are there, whole, and of the settings asked for. full: read all of them too."""
    if waiting := [dataset for dataset in pipeline.datasets if not _is_prepared(pipeline, dataset)]:
        yield Finding("note", PREPARED, f"Not prepared yet: {', '.join(waiting)}.", "Nothing: the pipeline does it.")
    again = "Delete it and start the pipeline again, or use `python -m pipeline_lib prepare`."
    for dataset in pipeline.datasets:
        settings = pipeline.of_dataset(dataset)[0].dataset.preparation.model_dump(mode="json")
        n_fine = 0
        for part, path in (("train", pipeline.paths.train_file(dataset)), ("test", pipeline.paths.test_file(dataset))):
            if not path.exists():
                continue
            try:
                with PreparedFile(path) as file:
                    file.check_dataset(dataset, part)
                    found = file.preparation
                    if full:
                        file.check_content()
            except ValueError as error:
                yield Finding("problem", PREPARED, str(error).partition(" It should be")[0], again)
                continue
            if keys := [key for key in {**found, **settings} if found.get(key) != settings.get(key)]:
                yield Finding(
                    "warning",
                    PREPARED,
                    f"{path} was prepared with other settings ({', '.join(sorted(keys))}).",
                    "The pipeline prepares it anew, and trains again on it; set them back, or set another data_dir, to "
                    "keep it.",
                )
                continue
            n_fine += 1
        if n_fine == 2:
            digests = ", and hold what was written" if full else ""
            yield Finding("ok", PREPARED, f"{dataset}: train.h5 and test.h5 are of the settings asked for{digests}.")


def _is_prepared(pipeline: Pipeline, dataset: str) -> bool:
    return pipeline.paths.train_file(dataset).is_file() and pipeline.paths.test_file(dataset).is_file()
