"""A full disk under a checkpoint and under a journal: named, nothing that was there is lost, and it goes on later.

HDF5 files on one: tests/runtime/test_hdf5_writing.py and tests/cli/test_prepare.py. A whole training on one:
test_endings.py.
"""

import errno

import pytest
import torch

from pipeline_lib.records.journal import Journal, metric_points, read_journal
from pipeline_lib.training.checkpoint import Checkpoint, CheckpointStore


def fill(disk, leave: int) -> None:
    """Leave some bytes free, in whole pages."""
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
        filler.truncate(filler.tell() - leave)


def test_a_checkpoint_that_finds_no_room_leaves_the_ones_before(small_disk):
    store = CheckpointStore(small_disk / "state")
    tensors = {"weight": torch.arange(50_000, dtype=torch.float32)}
    for iteration in (1, 2):
        store.save(Checkpoint(tensors, {"iteration": iteration}))
    for leave in range(0, 200_000, 20_480):  # from nothing to nearly enough
        fill(small_disk, leave)
        with pytest.raises(OSError, match=r"No space left on device \([0-9.]+ MB are free on the disk of ") as caught:
            store.save(Checkpoint(tensors, {"iteration": 3}))
        assert caught.value.errno == errno.ENOSPC and "generation_0/state." in caught.value.filename
        loaded = CheckpointStore(small_disk / "state").load()
        assert loaded.facts == {"iteration": 2} and torch.equal(loaded.tensors["weight"], tensors["weight"])
        assert not list(small_disk.rglob("*.tmp"))
        (small_disk / "filler").unlink()
    store.save(Checkpoint(tensors, {"iteration": 3}))
    assert CheckpointStore(small_disk / "state").load().facts == {"iteration": 3}


def test_a_line_that_finds_no_room_is_not_journalled_in_part_and_comes_later(small_disk):
    journal = Journal(small_disk / "journal.jsonl")
    journal.run({"experiment": "wave_eq_100/pde"})
    fill(small_disk, 4096)
    step = 0
    with pytest.raises(OSError, match=r"No space left on device \(0.0 MB are free on the disk of ") as caught:
        while True:
            journal.metrics(step + 1, {"loss": 1 / (step + 1)})
            step += 1
    assert step > 50 and caught.value.filename == str(journal.path)
    for _ in range(3):  # however often it is tried
        with pytest.raises(OSError, match="No space left"):
            journal.metrics(step + 1, {"loss": 1 / (step + 1)})
    written = list(read_journal(journal.path))
    assert len(written) == step + 1 and written[-1].end_offset == journal.path.stat().st_size
    (small_disk / "filler").unlink()
    journal.metrics(step + 1, {"loss": 1 / (step + 1)})
    journal.sync()
    curve = metric_points(read_journal(journal.path))["loss"]
    assert [(at, value) for at, _, value in curve] == [(at, 1 / at) for at in range(1, step + 2)]
