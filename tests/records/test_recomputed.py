"""Means and deviations computed again from windows: what agrees, what cannot be told, what is wrong."""

import copy

import numpy as np
import pytest

from pipeline_lib.records.recomputed import agree, disagreements

VALUES = np.array([1.0, 3.0, np.nan, 8.0])
RECORD = {
    "n_cond": 2,
    "n_pred_test": 2,
    "protocols": {
        "imputation": {
            "window_sets": {
                "all": {
                    "n_windows": 4,
                    "n_available": 9,
                    "counted": {"n_windows": 3, "n_frames": 5},
                    "metrics": {
                        "psnr_video": {
                            "mean": 4.0,
                            "std_over_windows": float(np.std([1, 3, 8], ddof=1)),
                            "horizon": [None, 3.0],
                            "at": {},
                        }
                    },
                }
            }
        },
        "missingness": {
            "window_sets": {
                "all": {
                    "n_windows": 4,
                    "n_available": 9,
                    "metrics": {"auroc": {"mean": None, "std_over_windows": None, "at": {}}},
                }
            }
        },
    },
}


def found(change=lambda of_set: None, values=VALUES, averaged=("psnr_video",)):
    record = copy.deepcopy(RECORD)
    change(record["protocols"]["imputation"]["window_sets"]["all"])
    return disagreements(record, {"imputation": {"all": {"psnr_video": values}}}, averaged)


def test_windows_that_do_not_count_and_numbers_of_a_whole_set_are_no_disagreement():
    assert found() == ([], 1)


def test_windows_that_come_to_count_are_told():
    (said,), n_agreeing = found(values=np.nan_to_num(VALUES))
    assert said == "imputation, all windows, psnr_video: 3 windows are recorded to count, 4 have a value"
    assert n_agreeing == 0
    assert "of shape (3,)" in found(values=VALUES[:3])[0][0]
    assert "of shape (2, 2)" in found(values=VALUES.reshape(2, 2))[0][0]
    nothing = np.full(4, np.nan)
    assert "no window counts" in found(lambda s: s["counted"].update(n_windows=0), nothing)[0][0]


def test_the_horizon_is_compared_where_all_frames_count_and_scores_are_averaged():
    def all_count(of_set):
        del of_set["counted"]
        of_set["n_windows"] = 3
        of_set["metrics"]["psnr_video"]["horizon"] = [4.0, 4.1]

    values = VALUES[~np.isnan(VALUES)]
    assert found(all_count, values, averaged=()) == ([], 1)
    ((said,), _) = found(all_count, values)
    assert "the mean over 2 frames is recorded as 4.0, the horizon gives 4.05" in said


@pytest.mark.parametrize(
    ("recorded", "ours", "scale", "same"),
    [
        (1.0, 1.0 + 1e-12, 0.0, True),
        (1.0, 1.0 + 1e-7, 0.0, False),
        (1e-13, 0.0, 1.0, True),
        (None, None, 0.0, True),
        (None, 1.0, 0.0, False),
        (0.0, None, 0.0, False),
        (float("nan"), 1.0, 0.0, False),
    ],
)
def test_numbers_agree_but_for_the_order_of_sums(recorded, ours, scale, same):
    assert agree(recorded, ours, scale) is same
