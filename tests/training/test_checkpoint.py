"""Checkpoints: two generations, of which one is always whole, and damage is found."""

import torch

from pipeline_lib.training.checkpoint import GENERATIONS, Checkpoint, CheckpointStore


def checkpoint(value):
    return Checkpoint({"weight": torch.full((50,), float(value))}, {"iteration": value})


def saved(folder, *values):
    store = CheckpointStore(folder)
    for value in values:
        store.save(checkpoint(value))
    return store


def test_the_newest_generation_is_loaded(tmp_path):
    for last in range(1, 6):
        saved(tmp_path, last)
        loaded = CheckpointStore(tmp_path).load()
        assert loaded.facts == {"iteration": last} and torch.equal(loaded.tensors["weight"], torch.full((50,), last))
    assert CheckpointStore(tmp_path).newest_iteration() == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == list(GENERATIONS)


def test_no_checkpoint(tmp_path):
    store = CheckpointStore(tmp_path)
    assert store.load() is None and store.rejected == [] and store.newest_iteration() is None


def newest_folder(tmp_path):
    bodies = {g: (tmp_path / g / "state.json").stat().st_mtime_ns for g in GENERATIONS}
    return tmp_path / max(bodies, key=bodies.get)


def test_damage_at_every_place_falls_back_to_the_generation_before(tmp_path):
    saved(tmp_path, 1, 2)
    for name in ("state.json", "state.safetensors"):
        path = newest_folder(tmp_path) / name
        whole = path.read_bytes()
        cuts = [whole[:length] for length in range(0, len(whole), 7)]
        flips = [whole[:i] + bytes([whole[i] ^ 4]) + whole[i + 1 :] for i in range(0, len(whole), 7)]
        for damaged in cuts + flips:
            path.write_bytes(damaged)
            store = CheckpointStore(tmp_path)
            loaded = store.load()
            assert loaded.facts == {"iteration": 1}, (name, len(damaged))
            assert str(path.parent) in store.rejected[0]
        path.write_bytes(whole)
        assert CheckpointStore(tmp_path).load().facts == {"iteration": 2}


def test_a_damaged_generation_is_overwritten_before_a_whole_one(tmp_path):
    saved(tmp_path, 1, 2)
    newest = newest_folder(tmp_path)
    (newest / "state.safetensors").write_bytes(b"damaged")
    store = CheckpointStore(tmp_path)
    assert store.load().facts == {"iteration": 1}
    before = {g: (tmp_path / g / "state.safetensors").read_bytes() for g in GENERATIONS if tmp_path / g != newest}
    store.save(checkpoint(3))
    for generation, content in before.items():
        assert (tmp_path / generation / "state.safetensors").read_bytes() == content
    assert CheckpointStore(tmp_path).load().facts == {"iteration": 3}


def test_killed_between_tensors_and_json_leaves_the_generation_before(tmp_path, monkeypatch):
    saved(tmp_path, 1, 2)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline_lib.training.checkpoint.write_bytes", killed)
    try:
        saved(tmp_path, 3)
    except KeyboardInterrupt:
        pass
    loaded = CheckpointStore(tmp_path).load()
    assert loaded is not None and loaded.facts == {"iteration": 2}
