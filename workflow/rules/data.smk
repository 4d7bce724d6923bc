"""From simulation or raw files to prepared data."""


def raw_paths(source):
    """The files of a raw source."""
    return [PATHS.raw_file(source.name, file.name) for file in source.files]


def kept(paths):
    """Outputs that stay while their rule runs again, and come back if it fails; Snakemake removes all others before it
    starts a job. So no download is repeated, and no file is lost that a person has put there."""
    return [update(path) for path in paths]


def mirrors_of(source):
    """What `download` is told. Another mirror is no reason to download again: this is no param."""
    return shlex.join(word for mirror in PIPELINE.settings.mirrors_of(source) for word in ("--mirror", mirror))


for source in RAW_SOURCES.values():

    rule:
        name:
            f"download_{source.name}"
        output:
            raw_paths(source) if source.make else kept(raw_paths(source)),
        log:
            PATHS.log("download", source.name),
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
        [path for name in PIPELINE.raw_sources for path in raw_paths(RAW_SOURCES[name])],
    localrule: True


def raw_files_of(wildcards):
    """The raw files that a dataset is prepared from."""
    name = experiment_of(wildcards).dataset.raw_source
    return [] if name is None else raw_paths(RAW_SOURCES[name])


rule prepare:
    input:
        raw=raw_files_of,
    output:
        train=PATHS.train_file("{dataset}"),
        test=PATHS.test_file("{dataset}"),
    log:
        PATHS.log("prepare", "{dataset}"),
    threads: 2
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
