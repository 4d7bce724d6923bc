from pathlib import Path

from snakemake.utils import min_version

min_version("9.10")


configfile: str(Path(workflow.basedir) / "config" / "config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/track.smk"


rule all:
    default_target: True
    input:
        rules.figures.input,
        rules.tables.input,
        rules.checks.input,
        rules.tracking.input if PIPELINE.settings.tracking.enabled else [],
    localrule: True


onstart:
    start_pipeline()
