"""From simulation or raw files to prepared data."""


def raw_paths(source):
    """The files and folders of a raw source that rules bring."""
    paths = [(file, PATHS.raw_file(source.name, file.name)) for file in source.files]
    return [directory(path) if file.is_folder else path for file, path in paths]


def kept(paths):
    """Outputs that stay while their rule runs again, and come back if it fails; Snakemake removes all others before it
    starts a job. So no download is repeated, and no file is lost that a person has put there."""
    return [update(path) for path in paths]


def mirrors_of(source):
    """What `download` is told. Another mirror is no reason to download again: this is no param."""
    return shlex.join(word for mirror in PIPELINE.settings.mirrors_of(source) for word in ("--mirror", mirror))


for source in RAW_SOURCES.values():
    if source.is_placed_by_hand:
        continue

    rule:
        name:
            f"download_{source.name}"
        output:
            raw_paths(source) if source.make else kept(raw_paths(source)),
        log:
            PATHS.log("download", source.name),
        priority: 20  # trainings wait for it
        localrule: True
        params:
            name=source.name,
            folder=folder_of,
            files=slices.raw_files(source),
            # A sum says what a file is, however it comes here; what is made has none.
            source=source_of("download", source.make) if source.make else "",
            mirrors=lambda wildcards, output, source=source: mirrors_of(source),
        shell:
            "{STAGE} download {params.name} --out {params.folder:q} {params.mirrors} > {log:q} 2>&1"


# All raw data, to be fetched where there is a network before the rest runs where there is none.
rule download:
    input:
        lambda wildcards: [path for dataset in PIPELINE.datasets for path in raw_files_of_dataset(dataset)],
    localrule: True


def raw_files_of_dataset(dataset):
    """The raw files that a dataset is prepared from. Where some are missing that a person has to put in place, one
    message tells of all of them, before any job starts; a dataset that is prepared already needs none."""
    place = raw_place(PIPELINE, dataset)
    if place is None:
        return []
    is_prepared = PATHS.train_file(dataset).is_file() and PATHS.test_file(dataset).is_file()
    if place.source.is_placed_by_hand and place.missing and not is_prepared:
        raise WorkflowError(missing_raw_data(PIPELINE))
    return place.paths


def raw_files_of(wildcards):
    return raw_files_of_dataset(wildcards.dataset)


rule prepare:
    input:
        raw=raw_files_of,
    output:
        train=PATHS.train_file("{dataset}"),
        test=PATHS.test_file("{dataset}"),
    log:
        PATHS.log("prepare", "{dataset}"),
    priority: 20  # trainings wait for it
    # Of two cores it takes one: asking for both, it would wait until no training runs.
    threads: 1 if workflow.cores == 2 else 2
    resources:
        runtime=60,
        mem_mb=8000,
    params:
        config=config_of,
        raw=lambda wildcards, input: ["--raw", Path(input.raw[0]).parent] if input.raw else [],
        preparation=part(slices.preparation, "preparation"),
        source=lambda wildcards: source_of("prepare", DATASETS[wildcards.dataset].prepare),
    shell:
        "{STAGE} prepare {params.config:q} {params.raw:q} --train {output.train:q} --test {output.test:q}"
        " > {log:q} 2>&1"
