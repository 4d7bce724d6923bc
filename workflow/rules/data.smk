"""From simulation or raw files to prepared data."""


rule prepare:
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
        preparation=part(slices.preparation, "preparation"),
        source=lambda wildcards: source_of("prepare", DATASETS[wildcards.dataset].prepare),
    shell:
        "{STAGE} prepare {params.config:q} --train {output.train:q} --test {output.test:q} > {log:q} 2>&1"
