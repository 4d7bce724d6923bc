"""What the runs left, in the tracking store. A view: it can be rebuilt from the run folders."""

# Another store, or another name in it, is a reason to track again; how it is spoken to is none.
WHERE = [without_credentials(TRACKING.resolved_uri(PATHS.results_dir)), TRACKING.experiment_prefix]


rule track:
    input:
        journal=RUN.journal,
        training=RUN.training,
        config=RUN.config,
        metrics=RUN.metrics,
        predictions=RUN.predictions,
        figures=lambda wildcards: figures_of_run(
            PATHS.run_in(f"{wildcards.dataset}/{wildcards.model}", wildcards.run), experiment_of(wildcards)
        ),
    output:
        RUN.tracked,
    log:
        PATHS.log("track", "{dataset}/{model}/{run}"),
    localrule: True
    params:
        folder=folder_of,
        store=WHERE,
        source=source_of("track"),
    shell:
        "{STAGE} track --run {params.folder:q} --figures {input.figures:q} --out {output:q}" " {STORE} > {log:q} 2>&1"


rule track_experiment:
    input:
        tracked=lambda wildcards: [run.tracked for run in runs_of(experiment_of(wildcards))],
        metrics=lambda wildcards: [run.metrics for run in runs_of(experiment_of(wildcards))],
    output:
        PATHS.parent_tracked("{dataset}/{model}"),
    log:
        PATHS.log("track_experiment", "{dataset}/{model}"),
    localrule: True
    params:
        folders=lambda wildcards, input: [Path(file).parent for file in input.metrics],
        store=WHERE,
        source=source_of("track"),
    shell:
        "{STAGE} track --parent --runs {params.folders:q} --out {output:q}" " {STORE} > {log:q} 2>&1"


rule tracking:
    input:
        [PATHS.parent_tracked(name) for name in PIPELINE.experiments],
    localrule: True
