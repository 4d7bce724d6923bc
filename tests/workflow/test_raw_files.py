"""Raw files in the workflow: who needs them, what brings them, and that nothing which is there gets lost."""

import hashlib
import os
import shlex

import pytest
import yaml

from pipeline_lib.config.raw import MIRROR_VARIABLE, RAW_SOURCES
from tests.workflow.conftest import Workflow

TASK = {"n_cond": 5, "n_pred": 10, "n_pred_test": 95}
NAMES = [file.name for file in RAW_SOURCES["mnist"].files]
CONTENTS = {name: name.encode() * 100 for name in NAMES}
# The source "mnist" of a copy of the project, with files that a test can afford.
TOY_SOURCE = """

RAW_SOURCES["mnist"] = RawSource(
    "mnist", "Toy digits", "https://page.example/", "A licence.", ({}), mirrors=("http://127.0.0.1:9/",)
)
"""


def write_configuration(workflow: Workflow, **settings: object) -> None:
    names = []
    for dataset in ("moving_mnist", "moving_mnist_sample", "wave_eq_100"):
        folder = workflow.folder / "config" / "experiments" / dataset
        folder.mkdir(exist_ok=True)
        content = {"dataset": {"name": dataset}, "task": TASK, "model": {"name": "copy_last"}}
        (folder / "raw_test.yaml").write_text(yaml.safe_dump(content))
        names.append(f"{dataset}/raw_test")
    workflow.write("raw.yaml", yaml.safe_dump({"experiments": names, "tracking": {"enabled": False}, **settings}))


@pytest.fixture
def toy(tmp_path, repository, monkeypatch) -> Workflow:
    """A project in which MNIST is four small files, `CONTENTS`, and a mirror folder that lacks the last of them."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    (tmp_path / "project").mkdir()
    workflow = Workflow(tmp_path / "project", repository)
    files = [f"RawFile({name!r}, {hashlib.sha256(text).hexdigest()!r}, {len(text)})" for name, text in CONTENTS.items()]
    with workflow.module("config.raw").open("a") as module:
        module.write(TOY_SOURCE.format(", ".join(files)))
    (tmp_path / "a mirror").mkdir()
    for name in NAMES[:-1]:
        (tmp_path / "a mirror" / name).write_bytes(CONTENTS[name])
    write_configuration(workflow, mirrors={"mnist": [str(tmp_path / "a mirror")]})
    return workflow


def raw_files(workflow: Workflow) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (workflow.folder / "data" / "raw" / "mnist").iterdir()
        if not path.name.startswith(".")
    }


def test_each_dataset_gets_the_files_of_its_source(toy):
    jobs = toy.plan(configfile="raw.yaml")
    downloads = {job.rule: job for job in jobs if job.rule.startswith("download")}
    assert set(downloads) == {"download_mnist", "download_mnist_sample"}
    for source, mirrors in (("mnist", ["--mirror", str(toy.folder.parent / "a mirror")]), ("mnist_sample", [])):
        job = downloads[f"download_{source}"]
        assert job.list("output") == [f"data/raw/{source}/{name}" for name in NAMES]
        words = shlex.split(job.command)
        assert words[3:7] == ["download", source, "--out", f"data/raw/{source}"] and words[7:-3] == mirrors
    sources = {"moving_mnist": "mnist", "moving_mnist_sample": "mnist_sample"}
    for job in jobs:
        if job.rule == "prepare":
            source = sources.get(job.wildcards["dataset"])
            assert job.list("input") == ([f"data/raw/{source}/{name}" for name in NAMES] if source else [])
            words = shlex.split(job.command)
            assert words[5:7] == (["--raw", f"data/raw/{source}"] if source else ["--train", words[6]])
    assert {job.rule for job in toy.plan("download", configfile="raw.yaml")} == set(downloads)


def test_a_download_that_fails_loses_nothing_and_the_next_one_goes_on(toy, tmp_path):
    folder = toy.folder / "data" / "raw" / "mnist"
    folder.mkdir(parents=True)
    (folder / NAMES[0]).write_bytes(CONTENTS[NAMES[0]])  # put there by a person
    failed = toy.snakemake("download_mnist", configfile="raw.yaml")
    message = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "Traceback" not in message
    assert "Toy digits: 1 of 4 files are missing and cannot be downloaded:" in message
    assert f"{tmp_path}/a mirror/{NAMES[3]}: there is no such file" in message and "By hand: get the files" in message
    arrived = {f"{name}.part": CONTENTS[name] for name in NAMES[1:3]}
    assert raw_files(toy) == {NAMES[0]: CONTENTS[NAMES[0]], **arrived}

    (tmp_path / "a mirror" / NAMES[3]).write_bytes(CONTENTS[NAMES[3]])
    for name in NAMES[:3]:
        (tmp_path / "a mirror" / name).unlink()  # not needed any more
    done = toy.snakemake("download_mnist", configfile="raw.yaml")
    assert done.returncode == 0, done.stderr
    assert raw_files(toy) == CONTENTS


@pytest.mark.slow
def test_what_is_there_is_not_fetched_again_and_samples_are_made_from_their_source(toy, tmp_path):
    pytest.importorskip("sklearn", reason="the sample is made from scikit-learn's digits")
    (tmp_path / "a mirror" / NAMES[3]).write_bytes(CONTENTS[NAMES[3]])
    done = toy.snakemake("download", configfile="raw.yaml")
    assert done.returncode == 0, done.stderr

    # Neither another mirror nor an edit of how files come here is a reason to fetch them again; samples are made anew.
    write_configuration(toy, mirrors={"mnist": ["/no/such/folder"]})
    with toy.appended(toy.module("data.transfer"), "EDITED = True\n"):
        assert [job.rule for job in toy.plan("download", configfile="raw.yaml")] == ["download_mnist_sample"]
    # Another sum is.
    with toy.edited("pipeline_lib/config/raw.py", hashlib.sha256(CONTENTS[NAMES[2]]).hexdigest(), "0" * 64):
        assert [job.rule for job in toy.plan("download", configfile="raw.yaml")] == ["download_mnist"]

    # Even a job that is forced leaves what is there.
    def inodes() -> list[int]:
        return [os.stat(toy.folder / "data" / "raw" / "mnist" / name).st_ino for name in NAMES]

    before = inodes()
    forced = toy.snakemake("download_mnist", "--forceall", configfile="raw.yaml")
    assert forced.returncode == 0, forced.stderr
    assert inodes() == before


BY_HAND = """

