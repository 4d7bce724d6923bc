"""A grid through `snakemake --profile slurm` on a real SLURM: whatever befalls a job, its training continues."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.whole_pipeline import Pipeline
from tests.slurm import trainings
from tests.slurm.cluster import Cluster, Unavailable, installed, wait_for, why_not

pytestmark = pytest.mark.slurm

SEEDS = [0, 1, 2, 3]
CONFIGURATION = """\
results_dir: {results}
data_dir: {folder}/data
experiments: [wave_eq_100/pde, wave_eq_100/copy_last, wave_eq_100/mean_frame]
seeds: [0, 1, 2, 3]
tracking: {{enabled: false}}
overrides:
  wave_eq_100/pde:
    dataset: &few {{preparation: {{n_simulations: 4, n_train_simulations: 3, n_pixels: 12}}}}
    model: {{encoder_hidden_size: 16, decoder_hidden_size: 16, integrator_hidden_size: 16}}
    training:
      schedule_name: test
      iterations: 150
      logging_interval: 10
      checkpoint_interval: 0.2
      n_threads: 1
      device: cpu
      validation: {{interval: 50, n_windows: 4}}
    evaluation: &on_cpu {{device: cpu, n_threads: 1, n_examples: 2, window_sets: [all]}}
  wave_eq_100/copy_last: {{dataset: *few, evaluation: *on_cpu}}
  wave_eq_100/mean_frame: {{dataset: *few, evaluation: *on_cpu}}
