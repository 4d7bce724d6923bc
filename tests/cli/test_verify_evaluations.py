"""What `evaluate` leaves passes `verify`'s recomputation, protocol by protocol; a changed frame of any does not."""

import dataclasses

import numpy as np
import pytest

from pipeline_lib.cli import main
from pipeline_lib.cli.run_findings import AVERAGED
from pipeline_lib.evaluation.stored_examples import check_examples
from pipeline_lib.records.files import read_metrics
from pipeline_lib.records.predictions import read_predictions
from pipeline_lib.records.recomputed import disagreements
from tests.cli import test_evaluate_dive as dive
from tests.cli import test_evaluate_swap as swap
from tests.data import missing_digits


def check(paths):
    """Content of the two files, after both recomputations agreed with them; how many scores examples gave."""
    record, predictions = read_metrics(paths.metrics), read_predictions(paths.predictions)
    wrong, n_scores = disagreements(record, predictions.per_window, AVERAGED)
    assert wrong == [] and n_scores > 0
    found = check_examples(predictions, record)
    assert found.wrong == ()
    return record, predictions, found.n_agreeing


def spoilt(parts, **pixels):
    """The parts with one value changed of each of these."""
    changed = {name: getattr(parts, name).copy() for name in pixels}
    for name, pixel in pixels.items():
        changed[name][pixel] += 10
    return dataclasses.replace(parts, **changed)


def test_forecasts_and_swaps_over_several_horizons(finished_run, tmp_path):
    test_file = swap.prepare(tmp_path / "data", 3, swap.N_COND + swap.N_PRED)
    described = swap.experiment(swap.N_COND + swap.N_PRED, swap.N_PRED, horizons=[2], n_examples=2)
    paths, _ = finished_run(described, frame_shape=(1, 64, 64))
    assert main(["evaluate", "--run-dir", str(paths.folder), "--test-file", str(test_file)]) == 0
    record, predictions, n_agreeing = check(paths)
    # Three metrics of two forecasts, and of two swaps the first alone, whose best truth is stored.
    assert n_agreeing == 3 * 2 + 2
    wrong = dataclasses.replace(predictions, swap=spoilt(predictions.swap, prediction=(1, 0, 0, 30, 30)))
    (said,) = check_examples(wrong, record).wrong
    assert said.startswith(f"swap, all windows, mse_per_pixel: window {predictions.swap.item[1]} is recorded with")
    wrong = dataclasses.replace(predictions, examples=spoilt(predictions.examples, truth=(0, 1, 0, 30, 30)))
    assert len(check_examples(wrong, record).wrong) == 3


@pytest.mark.parametrize("scenario", ["occlusion, as published", "out of scene"])
def test_reconstructions_and_imputations_of_rows_and_frames_that_count(finished_run, tmp_path, scenario):
    described = dive.experiment(scenario, n_videos=4, n_examples=2)
    folder = missing_digits.prepare(tmp_path / "data", described.dataset)
    paths, _ = finished_run(described, 0, frame_shape=(1, 64, 64))
    assert main(["evaluate", "--run-dir", str(paths.folder), "--test-file", str(folder / "test.h5")]) == 0
    record, predictions, n_agreeing = check(paths)
    n_protocols = 5 if described.dataset.visible_rows else 3
    assert n_agreeing == n_protocols * len(dive.FRAMES) * len(predictions.decomposition.window)
    parts = spoilt(predictions.decomposition, reconstruction=(0, 0, 0, 40, 40))
    wrong = check_examples(dataclasses.replace(predictions, decomposition=parts), record).wrong
    assert wrong and {said.split(",")[0] for said in wrong} <= {"reconstruction", "whole_reconstruction"}
    counted = np.argwhere(predictions.decomposition.missing.any(axis=2))
    if len(counted):
        parts = spoilt(predictions.decomposition, imputation=(*counted[0], 0, 40, 40))
        wrong = check_examples(dataclasses.replace(predictions, decomposition=parts), record).wrong
        assert wrong and {said.split(",")[0] for said in wrong} == {"imputation"}
