"""The validated configuration, and what the rules ask of it."""

import shlex
import subprocess
import sys
from functools import cache

from snakemake.exceptions import WorkflowError

from pipeline_lib.config import figures, slices
from pipeline_lib.config.digests import stage_digest
from pipeline_lib.config.loading import configuration_files, load_pipeline, write_experiments
from pipeline_lib.config.raw import RAW_SOURCES
from pipeline_lib.config.raw_places import missing_raw_data, raw_place
from pipeline_lib.config.registry import DATASETS, FIGURES, METRICS, MODELS
from pipeline_lib.config.tracking import without_credentials
from pipeline_lib.runtime.locks import FileLock

ROOT = Path(workflow.basedir)
try:
    PIPELINE = load_pipeline(config, ROOT, configuration_files([Path(file) for file in workflow.configfiles], ROOT))
except ValueError as error:
    raise WorkflowError(str(error)) from None

PATHS = PIPELINE.paths
# Files of a run, as patterns: of a trained one, of a baseline, of either.
TRAINED = PATHS.run("{dataset}/{model}", "{seed}")
FITTED = PATHS.run("{dataset}/{model}", None)
RUN = PATHS.run_in("{dataset}/{model}", "{run}")

STAGE = f"{shlex.quote(sys.executable)} -m pipeline_lib"
TRACKING = PIPELINE.settings.tracking
STORE = shlex.join(TRACKING.arguments(PATHS.results_dir))


wildcard_constraints:
    dataset="[a-z0-9_]+",
    model="[a-z0-9_]+",
    comparison="|".join(PIPELINE.comparisons) or "none",
    seed="[0-9]+",
    run="seed_[0-9]+|no_seed",


def experiment_of(wildcards):
    """The experiment of a run's wildcards; of a dataset's, the first one."""
    if "model" in wildcards.keys():
        return PIPELINE.experiments[f"{wildcards.dataset}/{wildcards.model}"]
    return PIPELINE.of_dataset(wildcards.dataset)[0]


@cache
def source_of(stage, *functions):
    """A param: digest of the source behind a stage that loads these functions ("module:function")."""
    return stage_digest(stage, functions)


def config_of(wildcards, output):
    """The resolved experiment. A param that asks for `output` is no reason to run again when it changes: a path is
    none, the settings in the file are, and these are params by themselves."""
    return PATHS.config(experiment_of(wildcards).name)


def folder_of(wildcards, output):
    """The run folder that a rule writes into."""
    return Path(output[0]).parent


def part(slice_, key):
    """A param: one part of what a rule depends on."""
    return lambda wildcards: slice_(experiment_of(wildcards))[key]


def runs_of(*experiments):
    """Files of every run of these experiments."""
    return [PATHS.run(run.experiment.name, run.seed) for run in PIPELINE.runs(experiments)]


def start_pipeline():
    """Before the first job, in the main process only: lock, resolved configurations, tracking store."""
    global RESULTS_LOCK  # held until this process ends
    RESULTS_LOCK = FileLock(PATHS.lock)
    try:
        RESULTS_LOCK.acquire()
    except ValueError as error:
        raise WorkflowError(f"Another pipeline is at work in {PATHS.results_dir}: {error}") from None
    except OSError as error:
        raise WorkflowError(f"{PATHS.results_dir} cannot be written to: {error}") from None
    write_experiments(PIPELINE)
    if TRACKING.enabled and not workflow.touch:
        command = f"{STAGE} track --initialise --experiment {' '.join(PIPELINE.datasets)} {STORE}"
        if subprocess.run(command, shell=True).returncode != 0:
            logger.warning("The tracking store cannot be used now; training goes on, and `track` catches up later.")
