"""What is left of trainings that were broken: their processes, sessions, curves and weights."""

import re
from pathlib import Path

from pipeline_lib.records.journal import END_STATES, metric_points, read_journal
from pipeline_lib.training.checkpoint import CheckpointStore
from tests.cli.test_train import state_of

CURVES = ("loss", "loss_forecast", "train_sample_mse_per_pixel")


def supervisor_of(out: Path) -> int | None:
    """The process that holds the lock of the run in a folder; who was killed has left its number there."""
    for lock in out.glob("state/*/.lock"):
        found = re.match(r"process (\d+) on", lock.read_text())
        if found and Path(f"/proc/{found[1]}").exists():
            return int(found[1])
    return None


def iteration_of(out: Path) -> int:
    """How far the run in a folder has come, be it saved or only journalled."""
    saved = CheckpointStore(state_of(out)).newest_iteration()
    assert saved is not None, "nothing was saved"
    points = metric_points(read_journal(state_of(out) / "journal.jsonl"))
    return max([saved, *(step for curve in points.values() for step, _, _ in curve)])


def curves_of(out: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of the curves that must not depend on when a training was interrupted."""
    points = metric_points(read_journal(state_of(out) / "journal.jsonl"))
    return {key: [(step, value) for step, _, value in points[key]] for key in CURVES}


def ends_of(out: Path) -> list[str]:
    """How each session ended, with its reason. Fails where one has no end, or where a line is not whole."""
    journal = state_of(out) / "journal.jsonl"
    assert list(read_journal(journal))[-1].end_offset == journal.stat().st_size, "a line is torn"
    ends, is_open = [], False
    for entry in read_journal(journal):
        if entry.kind == "session":
            assert not is_open, f"the session after the ends {ends} has none"
            is_open = True
        elif entry.kind == "state" and entry.content["status"] in END_STATES:
            ends.append(f"{entry.content['status']}: {entry.content['reason']}")
            is_open = False
    assert not is_open, "the last session has no end"
    return ends


def assert_nothing_lost(out: Path, whole: Path) -> None:
    """The same weights bit for bit, the same curves once, no half-written file."""
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert curves_of(out) == curves_of(whole)
    assert not list(out.rglob("*.tmp")), "half-written files are left"
