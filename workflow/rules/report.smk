"""Figures and tables: one rule and one named target for each."""

RUN_FIGURES = [name for name, entry in FIGURES.items() if entry.scope == "run"]
DATASET_FIGURES = [name for name, entry in FIGURES.items() if entry.scope == "dataset"]


def figures_of_run(run, experiment):
    """Figures of one run, as PNG and PDF. Baselines have no training to draw."""
    return [
        run.figure(name, suffix)
        for name in RUN_FIGURES
        for suffix in ("png", "pdf")
        if not (FIGURES[name].trained_only and experiment.is_baseline)
    ]


def figures_of(*experiments):
    """Figures of every run of these experiments."""
    return [file for each in experiments for run in runs_of(each) for file in figures_of_run(run, each)]


def results_of_dataset(wildcards):
    """What tables and figures over several runs read."""
    runs = runs_of(*PIPELINE.of_dataset(wildcards.dataset))
    return [file for run in runs for file in (run.metrics, run.training, run.config)]


def folders_of_dataset(wildcards, input):
    return [run.folder for run in runs_of(*PIPELINE.of_dataset(wildcards.dataset))]


def metrics_of_dataset(wildcards):
    return slices.metrics(PIPELINE.of_dataset(wildcards.dataset))


for name in RUN_FIGURES:

    rule:
        name:
            f"draw_{name}"
        input:
            config=RUN.config,
            training=RUN.training,
            journal=RUN.journal,
            metrics=RUN.metrics,
            predictions=RUN.predictions,
        output:
            pdf=RUN.figure(name, "pdf"),
            png=report(
                RUN.figure(name, "png"),
                caption=f"../report/{FIGURES[name].caption}",
                category="{dataset}",
                subcategory=f"Figures: {name}",
                labels={"model": "{model}", "run": "{run}"},
            ),
        log:
            PATHS.log(f"draw_{name}", "{dataset}/{model}/{run}"),
        localrule: True
        params:
            figure=name,
            folder=lambda wildcards, input: Path(input.config).parent,
            metrics=lambda wildcards: slices.metrics([experiment_of(wildcards)]),
            source=source_of("draw", FIGURES[name].draw),
        shell:
            "{STAGE} draw {params.figure} --out-pdf {output.pdf:q} --out-png {output.png:q}"
            " --run {params.folder:q} > {log:q} 2>&1"


for name in DATASET_FIGURES:

    rule:
        name:
            f"draw_{name}"
        input:
            results_of_dataset,
        output:
            pdf=PATHS.figure("{dataset}", name, "pdf"),
            png=report(
                PATHS.figure("{dataset}", name, "png"),
                caption=f"../report/{FIGURES[name].caption}",
                category="{dataset}",
                subcategory=f"Figures: {name}",
                labels={"model": "all", "run": "all"},
            ),
        log:
            PATHS.log(f"draw_{name}", "{dataset}"),
        localrule: True
        params:
            figure=name,
            folders=folders_of_dataset,
            metrics=metrics_of_dataset,
            source=source_of("draw", FIGURES[name].draw),
        shell:
            "{STAGE} draw {params.figure} --out-pdf {output.pdf:q} --out-png {output.png:q}"
            " --run {params.folders:q} > {log:q} 2>&1"


def published_numbers(wildcards):
    """What papers print for a dataset, where we have it."""
    file = ROOT / "config" / "published" / f"{wildcards.dataset}.yaml"
    return [file] if file.is_file() else []


def table_files(dataset):
    """Every form of a table. Targets ask for all outputs of a rule: one that is missing switches its triggers off."""
    return [PATHS.table(dataset, suffix) for suffix in ("csv", "md", "html")]


rule tabulate:
    input:
        results_of_dataset,
        published=published_numbers,
    output:
        csv=PATHS.table("{dataset}", "csv"),
        markdown=PATHS.table("{dataset}", "md"),
        # A report shows web pages in place, and CSV only as a download.
        html=report(
            PATHS.table("{dataset}", "html"),
            caption="../report/table.rst",
            category="{dataset}",
            subcategory="Table",
            labels={"model": "all", "run": "all"},
        ),
    log:
        PATHS.log("tabulate", "{dataset}"),
    localrule: True
    params:
        folders=folders_of_dataset,
        published=lambda wildcards, input: ["--published", input.published] if input.published else [],
        metrics=metrics_of_dataset,
        source=source_of("tabulate"),
    shell:
        "{STAGE} tabulate {wildcards.dataset} --out-csv {output.csv:q} --out-md {output.markdown:q}"
        " --out-html {output.html:q} --run {params.folders:q} {params.published:q} > {log:q} 2>&1"


for dataset in PIPELINE.datasets:

    rule:
        name:
            f"table_{dataset}"
        input:
            table_files(dataset),
        localrule: True

    for name in RUN_FIGURES:

        rule:
            name:
                f"figure_{dataset}_{name}"
            input:
                [file for file in figures_of(*PIPELINE.of_dataset(dataset)) if file.stem == name],
            localrule: True

    for name in DATASET_FIGURES:

        rule:
            name:
                f"figure_{dataset}_{name}"
            input:
                [PATHS.figure(dataset, name, suffix) for suffix in ("png", "pdf")],
            localrule: True


rule tables:
    input:
        [file for dataset in PIPELINE.datasets for file in table_files(dataset)],
    localrule: True


rule figures:
    input:
        figures_of(*PIPELINE.experiments.values()),
        [
            PATHS.figure(dataset, name, suffix)
            for dataset in PIPELINE.datasets
            for name in DATASET_FIGURES
            for suffix in ("png", "pdf")
        ],
    localrule: True
