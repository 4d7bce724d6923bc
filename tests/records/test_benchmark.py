"""Rows of a benchmark: read as they were written, refused where they are damaged, and what follows from them."""

import json

import pytest

from pipeline_lib.records.benchmark import Spread, read_row, read_rows, write_row
from tests.records.benchmark_rows import measurement, row


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [row("a/b"), row("a/c", reason="out of memory")]
    for each in rows:
        write_row(tmp_path / f"{each.experiment}.json", each)
    assert read_rows(tmp_path) == rows
    assert read_rows(tmp_path / "none") == []


@pytest.mark.parametrize("change", [{"schema_version": 0}, {"measurement": {}}, {"identity": {}}, {"other": 1}])
def test_what_is_no_row_is_refused_by_name(tmp_path, change):
    path = tmp_path / "row.json"
    write_row(path, row())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"row\.json: no row of a benchmark .*; delete it and measure again"):
        read_row(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="no row of a benchmark"):
        read_row(path)


def test_rates_follow_from_medians():
    found = measurement()
    assert found.iterations_per_second == pytest.approx(10)
    assert found.frames_per_second == pytest.approx(8 * 15 * 10)
    assert found.evaluated_frames_per_second == pytest.approx(160)
    assert found.matmul_share("float32") == pytest.approx(0.1)
    assert found.matmul_share("bf16") == pytest.approx(0.025)
    assert found.matmul_share("fp16") is None
    assert found.optimiser_copy_share == pytest.approx(28e6 / 0.01 / 1e10)
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)