RAW_SOURCES["mnist"] = RawSource(
    "mnist", "Toy digits", "https://page.example/", "A licence.", ({}),
    instructions="Ask their owner.", sample="moving_mnist_sample",
)
"""


@pytest.fixture
def by_hand(toy, tmp_path) -> Workflow:
    """A project in which a person has to put MNIST in place, one file of it as an archive or the extracted folder."""
    files = [f"RawFile({name!r}, n_bytes={len(text)})" for name, text in CONTENTS.items()]
    files[0] = files[0][:-1] + ", folder='train-images')"
    with toy.module("config.raw").open("a") as module:
        module.write(BY_HAND.format(", ".join(files)))
    write_configuration(toy, mirror_dir=str(tmp_path / "shared data"))
    return toy


def test_raw_data_that_a_person_must_put_in_place_are_missed_before_any_job_starts(by_hand):
    failed = by_hand.snakemake(configfile="raw.yaml")
    message = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "Traceback (most recent" not in message
    assert message.count("These raw data cannot be downloaded without a person, and are not in place:") == 1
    assert "Toy digits: 4 of 4 files are missing" in message
    for name in NAMES:
        assert f"data/raw/mnist/{name}" in message
    assert f"or the folder train-images extracted from it ({len(CONTENTS[NAMES[0]])} bytes" in message
    assert "from: https://page.example/ (A licence.)" in message and "how: Ask their owner." in message
    assert "experiments moving_mnist_sample/…" in message and "mirror_dir in the configuration" in message
    assert not (by_hand.folder / "data").exists() and not (by_hand.folder / "results" / "runs").exists()


def test_raw_data_are_used_where_a_person_has_put_them(by_hand, tmp_path):
    folder = tmp_path / "shared data" / "mnist"
    (folder / "train-images").mkdir(parents=True)
    for name in NAMES[1:]:
        (folder / name).write_bytes(CONTENTS[name])
    jobs = by_hand.plan(configfile="raw.yaml")
    assert not [job for job in jobs if job.rule == "download_mnist"]
    (prepare,) = [job for job in jobs if job.rule == "prepare" and job.wildcards["dataset"] == "moving_mnist"]
    assert shlex.split(prepare.command)[5:7] == ["--raw", str(folder)]


def test_what_is_prepared_already_needs_no_raw_data(by_hand):
    folder = by_hand.folder / "data" / "prepared" / "moving_mnist"
    folder.mkdir(parents=True)
    for part in ("train.h5", "test.h5"):
        (folder / part).touch()
    jobs = by_hand.plan("table_moving_mnist", configfile="raw.yaml")
    assert {job.rule for job in jobs} >= {"fit", "evaluate_baseline", "tabulate"} and "prepare" not in {
        job.rule for job in jobs
    }


PEDESTRIANS = {
    "dataset": {"name": "pedestrians_sample"},
    "task": {"n_cond": 10, "n_pred": 5, "n_pred_test": 5},
    "model": {"name": "copy_last"},
}


@pytest.mark.slow
def test_a_source_that_is_a_folder_is_made_once_and_prepared_from(tmp_path, repository, monkeypatch):
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    workflow = Workflow(tmp_path, repository)
    for dataset in ("pedestrians_sample", "pedestrians"):
        folder = workflow.folder / "config" / "experiments" / dataset
        folder.mkdir(exist_ok=True)
        (folder / "raw_test.yaml").write_text(yaml.safe_dump({**PEDESTRIANS, "dataset": {"name": dataset}}))
        named = {"experiments": [f"{dataset}/raw_test"], "tracking": {"enabled": False}}
        workflow.write(f"{dataset}.yaml", yaml.safe_dump(named))
    prepared = "data/prepared/pedestrians_sample/test.h5"
    done = workflow.snakemake(prepared, "--cores", "1", configfile="pedestrians_sample.yaml")
    assert done.returncode == 0, done.stderr
    sequences = workflow.folder / "data" / "raw" / "pedestrians_sample" / "sequences"
    assert len(list(sequences.glob("seq_*"))) == 15 and (workflow.folder / prepared).is_file()
    assert workflow.plan(prepared, configfile="pedestrians_sample.yaml") == []

    failed = workflow.snakemake(configfile="pedestrians.yaml")
    message = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "Traceback (most recent" not in message
    assert "MOTSChallenge pedestrians: 1 of 1 folders are missing" in message
    assert "  data/raw/pedestrians/sequences/\n" in message
    (workflow.folder / "data" / "raw" / "pedestrians").mkdir()
    sequences.rename(workflow.folder / "data" / "raw" / "pedestrians" / "sequences")
    (prepare,) = [job for job in workflow.plan(configfile="pedestrians.yaml") if job.rule == "prepare"]
    assert shlex.split(prepare.command)[5:7] == ["--raw", "data/raw/pedestrians"]
