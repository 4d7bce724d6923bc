"""Journals and checkpoints that were cut or have flipped bits: it is noticed, and the training loses nothing."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.registry import MODELS, load
from pipeline_lib.records.journal import Journal, copy_of, metric_points, read_journal
from pipeline_lib.training.checkpoint import Checkpoint, CheckpointStore
from tests.training.toy import assert_same, toy_trainer, weights

STEPS = [10, 20, 30, 40]


def cuts(whole: bytes) -> Iterator[bytes]:
    yield from (whole[:length] for length in range(len(whole)))


def flips(whole: bytes) -> Iterator[bytes]:
    for position, byte in enumerate(whole):
        yield whole[:position] + bytes([byte ^ (1 << position % 8)]) + whole[position + 1 :]


@pytest.fixture
def no_fsync(monkeypatch):
    """No power is cut here, and thousands of small files need not reach the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def journal_steps(path: Path, steps: list[int]) -> str | None:
    """Journal what a training does that continues from a checkpoint, at any of the steps; what was repaired."""
    journal = Journal(path)
    if not journal.has_run:
        journal.run({"experiment": "wave_eq_100/pde"})
    for step in steps:
        journal.metrics(step, {"loss": 1 / step})
        if step == 20:
            journal.sync()  # as a checkpoint does
    journal.close()
    return journal.repaired


def same_as_written(path: Path) -> bool:
    curve = metric_points(read_journal(path))["loss"]
    return [(step, value) for step, _, value in curve] == [(step, 1 / step) for step in STEPS]


def test_a_journal_cut_or_flipped_anywhere_loses_no_point(tmp_path, no_fsync):
    """A checkpoint was taken at step 20, so that the training goes on with 30, whatever is left of the journal."""
    path = tmp_path / "journal.jsonl"
    journal_steps(path, STEPS)
    whole, copy = path.read_bytes(), copy_of(path).read_bytes()
    assert whole.startswith(copy) and len(copy) < len(whole)
    counts = {"cut": 0, "flipped": 0}
    for kind, damaged_ones in (("cut", cuts(whole)), ("flipped", flips(whole))):
        for damaged in damaged_ones:
            path.write_bytes(damaged)
            copy_of(path).write_bytes(copy)
            repaired = journal_steps(path, STEPS[2:])
            same = same_as_written(path) or b'"crc"' in damaged and damaged.lower() == whole.lower()
            assert same, (kind, counts, repaired)
            counts[kind] += 1
    print(f"journal of {len(whole)} bytes: {counts}, points lost 0")


def test_a_repair_says_so_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal_steps(path, STEPS)
    damaged = path.read_bytes().replace(b'"step":10', b'"step":11')
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="corrupt at byte"):
        list(read_journal(path))
    repaired = journal_steps(path, STEPS[2:])
    assert f"{path} was corrupt at byte " in repaired and "kept as journal.damaged.jsonl" in repaired
    assert (tmp_path / "journal.damaged.jsonl").read_bytes() == damaged
    path.unlink()
    assert f"{path} ended too early at byte 0" in journal_steps(path, STEPS[2:])
    assert same_as_written(path)


def test_a_damaged_copy_is_not_taken(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal_steps(path, STEPS)
    copy = copy_of(path).read_bytes()
    copy_of(path).write_bytes(copy.replace(b'"step":10', b'"step":11'))
    assert journal_steps(path, STEPS[2:]) is None and same_as_written(path)
    path.write_bytes(b"damaged\n")
    with pytest.raises(ValueError, match="corrupt at byte 0"):
        Journal(path)


def small(value: int) -> Checkpoint:
    return Checkpoint({"weight": torch.full((8,), float(value))}, {"iteration": value})


def test_a_small_checkpoint_cut_or_flipped_anywhere_gives_way_to_the_one_before(tmp_path, no_fsync):
    store = CheckpointStore(tmp_path)
    store.save(small(1))
    store.save(small(2))
    counts = {"cut": 0, "flipped": 0}
    for name in ("state.json", "state.safetensors"):
        path = tmp_path / "generation_1" / name
        whole = path.read_bytes()
        for kind, damaged_ones in (("cut", cuts(whole)), ("flipped", flips(whole))):
            for damaged in damaged_ones:
                path.write_bytes(damaged)
                fresh = CheckpointStore(tmp_path)
                loaded = fresh.load()
                assert loaded.facts == {"iteration": 1} and torch.equal(loaded.tensors["weight"], torch.ones(8))
                assert len(fresh.rejected) == 1 and str(path.parent) in fresh.rejected[0]
                counts[kind] += 1
        path.write_bytes(whole)
        assert CheckpointStore(tmp_path).load().facts == {"iteration": 2}
    print(f"small checkpoint: {counts}, each time the generation before was used")


@pytest.mark.slow
def test_a_real_checkpoint_cut_and_flipped_at_200_random_offsets_gives_way_to_the_one_before(tmp_path, repository):
    """The networks of WaveEq-100 at their published size, with Adam's moments."""
    experiment = read_experiment(repository / "config" / "experiments" / "wave_eq_100" / "pde.yaml")
    model = load(MODELS["pde"].build)(experiment.model, experiment.task, (1, 1, 100))
    tensors = {f"{kind}.{name}": value.clone() for kind in "wmv" for name, value in model.state_dict().items()}
    store = CheckpointStore(tmp_path)
    store.save(Checkpoint(tensors, {"iteration": 1}))
    store.save(Checkpoint(tensors, {"iteration": 2}))
    path, places = tmp_path / "generation_1" / "state.safetensors", random.Random(3)
    whole = path.read_bytes()
    assert len(whole) > 1_000_000
    for number in range(400):
        place = places.randrange(len(whole))
        with open(path, "r+b") as file:
            if number % 2:
                file.truncate(place)
            else:
                file.seek(place)
                file.write(bytes([whole[place] ^ (1 << places.randrange(8))]))
        fresh = CheckpointStore(tmp_path)
        assert fresh.load().facts == {"iteration": 1} and len(fresh.rejected) == 1, place
        with open(path, "r+b") as file:
            file.seek(min(place, len(whole)))
            file.write(whole[place:])
    assert CheckpointStore(tmp_path).load().facts == {"iteration": 2}
    print(f"checkpoint of {len(whole) / 1e6:.1f} MB: 200 cuts, 200 flips, each time the generation before was used")


def test_a_training_with_a_damaged_checkpoint_and_journal_ends_as_if_nothing_had_been(tiny_experiment, tmp_path):
    def trainer(folder, iterations):
        return toy_trainer(tiny_experiment, folder, iterations=iterations, checkpoint_interval=1e-9)

    whole = trainer(tmp_path / "whole", 20)
    whole.run()
    trainer(tmp_path / "broken", 13).run()
    newest = max((tmp_path / "broken").glob("generation_*/state.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:-1])
    journal = tmp_path / "broken" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:100])
    broken = trainer(tmp_path / "broken", 20)
    assert broken.restore() and broken.iteration == 12 and len(broken.store.rejected) == 1
    broken.run()
    assert_same(weights(broken), weights(whole))
    found, wanted = (metric_points(read_journal(each.journal.path))["loss"] for each in (broken, whole))
    by_step = {step: value for step, _, value in found}
    assert {step: by_step[step] for step, _, _ in wanted} == {step: value for step, _, value in wanted}
