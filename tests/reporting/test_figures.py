"""Figures: drawn from result files without torch, the same bytes from the same results, and other bytes from others."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.image
import numpy as np
import pytest

from pipeline_lib.cli import main
from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.registry import FIGURES
from pipeline_lib.records.predictions import read_predictions, write_predictions
from pipeline_lib.reporting.figures.forecast import _frame_ticks, _pixel_order
from pipeline_lib.reporting.style import BASELINE_COLOURS, MODEL_COLOURS, model_colours
from tests.conftest import REPOSITORY

SHAPES = {"vector": (1, 1, 64), "image": (1, 12, 16), "colour image": (3, 12, 16), "two channels": (2, 12, 16)}


def draw(figure: str, out: Path, *folders: Path) -> tuple[bytes, bytes]:
    """The PDF and the PNG."""
    pdf, png = out.with_suffix(".pdf"), out.with_suffix(".png")
    arguments = ["draw", figure, "--out-pdf", str(pdf), "--out-png", str(png), "--run", *map(str, folders)]
    assert main(arguments) == 0
    return pdf.read_bytes(), png.read_bytes()


def refusal(capsys, figure: str, out: Path, *folders: Path) -> str:
    """What `draw` says when it refuses; it leaves no file then."""
    arguments = ["--out-pdf", str(out / "f.pdf"), "--out-png", str(out / "f.png"), "--run", *map(str, folders)]
    assert main(["draw", figure, *arguments]) == 1
    assert not list(out.glob("*f.p*"))
    return capsys.readouterr().err


def assert_is_a_figure(pdf: bytes, png_path: Path) -> None:
    assert pdf.startswith(b"%PDF-") and b"%%EOF" in pdf[-20:]
    assert b"CreationDate" not in pdf and b"atplotlib" not in pdf[-2000:]
    pixels = matplotlib.image.imread(png_path)
    assert pixels.shape[1] == 1400 and pixels.shape[0] > 400
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2])[::97], axis=0)) > 10, "more than an empty page"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_forecast_of_vectors_and_of_images(drawable, tmp_path, shape):
    pdf, _ = draw("forecast", tmp_path / "one", drawable(frame_shape=shape))
    assert_is_a_figure(pdf, tmp_path / "one.png")


def test_another_forecast_is_another_figure(drawable, tmp_path):
    folder = drawable()
    before = draw("forecast", tmp_path / "one", folder)
    path = RunPaths(folder).predictions
    predictions = read_predictions(path)
    predictions.examples.prediction[0, 0] += 0.2
    write_predictions(path, predictions)
    after = draw("forecast", tmp_path / "changed", folder)
    assert after[0] != before[0] and after[1] != before[1]


def test_horizon_over_seeds_and_baselines(drawable, runs, tmp_path):
    folders = [drawable("pde", 0, 1e-3), drawable("pde", 1, 2e-3), runs("copy_last", None, 2e-2)]
    before = draw("horizon", tmp_path / "one", *folders)
    assert_is_a_figure(before[0], tmp_path / "one.png")
    after = draw("horizon", tmp_path / "fewer", *folders[1:])
    assert after[0] != before[0] and after[1] != before[1]


def test_horizon_does_not_mix_what_differs(drawable, runs, tmp_path, capsys):
    folders = [drawable("pde", 0), runs("pde", 1, 1e-3, iterations=10)]
    assert "must not be averaged: iterations 18750 / 10" in refusal(capsys, "horizon", tmp_path, *folders)


def test_loss_curves(drawable, tmp_path, capsys):
    folder = drawable()
    before = draw("loss_curves", tmp_path / "one", folder)
    assert_is_a_figure(before[0], tmp_path / "one.png")
    journal = RunPaths(folder).journal
    whole = journal.read_bytes()
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:20]))
    after = draw("loss_curves", tmp_path / "shorter", folder)
    assert after[0] != before[0] and after[1] != before[1]
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:1]))
    assert "holds no losses" in refusal(capsys, "loss_curves", tmp_path, folder)
    journal.unlink()
    assert "journal.jsonl: does not exist" in refusal(capsys, "loss_curves", tmp_path, folder)


def test_a_figure_of_one_run_takes_one_run_that_is_evaluated(drawable, tmp_path, capsys):
    folders = [drawable("pde", 0), drawable("pde", 1)]
    assert "the figure forecast shows one run, 2 are given" in refusal(capsys, "forecast", tmp_path, *folders)
    RunPaths(folders[0]).predictions.unlink()
    assert "predictions.h5: does not exist" in refusal(capsys, "forecast", tmp_path, folders[0])


def test_another_process_without_torch_and_with_another_style_draws_the_same_bytes(drawable, tmp_path):
    folder = drawable()
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # an import of it fails from here on
        "from pipeline_lib.cli import main\n"
        "codes = [main(['draw', f, '--out-pdf', f'{f}.pdf', '--out-png', f'{f}.png', '--run', sys.argv[1]])\n"
        "         for f in sys.argv[2:]]\n"
        "sys.exit(max(codes))\n"
    )
    (tmp_path / "matplotlibrc").write_text("font.size: 25\naxes.labelweight: bold\nfigure.facecolor: yellow\n")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", program, str(folder), *FIGURES]
    outcome = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stderr
    for figure in FIGURES:
        here = draw(figure, tmp_path / f"here_{figure}", folder)
        there = tuple((tmp_path / f"{figure}.{suffix}").read_bytes() for suffix in ("pdf", "png"))
        assert [hashlib.sha256(file).hexdigest() for file in here] == [hashlib.sha256(f).hexdigest() for f in there]


def test_every_model_keeps_its_colour():
    some, others = model_colours(["pde", "copy_last"]), model_colours(["new", "pde_no_s", "pde", "newer"])
    assert some["pde"] == others["pde"] == MODEL_COLOURS["pde"]
    assert some["copy_last"] == BASELINE_COLOURS["copy_last"]
    assert len({others[name] for name in ("new", "newer", "pde", "pde_no_s")}) == 4


def test_pixels_are_ordered_from_the_middle_where_their_places_are_known():
    facts = {"pixel_rows": np.array([0, 4, 2, 2]), "pixel_columns": np.array([0, 4, 2, 3])}
    order, label = _pixel_order(facts, 4)
    assert order.tolist() == [2, 3, 0, 1] and "middle" in label
    assert _pixel_order({}, 3)[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("n_pred", "ticks"), [(1, [1]), (4, [1, 2, 3, 4]), (20, [1, 5, 10, 15, 20]), (40, [1, 10, 20, 30, 40])]
)
def test_frame_ticks_name_the_first_and_the_last_frame(n_pred, ticks):
    assert _frame_ticks(n_pred) == ticks
