"""Figures: drawn from result files without torch, the same bytes from the same results, and other bytes from others."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
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
from pipeline_lib.reporting.frames import coloured, value_scale
from pipeline_lib.reporting.style import BASELINE_COLOURS, MODEL_COLOURS, model_colours
from tests.conftest import REPOSITORY
from tests.reporting.conftest import N_PRED_TEST, scores

SHAPES = {"vector": (1, 1, 64), "image": (1, 12, 16), "colour image": (3, 12, 16), "two channels": (2, 12, 16)}


def draw(figure: str, out: Path, *folders: Path) -> tuple[bytes, bytes]:
    """The PDF and the PNG."""
    pdf, png = out.with_suffix(".pdf"), out.with_suffix(".png")
    assert main(["draw", figure, "--out", str(pdf), str(png), "--run", *map(str, folders)]) == 0
    return pdf.read_bytes(), png.read_bytes()


def refusal(capsys, figure: str, out: Path, *folders: Path) -> str:
    """What `draw` says when it refuses; it leaves no file then."""
    files = [str(out / f"f.{suffix}") for suffix in FIGURES[figure].suffixes]
    assert main(["draw", figure, "--out", *files, "--run", *map(str, folders)]) == 1
    assert not list(out.glob("*f.*"))
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


@pytest.mark.parametrize(
    ("channels", "bars"), [(1, ["value", "forecast − truth"]), (3, ["forecast − truth, mean over colours"])]
)
def test_colours_that_are_no_values_have_no_bar_of_values(drawable, panels, channels, bars):
    drawn = panels("forecast", drawable(frame_shape=(channels, 12, 16)))
    assert [label for axes in drawn if (label := axes.get_xlabel())] == bars


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


def test_horizon_of_several_metrics_and_of_swaps(runs, tmp_path, panels):
    def protocols(mean):
        metrics = {
            "mse_per_pixel": scores(mean),
            "psnr_frame_mean": scores(20 * mean),
            "ssim_gauss11": scores(mean / 2),
        }
        return {"window_sets": {"all": {"n_windows": 24, "n_available": 24, "metrics": metrics}}}

    both = {"forecast": protocols(1.0), "swap": protocols(2.0)}
    folders = [
        runs("pde", 0, 1.0, protocols=both),
        runs("copy_last", None, 1.0, protocols={"forecast": protocols(3.0)}),
    ]
    drawn = panels("horizon", *folders)
    assert [axes.get_ylabel() for axes in drawn] == ["MSE per pixel", "PSNR [dB]", "SSIM"] * 2
    assert [axes.get_title(loc="left") for axes in drawn][::3] == [
        "forecast, all test windows (24)",
        "content swap, 24 items",
    ]
    lines = [{line.get_label(): line for line in axes.get_lines()} for axes in drawn]
    training = "training horizon, 20 frames"
    assert [set(of_axes) for of_axes in lines] == (
        [{"PDE (1 seed)", "Copy of the last frame", training}] * 3 + [{"PDE (1 seed)", training}] * 3
    )
    assert np.mean(lines[4]["PDE (1 seed)"].get_ydata()) == pytest.approx(40.0)
    assert set(lines[0][training].get_xdata()) == {20}


def test_horizon_leaves_perfect_frames_out_of_a_logarithmic_axis_and_spikes_out_of_others(runs, panels):
    of_metric = {name: scores(1.0) for name in ("mse_per_pixel", "psnr_frame_mean")}
    of_metric["mse_per_pixel"]["horizon"][7] = 0.0
    of_metric["psnr_frame_mean"]["horizon"][7] = 100.0
    sets = {"window_sets": {"all": {"n_windows": 24, "n_available": 24, "metrics": of_metric}}}
    mse, psnr = panels("horizon", runs("copy_last", None, 1.0, protocols={"forecast": sets}))
    assert np.isnan(mse.get_lines()[0].get_ydata()).tolist() == [k == 7 for k in range(N_PRED_TEST)]
    assert psnr.get_ylim()[1] < 3


@pytest.fixture
def panels(figures, tmp_path):
    """The axes of a figure, in their order."""

    def drawn(figure: str, *folders: Path):
        draw(figure, tmp_path / figure, *folders)
        return figures[-1].axes

    return drawn


def test_long_horizon_has_a_row_for_the_truth_and_each_model_models_first(drawable, panels, tmp_path):
    shape = (1, 12, 16)
    folders = [
        drawable("copy_last", None, frame_shape=shape, noise_seed=5),
        drawable("pde", 1, frame_shape=shape, noise_seed=1),
        drawable("pde", 0, frame_shape=shape),
    ]
    drawn = panels("long_horizon", *folders)
    assert [axes.get_title(loc="left") for axes in drawn] == [
        f"test video {video}, from frame {7 * video}" for video in (0, 2, 3)
    ]
    rows = [label.get_text() for label in drawn[0].get_yticklabels()]
    assert rows == ["truth", "PDE", "Copy of the last frame"]
    frames = [label.get_text() for label in drawn[0].get_xticklabels()]
    assert frames[:3] == ["t−1", "t", "t+1"] and {"t+10", "t+40"} <= set(frames)
    heading = drawn[0].figure.get_suptitle()
    assert "seed 0" in heading and "seed 1" not in heading
    of_both = draw("long_horizon", tmp_path / "both", *folders)
    assert draw("long_horizon", tmp_path / "first", folders[0], folders[2]) == of_both, "the first seed is shown"
    assert draw("long_horizon", tmp_path / "second", folders[0], folders[1]) != of_both


def test_windows_bear_the_names_that_their_dataset_has_for_them(drawable, panels):
    folder = drawable(frame_shape=(2, 12, 16))
    path = RunPaths(folder).predictions
    predictions = read_predictions(path)
    names = np.array([f"2016-03-1{k}, from 01:00 on".encode() for k in range(4)])
    write_predictions(path, replace(predictions, examples=replace(predictions.examples, name=names)))
    for figure in ("forecast", "long_horizon"):
        titles = [axes.get_title(loc="left") for axes in panels(figure, folder)]
        assert titles[:3] == [names[k].decode() for k in (0, 2, 3)], figure


def test_long_horizon_refuses_forecasts_of_different_windows(drawable, tmp_path, capsys):
    folders = [drawable("pde", 0, frame_shape=(1, 12, 16)), drawable("copy_last", None, frame_shape=(1, 12, 16))]
    path = RunPaths(folders[1]).predictions
    predictions = read_predictions(path)
    predictions.examples.window[1] += 1
    write_predictions(path, predictions)
    told = refusal(capsys, "long_horizon", tmp_path, *folders)
    assert "copy_last" in told and "pde" in told and "different windows (window differs)" in told


def test_swaps_show_what_is_swapped_what_became_of_it_and_the_truth(drawable, panels, tmp_path, capsys):
    folder = drawable(frame_shape=(1, 12, 16))
    drawn = panels("swap", folder)
    assert [axes.get_title(loc="left") for axes in drawn] == [f"item {n} of the swap test" for n in (0, 22, 33)]
    assert [label.get_text() for label in drawn[0].get_yticklabels()] == ["content", "motion", "swapped", "truth"]
    path = RunPaths(folder).predictions
    write_predictions(path, replace(read_predictions(path), swap=None))
    for figure in ("swap", "swap_animation"):
        assert "predictions.h5: holds no content swaps; add swap to" in refusal(capsys, figure, tmp_path, folder)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_of_swaps_has_motions_above_and_contents_to_the_left(drawable, panels, tmp_path, capsys, channels):
    folder = drawable(frame_shape=(channels, 12, 16))
    drawn = panels("swap_grid", folder)
    assert len(drawn) == 2, "a block for each motion"
    path = RunPaths(folder).predictions
    predictions = read_predictions(path)
    for k, axes in enumerate(drawn):
        assert [label.get_text() for label in axes.get_yticklabels()] == ["motion", "swapped", "swapped", "swapped"]
        frames = [label.get_text() for label in axes.get_xticklabels()]
        assert frames[:2] == ["content", "t+1"] and frames[-1] == "t+40"
        tiles = tiles_of(axes, height=12, width=16)
        assert (tiles[0][0] == 0).all(), "above the contents there is nothing"
        scale = value_scale(predictions.swap_grid.content, predictions.swap_grid.motion)
        shown = [predictions.swap_grid.motion[k, 5:], *predictions.swap_grid.prediction[:, k]]
        for row, frames in enumerate(shown):
            for column, number in ((1, 0), (-1, 39)):
                expected = coloured(frames[[number]], scale, "viridis")[0]
                np.testing.assert_array_equal(tiles[row][column], expected)
        for row, content in enumerate(predictions.swap_grid.content):
            np.testing.assert_array_equal(tiles[row + 1][0], coloured(content[-1:], scale, "viridis")[0])
    write_predictions(path, replace(predictions, swap_grid=None))
    assert "predictions.h5: holds no grid of content swaps; add swap to" in refusal(
        capsys, "swap_grid", tmp_path, folder
    )


def tiles_of(axes, height: int, width: int) -> list[list[np.ndarray]]:
    """The frames of a montage by row and column, found by the places of its labels."""
    canvas = np.asarray(axes.images[0].get_array())
    tops = [round(tick - height / 2 + 0.5) for tick in axes.get_yticks()]
    lefts = [round(tick - width / 2 + 0.5) for tick in axes.get_xticks()]
    return [[canvas[top : top + height, left : left + width] for left in lefts] for top in tops]


@pytest.mark.parametrize(
    "names", [["f.svg"], ["f.png", "g.png"], ["f.pdf", "f"]], ids=["unknown", "twice", "no suffix"]
)
def test_files_that_a_figure_does_not_have_are_refused(drawable, tmp_path, capsys, names):
    files = [str(tmp_path / name) for name in names]
    assert main(["draw", "forecast", "--out", *files, "--run", str(drawable())]) == 1
    assert "the figure forecast is written as png and pdf, one file each" in capsys.readouterr().err
    assert not any((tmp_path / name).exists() for name in names)


def test_one_form_of_a_figure_can_be_asked_for_alone(drawable, tmp_path):
    folder = drawable()
    _, png = draw("forecast", tmp_path / "both", folder)
    assert main(["draw", "forecast", "--out", str(tmp_path / "one.png"), "--run", str(folder)]) == 0
    assert (tmp_path / "one.png").read_bytes() == png


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
    folder = drawable(frame_shape=(1, 12, 16))
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # an import of it fails from here on
        "from pipeline_lib.cli import main\n"
        "from pipeline_lib.config.registry import FIGURES\n"
        "codes = [main(['draw', name, '--out', *(f'{name}.{s}' for s in figure.suffixes), '--run', sys.argv[1]])\n"
        "         for name, figure in FIGURES.items()]\n"
        "sys.exit(max(codes))\n"
    )
    (tmp_path / "matplotlibrc").write_text("font.size: 25\naxes.labelweight: bold\nfigure.facecolor: yellow\n")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", program, str(folder)]
    outcome = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stderr
    for name, figure in FIGURES.items():
        here = [tmp_path / f"here_{name}.{suffix}" for suffix in figure.suffixes]
        assert main(["draw", name, "--out", *map(str, here), "--run", str(folder)]) == 0
        there = [tmp_path / f"{name}.{suffix}" for suffix in figure.suffixes]
        assert [digest(file) for file in here] == [digest(file) for file in there]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
