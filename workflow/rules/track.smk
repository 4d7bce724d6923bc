"""What the runs left, in the tracking store. A view: it can be rebuilt from the run folders."""

# Another store, or another name in it, is a reason to track again; how it is spoken to is none.
WHERE = [without_credentials(TRACKING.resolved_uri(PATHS.results_dir)), TRACKING.experiment_prefix]


rule track:
    # All runs of an experiment in one job: it takes longer to start than to track one.
    input:
        results=lambda wildcards: [
            file
            for run in runs_of(experiment_of(wildcards))
            for file in (run.journal, run.training, run.config, run.metrics, run.predictions)
        ],
        figures=lambda wildcards: figures_of(experiment_of(wildcards)),
    output:
        PATHS.parent_tracked("{dataset}/{model}"),
    log:
        PATHS.log("track", "{dataset}/{model}"),
    localrule: True
    params:
        folders=lambda wildcards, input: [run.folder for run in runs_of(experiment_of(wildcards))],
        store=WHERE,
        source=source_of("track"),
    shell:
        "{STAGE} track --runs {params.folders:q} --figures {input.figures:q} --out {output:q}" " {STORE} > {log:q} 2>&1"


rule tracking:
    input:
        [PATHS.parent_tracked(name) for name in PIPELINE.experiments],
    localrule: True
