"""Training: never sees the test part."""

# Live shipping to the tracking store is no reason to train again: a global, not a param.
LIVE = f"{STORE} --live" if TRACKING.enabled and TRACKING.live else ""


def train_source(wildcards):
    experiment = experiment_of(wildcards)
    dataset = DATASETS[experiment.dataset.name]
    return source_of("train", MODELS[experiment.model.name].build, dataset.training, dataset.windows)


rule train:
    input:
        data=PATHS.train_file("{dataset}"),
    output:
        config=TRAINED.config,
        model=TRAINED.model,
        training=TRAINED.training,
        journal=TRAINED.journal,
    log:
        PATHS.log("train", "{dataset}/{model}/seed_{seed}"),
    # As soon as it can: what takes seconds finds its place beside a training, and not the other way round.
    priority: 10
    threads: lambda wildcards: (t := experiment_of(wildcards).training).n_threads * t.n_processes
    resources:
        gpu=lambda wildcards: (t := experiment_of(wildcards).training).n_processes * (t.device != "cpu"),
        runtime=720,
        mem_mb=8000,
    params:
        config=config_of,
        folder=folder_of,
        dataset=part(slices.training, "dataset"),
        task=part(slices.training, "task"),
        model=part(slices.training, "model"),
        training=part(slices.training, "training"),
        budget=part(slices.training, "budget"),
        names=part(slices.training, "names"),
        source=train_source,
    shell:
        # exec: a signal to the job reaches the training itself, which then saves its state.
        "exec {STAGE} train {params.config:q} --seed {wildcards.seed} --train-file {input.data:q}"
        " --out {params.folder:q} {LIVE} > {log:q} 2>&1"


rule fit:
    input:
        data=PATHS.train_file("{dataset}"),
    output:
        config=FITTED.config,
        model=FITTED.model,
        training=FITTED.training,
        journal=FITTED.journal,
    log:
        PATHS.log("fit", "{dataset}/{model}"),
    resources:
        runtime=60,
        mem_mb=8000,
    params:
        config=config_of,
        folder=folder_of,
        dataset=part(slices.training, "dataset"),
        task=part(slices.training, "task"),
        model=part(slices.training, "model"),
        names=part(slices.training, "names"),
        source=train_source,
    shell:
        "{STAGE} train {params.config:q} --train-file {input.data:q}" " --out {params.folder:q} {LIVE} > {log:q} 2>&1"
