"""Label metrics are scikit-learn's, equal scores included, and None where there is nothing to take them of."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score, roc_auc_score

from pipeline_lib.metrics.component_gain import component_gain
from pipeline_lib.metrics.labels import auroc, balanced_accuracy, precision_missing, recall_missing


@pytest.mark.parametrize("n_levels", [2, 5, 10_000])
def test_they_are_those_of_scikit_learn(n_levels):
    random = np.random.default_rng(n_levels)
    missing = random.uniform(size=500) < 0.2
    score = np.floor(n_levels * random.uniform(size=500) ** np.where(missing, 0.7, 1)).astype(np.float32) / n_levels
    judged = score > 0.4
    found = [metric(missing, judged, score) for metric in (balanced_accuracy, auroc, precision_missing, recall_missing)]
    expected = [balanced_accuracy_score(missing, judged), roc_auc_score(missing, score)]
    expected += [precision_score(missing, judged), recall_score(missing, judged)]
    assert found == pytest.approx(expected, abs=1e-12)
    assert all(type(value) is float for value in found)


def test_equal_scores_for_all_are_a_guess():
    missing = np.array([True, False, False])
    assert auroc(missing, missing, np.zeros(3)) == 0.5


def test_without_anything_missing_only_precision_is_known():
    missing, judged = np.zeros(4, bool), np.array([True, False, False, False])
    found = [m(missing, judged, np.arange(4.0)) for m in (balanced_accuracy, auroc, precision_missing, recall_missing)]
    assert found == [None, None, 0.0, None]


def test_where_all_is_judged_visible_there_is_no_precision():
    missing, judged = np.array([True, False, False, False]), np.zeros(4, bool)
    found = [m(missing, judged, np.zeros(4)) for m in (balanced_accuracy, auroc, precision_missing, recall_missing)]
    assert found == [0.5, 0.5, None, 0.0]


def test_where_all_is_missing_there_is_no_balance():
    missing = np.ones(3, bool)
    assert balanced_accuracy(missing, missing, np.ones(3)) is None and auroc(missing, missing, np.ones(3)) is None
    assert precision_missing(missing, missing, np.ones(3)) == recall_missing(missing, missing, np.ones(3)) == 1.0


def test_components_without_an_error_have_no_gain():
    assert component_gain(3.0, 1.5) == 2.0 and component_gain(3.0, 0.0) is None
