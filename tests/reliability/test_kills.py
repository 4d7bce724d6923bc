"""SIGKILL at 50 random moments of one training, alone and under Snakemake: the weights are those of an undisturbed one.

Each prints what it counted (`pytest -rP` shows it), for docs/reliability.md.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.test_train import _is_running, command, train, training_process_of, wait_for
from tests.end_to_end.whole_pipeline import Pipeline
from tests.reliability.sessions import assert_nothing_lost, ends_of, iteration_of, supervisor_of

pytestmark = pytest.mark.slow
N_KILLS = 50
# A training has no end while it is killed; how far it came by then is where it shall end, on any machine.
ENDLESS = {"iterations": 10**7, "checkpoint_interval": 0.05, "logging_interval": 10}


def kill(*pids: int | None) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signal.SIGKILL)


def test_alone(configure, train_file, tmp_path):
    """The training process, the one that supervises it, or both: while importing, training, saving, publishing."""
    config = configure(**ENDLESS)
    moments, out, hit = random.Random(1), tmp_path / "killed", Counter()
    while hit.total() < N_KILLS:
        process = subprocess.Popen(command(config, train_file, out), stderr=subprocess.DEVNULL, start_new_session=True)
        if moments.random() < 0.8:  # the others fall into the start
            wait_for(lambda p=process: p.poll() is not None or _is_running(out / "state", p.pid), seconds=300)
            time.sleep(moments.uniform(0, 0.3))
        else:
            time.sleep(moments.uniform(0, 3))
        assert process.poll() is None, f"the training ended by itself after {hit.total()} kills"
        target = moments.choice(["both", "training", "supervisor"])
        inner = training_process_of(process.pid)
        if target == "training" and inner is None:
            target = "both"  # it is not there yet
        kill(*{"both": (process.pid, inner), "training": (inner,), "supervisor": (process.pid,)}[target])
        process.wait(timeout=120)
        hit[target] += 1
    config = configure(iterations=iteration_of(out) + 20, logging_interval=10)
    for run in (out, tmp_path / "whole"):
        assert train(config, train_file, run).returncode == 0
    assert_nothing_lost(out, tmp_path / "whole")
    print(f"SIGKILL alone: {hit.total()} ({dict(hit)}), ends told {Counter(e.split(':')[0] for e in ends_of(out))}")


CONFIGURATION = """\
results_dir: {folder}/results
data_dir: {folder}/data
experiments: [wave_eq_100/pde]
seeds: [0]
tracking: {{enabled: false}}
overrides:
  wave_eq_100/pde:
    dataset: {{preparation: {{n_simulations: 4, n_train_simulations: 3, n_pixels: 12}}}}
    model: {{encoder_hidden_size: 16, decoder_hidden_size: 16, integrator_hidden_size: 16}}
    training:
      schedule_name: test
      iterations: {iterations}
      logging_interval: 10
      checkpoint_interval: 0.05
      batch_size: 8
      n_threads: 1
      device: cpu
      validation: {{interval: 20, n_windows: 4}}
    evaluation: {{device: cpu, n_threads: 1}}
"""


@pytest.fixture
def pipeline(tmp_path: Path, repository: Path) -> Pipeline:
    return Pipeline(tmp_path, repository, CONFIGURATION)


def finish_and_compare(pipeline: Pipeline, out: Path) -> None:
    """Let the pipeline train to an end that is near, and compare with the same command without Snakemake."""
    pipeline.configure(iterations=iteration_of(out) + 20)
    done = pipeline.run("--", str(out / "training.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    direct = pipeline.folder / "direct"
    config = pipeline.folder / "results/configs/wave_eq_100/pde.yaml"
    done = train(config, pipeline.folder / "data/prepared/wave_eq_100/train.h5", direct)
    assert done.returncode == 0, done.stderr
    assert_nothing_lost(out, direct)


def test_under_snakemake(pipeline, tmp_path):
    """Both processes of the job, which Snakemake then starts again, as it does with what a cluster has killed."""
    pipeline.configure(iterations=10**7)
    out = pipeline.runs("wave_eq_100") / "pde" / "seed_0"
    target = str(out / "training.json")
    moments, killed = random.Random(2), [0]
    with open(tmp_path / "output", "w") as output:
        command = pipeline.command("--retries", str(N_KILLS - 1), target)
        workflow = subprocess.Popen(command, stdout=output, stderr=output)
    while len(killed) <= N_KILLS:
        wait_for(lambda: workflow.poll() is not None or supervisor_of(out) not in (None, killed[-1]), seconds=300)
        assert workflow.poll() is None, (tmp_path / "output").read_text()
        killed.append(supervisor_of(out))
        if moments.random() < 0.8:
            wait_for(lambda: _is_running(out / "state", killed[-1]), seconds=300)
            time.sleep(moments.uniform(0, 0.3))
        else:
            time.sleep(moments.uniform(0, 3))
        kill(killed[-1], training_process_of(killed[-1]))
    assert workflow.wait(timeout=300) == 1
    finish_and_compare(pipeline, out)
    print(f"SIGKILL under Snakemake: {len(killed) - 1}, ends told {Counter(e.split(':')[0] for e in ends_of(out))}")


def test_snakemake_itself(pipeline, tmp_path):
    """Snakemake alone is killed, and its training goes by itself; or all of them at once; `--unlock`, and again."""
    pipeline.configure(iterations=10**7)
    out = pipeline.runs("wave_eq_100") / "pde" / "seed_0"
    target = str(out / "training.json")
    for takes_all in (False, True, False):
        workflow = subprocess.Popen(pipeline.command("--", target), stderr=subprocess.DEVNULL, start_new_session=True)
        wait_for(lambda: (pid := supervisor_of(out)) and _is_running(out / "state", pid), seconds=300)
        supervisor = supervisor_of(out)
        if takes_all:
            os.killpg(workflow.pid, signal.SIGKILL)
        else:
            workflow.kill()
        workflow.wait()
        wait_for(lambda pid=supervisor: not Path(f"/proc/{pid}").exists(), seconds=120)
        assert pipeline.run("--unlock").returncode == 0
    finish_and_compare(pipeline, out)
    ends = [end.split(";")[0] for end in ends_of(out)]
    assert sum(end.startswith("stopped: the parent") or end.startswith("stopped: received") for end in ends) == 2, ends
    assert sum(end.startswith("killed: the training process is gone") for end in ends) == 1, ends
    print(f"Snakemake killed: 3, ends told {ends}")
