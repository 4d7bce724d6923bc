"""Figures and tables: one rule and one named target for each."""

RUN_FIGURES = [name for name, entry in FIGURES.items() if entry.scope == "run"]
DATASET_FIGURES = [name for name, entry in FIGURES.items() if entry.scope == "dataset"]


def figures_of_run(run, experiment):
    """Files of every figure of one run."""
    names = figures.figures_of_run(experiment)
    return [run.figure(name, suffix) for name in names for suffix in FIGURES[name].suffixes]


def figures_of(*experiments):
    """Files of the figures of every run of these experiments."""
    return [file for each in experiments for run in runs_of(each) for file in figures_of_run(run, each)]


def figures_over(dataset):
    """Files of the figures over several runs of a dataset."""
    names = figures.figures_of_dataset(PIPELINE.of_dataset(dataset))
    return [PATHS.figure(dataset, name, suffix) for name in names for suffix in FIGURES[name].suffixes]


def written(figure, path_of, **labels):
    """Every form of a figure, the first one in the report; `path_of` knows where a form stands."""
    first, *others = FIGURES[figure].suffixes
    shown = report(
        path_of(first),
        caption=f"../report/{FIGURES[figure].caption}",
        category="{dataset}",
        subcategory=f"Figures: {figure}",
        labels=labels,
    )
    return [shown, *map(path_of, others)]


def results_of(runs):
    """What tables and figures over several runs read."""
    return [file for run in runs for file in (run.metrics, run.training, run.config)]


def results_of_dataset(wildcards):
    return results_of(runs_of(*PIPELINE.of_dataset(wildcards.dataset)))


def folders_of_dataset(wildcards, input):
    return [run.folder for run in runs_of(*PIPELINE.of_dataset(wildcards.dataset))]


def metrics_of_dataset(wildcards):
    return slices.metrics(PIPELINE.of_dataset(wildcards.dataset))


def runs_shown(figure, dataset):
    """Runs in a figure over several: all, or of each experiment that of the first seed, whose predictions it reads."""
    experiments = figures.experiments_shown(figure, PIPELINE.of_dataset(dataset))
    if not FIGURES[figure].reads_predictions:
        return runs_of(*experiments)
    return [runs_of(experiment)[0] for experiment in experiments]


def results_shown(figure):
    """Input: what a figure over several runs reads."""

    def files(wildcards):
        runs = runs_shown(figure, wildcards.dataset)
        return results_of(runs) + [run.predictions for run in runs if FIGURES[figure].reads_predictions]

    return files


def folders_shown(figure):
    """A param: the folders of the runs that a figure over several runs shows."""
    return lambda wildcards, input: [run.folder for run in runs_shown(figure, wildcards.dataset)]


def colours(wildcards):
    return slices.colours([experiment_of(wildcards)])


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
            written(name, lambda suffix: RUN.figure(name, suffix), model="{model}", run="{run}"),
        log:
            PATHS.log(f"draw_{name}", "{dataset}/{model}/{run}"),
        localrule: True
        params:
            figure=name,
            folder=lambda wildcards, input: Path(input.config).parent,
            metrics=lambda wildcards: slices.metrics([experiment_of(wildcards)]),
            colours=colours,
            source=source_of("draw", FIGURES[name].draw),
        shell:
            "{STAGE} draw {params.figure} --out {output:q} --run {params.folder:q} > {log:q} 2>&1"


for name in DATASET_FIGURES:

    rule:
        name:
            f"draw_{name}"
        input:
            results_shown(name),
        output:
            written(name, lambda suffix: PATHS.figure("{dataset}", name, suffix), model="all", run="all"),
        log:
            PATHS.log(f"draw_{name}", "{dataset}"),
        localrule: True
        params:
            figure=name,
            folders=folders_shown(name),
            metrics=metrics_of_dataset,
            colours=colours,
            source=source_of("draw", FIGURES[name].draw),
        shell:
            "{STAGE} draw {params.figure} --out {output:q} --run {params.folders:q} > {log:q} 2>&1"


def published_numbers(wildcards):
    """What papers print for a dataset, where we have it."""
    file = ROOT / "config" / "published" / f"{wildcards.dataset}.yaml"
    return [file] if file.is_file() else []


def table_files(table):
    """Every form of a table. Targets ask for all outputs of a rule: one that is missing switches its triggers off."""
    return [PATHS.table(table, suffix) for suffix in ("csv", "md", "html")]


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
    wildcard_constraints:
        dataset="|".join(PIPELINE.datasets),  # tables of comparisons lie beside
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

    drawn = [*figures_of(*PIPELINE.of_dataset(dataset)), *figures_over(dataset)]
    for name in dict.fromkeys(file.stem for file in drawn):

        rule:
            name:
                f"figure_{dataset}_{name}"
            input:
                [file for file in drawn if file.stem == name],
            localrule: True


def runs_compared(wildcards):
    return runs_of(*PIPELINE.compared(PIPELINE.comparisons[wildcards.comparison]))


def of_comparison(key):
    """A param: a setting of a comparison."""
    return lambda wildcards: getattr(PIPELINE.comparisons[wildcards.comparison], key)


rule compare:
    input:
        lambda wildcards: results_of(runs_compared(wildcards)),
    output:
        csv=PATHS.table("{comparison}", "csv"),
        markdown=PATHS.table("{comparison}", "md"),
        html=report(
            PATHS.table("{comparison}", "html"),
            caption="../report/comparison.rst",
            category="Across datasets",
            subcategory="Table",
            labels={"table": "{comparison}"},
        ),
    log:
        PATHS.log("compare", "{comparison}"),
    localrule: True
    params:
        title=of_comparison("title"),
        metric=of_comparison("metric"),
        n_frames=of_comparison("n_frames"),
        models=of_comparison("models"),
        datasets=of_comparison("datasets"),
        folders=lambda wildcards, input: [run.folder for run in runs_compared(wildcards)],
        written=lambda wildcards: slices.comparison(PIPELINE.comparisons[wildcards.comparison]),
        source=source_of("compare"),
    shell:
        "{STAGE} compare {params.title:q} --metric {params.metric} --n-frames {params.n_frames}"
        " --models {params.models} --datasets {params.datasets} --out-csv {output.csv:q} --out-md {output.markdown:q}"
        " --out-html {output.html:q} --run {params.folders:q} > {log:q} 2>&1"


for name in PIPELINE.comparisons:

    rule:
        name:
            f"table_{name}"
        input:
            table_files(name),
        localrule: True


rule tables:
    input:
        [file for table in (*PIPELINE.datasets, *PIPELINE.comparisons) for file in table_files(table)],
    localrule: True


rule figures:
    input:
        figures_of(*PIPELINE.experiments.values()),
        [file for dataset in PIPELINE.datasets for file in figures_over(dataset)],
    localrule: True