"""
# Over the profile: a short time limit, which grows with the attempts as the profile's does, and less patience.
OVERLAY = [
    *("--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "20"),
    *("--set-resources", "train:slurm_partition=gpu", "evaluate:slurm_partition=gpu"),
    *("train:runtime=attempt", "evaluate:runtime=attempt", "train:mem_mb=16000", "evaluate:mem_mb=16000"),
    *("fit:mem_mb=4000", "evaluate_baseline:mem_mb=4000"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if reason := why_not():
        pytest.skip(reason)
    try:
        # Not pytest's folders, which none but their owner may enter: munged runs as another user.
        with installed(), tempfile.TemporaryDirectory(prefix="slurm-") as folder:
            Path(folder).chmod(0o755)
            with Cluster(Path(folder) / "cluster") as cluster:
                yield cluster
    except Unavailable as error:
        pytest.skip(str(error))


@dataclass
class Story:
    """A pipeline that was run through SLURM, and what befell its jobs: seeds by fault, jobs by seed."""

    pipeline: Pipeline
    answer: subprocess.CompletedProcess[str]
    hit: dict[str, trainings.Training]
    before: dict[str, dict[str, str]]  # each job as it was when it was hit
    limits: dict[int, set[str]]  # time limits of the jobs of each seed


@pytest.fixture(scope="module")
def story(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Story]:
    """Every training is held at its first checkpoint until something befalls its job."""
    pipeline = Pipeline(tmp_path_factory.mktemp("slurm"), repository, CONFIGURATION)
    pipeline.configure(results=pipeline.folder / "results")
    runs = pipeline.runs("wave_eq_100") / "pde"
    with open(pipeline.folder / "out.txt", "w+") as out:
        # From the checkout, where `--profile slurm` finds its folder.
        command = pipeline.command("--profile", "slurm", *OVERLAY, "--", "tables")
        process = subprocess.Popen(command, cwd=repository, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            held = hold_all(runs)
            wait_for("the baselines", lambda: len(cluster.jobs()) == len(SEEDS), 240)
            hit, before = befall(cluster, held)
            limits = {training.seed: {before[training.job]["TimeLimit"]} for training in held.values()}
            drained = hit["drained"].job
            wait_for("the drained job", lambda: is_elsewhere(cluster.job(drained), before[drained]), 240)
            cluster.call("scontrol", "update", f"nodename={before[drained]['NodeList']}", "state=resume")
            wait_for("the pipeline", lambda: note_limits(cluster, runs, limits) or process.poll() is not None, 720)
        finally:
            if process.poll() is None:
                process.kill()  # asked to stop, it would wait for its jobs
                process.wait()
            trainings.end_all(pipeline.folder)
            out.seek(0)
            text = out.read()
            print(text)  # pytest shows it where something fails
    answer = subprocess.CompletedProcess(command, process.returncode, text, "")
    yield Story(pipeline, answer, hit, before, limits)


def hold_all(runs: Path) -> dict[int, trainings.Training]:
    """Each training at its first checkpoint, by seed."""
    held: dict[int, trainings.Training] = {}

    def hold_more() -> bool:
        for training in trainings.running(runs):
            if training.seed not in held and trainings.has_saved(runs / f"seed_{training.seed}"):
                training.hold()
                held[training.seed] = training
        return len(held) == len(SEEDS)

    wait_for("a checkpoint of every training", hold_more, 420)
    return held


def befall(
    cluster: Cluster, held: dict[int, trainings.Training]
) -> tuple[dict[str, trainings.Training], dict[str, dict[str, str]]]:
    """On one node, a job is preempted and the other cancelled. The other node is drained and one of its jobs put back
    into the queue; the last one stays there until its time is up."""
    before = {training.job: cluster.job(training.job) for training in held.values()}
    by_node: dict[str, list[trainings.Training]] = {}
    for training in held.values():
        by_node.setdefault(before[training.job]["NodeList"], []).append(training)
    (first, (one, other)), (second, (drained, late)) = sorted(by_node.items())

    cluster.call("sbatch", "-p", "high", "-w", first, "--mem=20000", "-o", "/dev/null", "--wrap", "sleep 20")
    both = (one, other)
    wait_for("a preemption", lambda: any(cluster.job(each.job)["JobState"] != "RUNNING" for each in both), 60)
    preempted, cancelled = sorted(both, key=lambda each: cluster.job(each.job)["JobState"] == "RUNNING")
    cluster.call("scancel", cancelled.job)
    cluster.call("scontrol", "update", f"nodename={second}", "state=drain", "reason=test")
    cluster.call("scontrol", "requeue", drained.job)
    return {"preempted": preempted, "cancelled": cancelled, "drained": drained, "late": late}, before


def is_elsewhere(job: dict[str, str], before: dict[str, str]) -> bool:
    return job["JobState"] == "RUNNING" and job["NodeList"] != before["NodeList"]


def note_limits(cluster: Cluster, runs: Path, limits: dict[int, set[str]]) -> None:
    """Look at the jobs that run now."""
    for training in trainings.running(runs):
        limits[training.seed].add(cluster.job(training.job)["TimeLimit"])


def test_the_pipeline_succeeds(story: Story) -> None:
    assert story.answer.returncode == 0, story.answer.stdout[-3000:]
    results = story.pipeline.folder / "results"
    assert (results / "tables" / "wave_eq_100.csv").read_text().count("\n") == 4


@pytest.mark.parametrize("fault", ["preempted", "cancelled", "drained", "late"])
def test_its_training_continues_from_its_checkpoint(story: Story, fault: str) -> None:
    training = story.hit[fault]
    first, *others = trainings.starts(story.pipeline.runs("wave_eq_100") / "pde" / f"seed_{training.seed}")
    assert first == 0 and len(others) == 1 and 0 < others[0] < 150


def test_what_slurm_put_back_is_the_same_job_and_what_it_ended_another(story: Story, cluster: Cluster) -> None:
    jobs = {fault: cluster.job(training.job) for fault, training in story.hit.items()}
    states = {fault: job["JobState"] for fault, job in jobs.items()}
    assert states == {"preempted": "COMPLETED", "cancelled": "CANCELLED", "drained": "COMPLETED", "late": "TIMEOUT"}
    assert {fault: job["Restarts"] for fault, job in jobs.items()} == {
        "preempted": "1",
        "cancelled": "0",
        "drained": "1",
        "late": "0",
    }
    assert jobs["drained"]["NodeList"] != story.before[story.hit["drained"].job]["NodeList"]


def test_a_job_that_was_too_late_is_given_more_time(story: Story) -> None:
    """A training and its evaluation are one job, whose times are added."""
    assert story.limits[story.hit["late"].seed] == {"00:02:00", "00:04:00"}
    assert story.limits[story.hit["preempted"].seed] == {"00:02:00"}


def test_baselines_share_a_job(story: Story) -> None:
    submitted = [line for line in story.answer.stdout.splitlines() if "has been submitted with SLURM jobid" in line]
    # Data, one job of all baselines, four trainings, and two of these again.
    assert len(submitted) == 1 + 1 + len(SEEDS) + 2, submitted


def test_results_are_those_of_an_uninterrupted_run(story: Story, repository: Path) -> None:
    """Bit for bit: trained on this machine without SLURM, from the same data."""
    plain = Pipeline(story.pipeline.folder, repository, CONFIGURATION)
    results = plain.folder / "plain"
    plain.configure(results=results)
    wanted = [str(results / f"runs/wave_eq_100/pde/seed_{seed}/metrics.json") for seed in SEEDS]
    done = plain.run("--", *wanted)
    assert done.returncode == 0, done.stdout + done.stderr
    for seed in SEEDS:
        there, here = (
            root / f"wave_eq_100/pde/seed_{seed}" for root in (plain.folder / "results/runs", results / "runs")
        )
        assert trainings.starts(here) == [0]
        assert (there / "model.safetensors").read_bytes() == (here / "model.safetensors").read_bytes()
        scores = [json.loads((run / "metrics.json").read_text())["protocols"] for run in (there, here)]
        assert scores[0] == scores[1]
