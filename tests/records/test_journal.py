"""The journal: checksummed lines, repaired tails, every point once."""

import json

import pytest

from pipeline_lib.records.journal import Journal, decode_line, encode_line, metric_points, read_journal


def write(path, steps):
    journal = Journal(path)
    journal.run({"experiment": "wave_eq_100/pde"})
    for step in steps:
        journal.metrics(step, {"loss": 1 / (step + 1), "loss_forecast": float(step)})
    journal.close()


def points(path):
    return {key: [step for step, _, _ in curve] for key, curve in metric_points(read_journal(path)).items()}


def test_reads_back_what_was_written(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, [10, 20])
    entries = list(read_journal(path))
    assert [entry.kind for entry in entries] == ["run", "metrics", "metrics"]
    assert entries[1].content == {"step": 10, "values": {"loss": 1 / 11, "loss_forecast": 10.0}}
    assert entries[-1].end_offset == path.stat().st_size
    assert [e.content["step"] for e in read_journal(path, start=entries[1].end_offset)] == [20]
    assert all(json.loads(line)["crc"] for line in path.read_text().splitlines())


def test_a_step_is_journalled_once(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, [10, 20, 30])
    first = path.read_bytes()
    write(path, [20, 30, 40])
    assert points(path) == {"loss": [10, 20, 30, 40], "loss_forecast": [10, 20, 30, 40]}
    assert path.read_bytes().startswith(first)


def test_a_journal_cut_at_any_byte_is_repaired_and_continued(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, [10, 20, 30])
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        n_whole = sum(end <= cut for end in ends)
        assert len(list(read_journal(path))) == n_whole
        write(path, [10, 20, 30])
        assert points(path) == {"loss": [10, 20, 30], "loss_forecast": [10, 20, 30]}, cut


def test_a_line_is_in_the_file_as_soon_as_it_is_journalled(tmp_path):
    """Whoever is killed in the next moment leaves it."""
    journal = Journal(tmp_path / "journal.jsonl")
    for steps in ([10], [10, 20], [10, 20, 30]):
        journal.metrics(steps[-1], {"loss": 1.0})
        assert points(journal.path) == {"loss": steps}
    journal.close()


def test_damage_before_the_last_line_is_an_error_that_names_the_place(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, [10, 20, 30])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"step":10', b'"step":11')
    path.write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=f"journal.jsonl: the journal is corrupt at byte {len(lines[0])}"):
        list(read_journal(path))
    with pytest.raises(ValueError, match="corrupt"):
        Journal(path)
    assert b"".join(lines) == path.read_bytes()


def test_every_flipped_bit_of_a_line_is_noticed():
    line = encode_line("metrics", 1_700_000_000_000, {"step": 3, "values": {"loss": 0.25}})
    assert decode_line(line) == ("metrics", 1_700_000_000_000, {"step": 3, "values": {"loss": 0.25}})
    for position in range(len(line) - 1):
        for bit in range(8):
            damaged = line[:position] + bytes([line[position] ^ (1 << bit)]) + line[position + 1 :]
            decoded = decode_line(damaged) if b"\n" not in damaged[:-1] else None
            # Hexadecimal digits of the checksum may change case, which changes nothing that it says.
            assert decoded is None or damaged.lower() == line.lower()


def test_the_last_state_is_remembered(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.last_status is None
    journal.state("running")
    journal.state("failed", "out of memory")
    journal.close()
    assert Journal(tmp_path / "journal.jsonl").last_status == "failed"


def test_not_finite_values_survive(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.metrics(1, {"loss": float("nan"), "rate": float("inf")})
    values = list(read_journal(journal.path))[0].content["values"]
    assert values["loss"] != values["loss"] and values["rate"] == float("inf")
