"""Tables and picture of a benchmark."""

import csv
import io
from dataclasses import replace

import pytest

from pipeline_lib.reporting.benchmark_picture import draw, picture
from pipeline_lib.reporting.benchmark_tables import as_csv, as_markdown, short
from tests.records.benchmark_rows import measurement, row, spread

GPU = {"device": "a GPU", "device_type": "cuda", "git_commit": "fedcba9876543210"}
ROWS = [
    row(),
    row("taxibj/pde", measured="taxibj_sample/pde", found=measurement(others_share=0.4)),
    row("chairs/pde", identity=GPU, precision="bf16"),
    row("sst/pde", identity=GPU | {"quick": True}, reason="CUDA out of memory"),
]
BESIDE_PLAIN = row(found=measurement(plain_seconds=spread(0.25), plain_ratio=spread(2.5)))


def test_csv_has_everything_in_full_precision_and_failures_without_numbers():
    lines = list(csv.DictReader(io.StringIO(as_csv(ROWS))))
    assert [line["experiment"] for line in lines] == ["wave_eq_100/pde", "taxibj/pde", "chairs/pde", "sst/pde"]
    first, sample, gpu, failed = lines
    assert float(first["iterations_per_second"]) == 10 and float(first["frames_per_second"]) == 1200
    spread = [float(first[f"iteration_seconds{suffix}"]) for suffix in ("", "_least", "_most")]
    assert spread == pytest.approx([0.1, 0.09, 0.11])
    assert [float(first[f"{part}_seconds"]) for part in ("data", "forward", "backward")] == [0.02, 0.03, 0.04]
    assert float(first["share_of_matmul_rate"]) == pytest.approx(0.1)
    assert float(gpu["share_of_matmul_rate"]) == pytest.approx(0.025)
    assert (first["n_threads"], first["git_commit"], first["torch"]) == ("2", "0123456789abcdef", "2.9")
    assert (sample["measured"], sample["on_sample"], first["on_sample"]) == ("taxibj_sample/pde", "True", "False")
    assert (failed["status"], failed["reason"]) == ("failed", "CUDA out of memory")
    assert failed["iterations_per_second"] == ""
    assert set(csv.DictReader(io.StringIO(as_csv([ROWS[3]]))).fieldnames) < set(lines[0])
    assert float(first["made_frames_per_second"]) == pytest.approx(8000) and "plain_ratio" not in first
    (beside,) = csv.DictReader(io.StringIO(as_csv([BESIDE_PLAIN])))
    assert float(beside["plain_iteration_seconds"]) == 0.25 and float(beside["plain_ratio_most"]) == pytest.approx(2.75)


def test_markdown_says_what_was_measured_where_and_what_was_not():
    text = as_markdown(ROWS)
    cpu, gpu = text.split("\n## ")[1:]
    assert cpu.startswith("a processor, 2 cores\n") and gpu.startswith("a GPU\n")
    assert "commit 0123456789abcdef; 2030" in cpu and "PyTorch 2.9, Python 3.12, NumPy 2.3" in cpu
    assert "- matrix products in float32: 100 (90 – 110) GFLOP/s" in cpu
    assert "- copies within its memory: 10 (9 – 11) GB/s" in cpu
    (training,) = (line for line in cpu.splitlines() if line.startswith("| wave_eq_100/pde | 8 | float32 | 2 |"))
    cells = [cell.strip() for cell in training.strip("|").split("|")]
    assert cells[4:] == (
        ["100 (90 – 110)", "10", "1,200", "20", "30", "40", "10", "20.0%", "1", "10%", "28%", "300 MB"]
    )
    assert "| taxibj/pde (on sample) |" in cpu and "made-up data in the place of missing raw data" in cpu
    assert "taxibj/pde (on sample): other work had 40% of the processor" in cpu and "wave_eq_100/pde: other" not in cpu
    assert "- sst/pde: not measured, CUDA out of memory" in gpu and "| – |" in gpu and "2.50 GB" in gpu
    dirty = as_markdown([row(identity={"git_dirty": True})])
    assert "0123456789abcdef with uncommitted changes" in dirty


def test_markdown_has_the_plain_implementation_beside_ours_where_it_was_measured():
    assert "plain" not in as_markdown(ROWS)
    text = as_markdown([BESIDE_PLAIN, *ROWS])
    assert "| wave_eq_100/pde | 250 (225 – 275) | 2.5 (2.25 – 2.75) |" in text
    assert text.count("plain implementation") == 2


def test_a_share_of_several_processes_is_called_so():
    assert "| wave_eq_100/pde (one of 4 processes) | 8 |" in as_markdown([row(n_processes=4)])


def test_tables_of_failures_alone_can_be_read():
    text = as_markdown([ROWS[3]])
    assert "not measured" in text and "|" not in text


def test_the_picture_shows_every_configuration_with_its_parts_and_time(tmp_path):
    figure = picture(ROWS)
    cpu, gpu = figure.axes
    assert [label.get_text() for label in cpu.get_yticklabels()] == ["wave_eq_100/pde", "taxibj/pde (on sample)"]
    assert [label.get_text() for label in gpu.get_yticklabels()] == ["chairs/pde", "sst/pde (quick)"]
    assert [axes.get_title(loc="left") for axes in (cpu, gpu)] == ["a processor, 2 cores", "a GPU"]
    assert [text.get_text() for text in cpu.texts] == ["100 ms, 10/s"] * 2
    assert [text.get_text() for text in gpu.texts] == ["100 ms, 10/s", "not measured"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data", "forward", "backward", "optimiser"]
    widths = [bar.get_width() for bar in gpu.patches]
    assert widths == pytest.approx([0.2, 0.3, 0.4, 0.1])
    assert [text.get_text() for text in picture([BESIDE_PLAIN]).axes[0].texts] == ["100 ms, 10/s, 2.5 × plain"]
    files = {suffix: tmp_path / f"benchmark.{suffix}" for suffix in ("png", "pdf")}
    draw([replace(ROWS[0])], files)
    assert all(path.stat().st_size > 1000 for path in files.values())


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123456, "0.0123"), (1.2345, "1.23"), (99.94, "99.9"), (123.4, "123"), (12345, "12,300")]
)
def test_numbers_have_three_digits(value, text):
    assert short(value) == text
