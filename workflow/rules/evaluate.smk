"""Scores on the test part, and the bars that they must pass."""


def evaluate_source(wildcards):
    experiment = experiment_of(wildcards)
    settings, dataset = experiment.evaluation, DATASETS[experiment.dataset.name]
    functions = [dataset.windows, *(name for metric in experiment.metrics for name in METRICS[metric].functions)]
    functions += [function for function in (dataset.context, dataset.show, dataset.call) if function]
    if "swap" in settings.protocols:
        functions.append(dataset.swap)
    return source_of("evaluate", MODELS[experiment.model.name].build, *functions)


rule evaluate:
    input:
        model=TRAINED.model,
        training=TRAINED.training,
        config=TRAINED.config,
        test=PATHS.test_file("{dataset}"),
    output:
        metrics=TRAINED.metrics,
        predictions=TRAINED.predictions,
    log:
        PATHS.log("evaluate", "{dataset}/{model}/seed_{seed}"),
    threads: lambda wildcards: experiment_of(wildcards).evaluation.n_threads
    resources:
        gpu=lambda wildcards: int(experiment_of(wildcards).evaluation.device != "cpu"),
        runtime=60,
        mem_mb=8000,
    params:
        config=config_of,
        folder=folder_of,
        task=part(slices.evaluation, "task"),
        evaluation=part(slices.evaluation, "evaluation"),
        source=evaluate_source,
    shell:
        "{STAGE} evaluate {params.config:q} --run-dir {params.folder:q} --test-file {input.test:q}" " > {log:q} 2>&1"


# A rule of its own, because a baseline waits for no GPU: with `device: auto` it takes what its node has.
use rule evaluate as evaluate_baseline with:
    input:
        model=FITTED.model,
        training=FITTED.training,
        config=FITTED.config,
        test=PATHS.test_file("{dataset}"),
    output:
        metrics=FITTED.metrics,
        predictions=FITTED.predictions,
    log:
        PATHS.log("evaluate", "{dataset}/{model}/no_seed"),
    resources:
        gpu=lambda wildcards: int(experiment_of(wildcards).evaluation.device == "cuda"),
        runtime=60,
        mem_mb=8000,


CHECKS = {bar.name: bar for bar in PIPELINE.settings.require}


def baselines_beside(experiment):
    return [other for other in PIPELINE.of_dataset(experiment.dataset.name) if other.is_baseline]


rule check:
    input:
        runs=lambda wildcards: [
            run.metrics for run in runs_of(PIPELINE.experiments[CHECKS[wildcards.check].experiment])
        ],
        baselines=lambda wildcards: [
            run.metrics for run in runs_of(*baselines_beside(PIPELINE.experiments[CHECKS[wildcards.check].experiment]))
        ],
    output:
        PATHS.check("{check}"),
    log:
        PATHS.log("check", "{check}"),
    localrule: True
    params:
        metric=lambda wildcards: CHECKS[wildcards.check].metric,
        frames=lambda wildcards: ["--n-frames", n] if (n := CHECKS[wildcards.check].n_frames) else [],
        factor=lambda wildcards: CHECKS[wildcards.check].times_best_baseline,
        source=source_of("check"),
    shell:
        "{STAGE} check {params.metric} {params.frames} --times-best-baseline {params.factor} --metrics {input.runs:q}"
        " --baselines {input.baselines:q} --out {output:q} > {log:q} 2>&1"


rule checks:
    input:
        [PATHS.check(name) for name in CHECKS],
    localrule: True
