"""One pass over the windows gives what plain loops over videos, frames and objects give, protocol by protocol."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score, roc_auc_score

from pipeline_lib.config.registry import METRICS, load
from pipeline_lib.evaluation.decomposition import Metrics, score_decompositions
from pipeline_lib.evaluation.forecast import score_forecasts
from pipeline_lib.evaluation.scoring import Metric
from pipeline_lib.models.baselines import CopyLast
from pipeline_lib.models.copy_neighbour import CopyNeighbour
from tests.evaluation.toy_decomposer import N_COND, N_PRED, SHAPE, KnownWindows, ToyDecomposer
from tests.reference import decomposition_evaluation as reference

CPU = torch.device("cpu")
FRAMES = ("bce_frame_sum", "mse_frame_sum", "psnr_video", "ssim_video")
LABELS = ("balanced_accuracy", "auroc", "precision_missing", "recall_missing")
ALL = ("reconstruction", "imputation", "missingness")


def metrics(frames=FRAMES) -> Metrics:
    def metric(name: str) -> Metric:
        entry = METRICS[name]
        of_mean = {"of_mean": load(entry.of_mean)} if entry.of_mean else {}
        return Metric(load(entry.function), entry.direction, **of_mean)

    return Metrics(
        {name: metric(name) for name in frames},
        {"nelbo": load(METRICS["nelbo"].function)},
        {name: load(METRICS[name].function) for name in LABELS},
    )


def score(windows, model=None, protocols=ALL, batch_size=4, sets=None, found=None, **options):
    sets = sets or {"all": np.arange(windows.n_windows)}
    model = model or ToyDecomposer()
    return score_decompositions(
        model, windows, N_COND, N_PRED, found or metrics(), sets, protocols, batch_size, 3, CPU, **options
    )


def plainly(windows: KnownWindows, model: ToyDecomposer) -> list[reference.Found]:
    """Video by video."""
    found = []
    with torch.inference_mode():
        for video in windows.video:
            one = model.eval().decompose(torch.from_numpy(video[None, :N_COND]), N_PRED)
            parts = (one.reconstruction_BTCHW, one.imputation_BTCHW, one.forecast_BTCHW, one.components_BTKCHW)
            rest = (one.pose_BTK3, one.visibility_BTK, one.visible_BTK)
            found.append(reference.Found(*(part[0].numpy() for part in (*parts, *rest))))
    return found


def assert_means(scores, expected: list[dict[str, float] | None], ids) -> None:
    """Window by window; None for one that does not count."""
    for name in FRAMES:
        wanted = np.array([np.nan if expected[k] is None else expected[k][name] for k in ids])
        np.testing.assert_allclose(scores[name].per_window, wanted, rtol=2e-5, err_msg=name)
        summary, counted = scores[name].summary(), wanted[~np.isnan(wanted)]
        assert summary["mean"] == pytest.approx(counted.mean(), rel=2e-5)
        assert summary["std_over_windows"] == pytest.approx(counted.std(ddof=1), rel=1e-3)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("rows", [None, (6, 12)])
def test_frames_are_scored_as_plain_loops_do(batch_size, rows):
    windows, sets = KnownWindows(missing=0.3), {"all": np.arange(9), "few": np.array([0, 3, 4, 6, 7, 8])}
    found = score(windows, batch_size=batch_size, sets=sets, visible_rows=rows, horizons=(2,))
    complete, video = windows.truth["complete"], windows.video
    plain, missing = plainly(windows, ToyDecomposer()), windows.truth["missing"][:, :N_COND].any(axis=2)
    seen = slice(*rows) if rows else slice(None)
    every, later = list(range(N_COND)), list(range(N_PRED))

    def cut(frames):
        return frames[..., seen, :]

    expected = {
        "reconstruction": [
            reference.scores(cut(p.reconstruction), cut(complete[k]), every) for k, p in enumerate(plain)
        ],
        "imputation": [
            reference.scores(p.imputation, complete[k], np.flatnonzero(missing[k])) if missing[k].any() else None
            for k, p in enumerate(plain)
        ],
        "forecast": [reference.scores(cut(p.forecast), cut(video[k, N_COND:]), later) for k, p in enumerate(plain)],
        "first": [reference.scores(cut(p.forecast), cut(video[k, N_COND:]), later[:2]) for k, p in enumerate(plain)],
    }
    assert expected["imputation"][0] is None and missing.sum() > 5
    if rows:
        expected["whole_reconstruction"] = [
            reference.scores(p.reconstruction, complete[k], every) for k, p in enumerate(plain)
        ]
        whole = [reference.scores(p.forecast, complete[k, N_COND:], later) for k, p in enumerate(plain)]
    assert set(found.scores) == {*expected, "missingness"} - {"forecast", "first"}
    for name, ids in sets.items():
        for protocol in set(found.scores) - {"missingness"}:
            assert_means(found.scores[protocol][name], expected[protocol], ids)
        assert_means(found.forecasts.scores[name], expected["forecast"], ids)
        for metric in FRAMES:
            wanted = [expected["first"][k][metric] for k in ids]
            np.testing.assert_allclose(found.forecasts.scores[name][metric].at[2], wanted, rtol=2e-5)
        nelbo = found.scores["reconstruction"][name]["nelbo"]
        np.testing.assert_allclose(nelbo.per_window, (video**2).mean(axis=(1, 2, 3, 4))[ids] - 0.5, rtol=1e-5)
        assert "horizon" not in nelbo.summary()
        if rows:
            assert_means(found.forecasts.whole_scores[name], whole, ids)
    assert bool(found.forecasts.whole_scores) == bool(rows)


def test_curves_are_of_single_frames_and_of_windows_in_which_they_count():
    windows = KnownWindows()
    windows.truth["missing"][:, 2] = False
    plain, complete = plainly(windows, ToyDecomposer()), windows.truth["complete"]
    missing = windows.truth["missing"][:, :N_COND].any(axis=2)
    scores = score(windows).scores
    for name in FRAMES:
        horizon = scores["imputation"]["all"][name].summary()["horizon"]
        assert horizon[2] is None and len(horizon) == N_COND
        for t in (0, 1, 3):
            values = [
                reference.scores(plain[k].imputation, complete[k], [t])[name] for k in np.flatnonzero(missing[:, t])
            ]
            assert horizon[t] == pytest.approx(np.mean(values), rel=2e-5)
        of_all = [reference.scores(p.reconstruction, complete[k], [1])[name] for k, p in enumerate(plain)]
        assert scores["reconstruction"]["all"][name].horizon[1] == pytest.approx(np.mean(of_all), rel=2e-5)
    np.testing.assert_array_equal(scores["imputation"]["all"]["psnr_video"].n_counted, missing.sum(axis=0))
    assert scores["reconstruction"]["all"]["psnr_video"].n_counted is None


@pytest.mark.parametrize(("n_components", "n_objects"), [(1, 1), (2, 2), (3, 3), (3, 2), (2, 1)])
def test_labels_and_components_are_those_of_the_nearest_objects(n_components, n_objects):
    windows, model = KnownWindows(20, n_objects), ToyDecomposer(n_components)
    sets = {"all": np.arange(20), "few": np.arange(3, 15, 2)}
    found, plain = score(windows, model, sets=sets), plainly(windows, model)
    truth = {name: values[:, :N_COND] for name, values in windows.truth.items()}
    orders = [
        reference.order_of(p, truth["centre"][k], truth["missing"][k], N_COND)[:n_objects] for k, p in enumerate(plain)
    ]
    assert n_components == 1 or len({tuple(order) for order in orders}) > 1
    for name, ids in sets.items():
        missing = truth["missing"][ids].ravel()
        judged = ~np.stack([plain[k].visible[:, orders[k]] for k in ids]).ravel()
        visibility = np.stack([plain[k].visibility[:, orders[k]] for k in ids]).ravel()
        assert len(np.unique(visibility)) < len(visibility) / 2, "equal scores"
        of_set = {metric: scores.value for metric, scores in found.scores["missingness"][name].items()}
        assert of_set.pop("component_gain") == pytest.approx(
            reference.gain(
                [plain[k].component[:N_COND, [*orders[k], *set(range(n_components)) - set(orders[k])]] for k in ids],
                [truth["component"][k] for k in ids],
            ),
            rel=1e-5,
        )
        assert of_set == pytest.approx(
            {
                "balanced_accuracy": balanced_accuracy_score(missing, judged),
                "auroc": roc_auc_score(missing, -visibility),
                "precision_missing": precision_score(missing, judged),
                "recall_missing": recall_score(missing, judged),
            }
        )


def test_where_whole_frames_are_blanked_every_object_must_be_judged_missing():
    windows, model = KnownWindows(40, n_objects=1, knows_objects=False), ToyDecomposer(2)
    found = {name: s.value for name, s in score(windows, model).scores["missingness"]["all"].items()}
    plain, missing = plainly(windows, model), windows.truth["missing"][:, :N_COND].ravel()
    judged = np.concatenate([~p.visible.any(axis=1) for p in plain])
    assert set(found) == set(LABELS) and judged.any()
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(missing, judged))
    scores = -np.concatenate([p.visibility.max(axis=1) for p in plain])
    assert found["auroc"] == pytest.approx(roc_auc_score(missing, scores))


def test_examples_are_in_the_order_of_the_true_objects():
    windows, model = KnownWindows(20), ToyDecomposer(3)
    examples, plain = score(windows, model).examples, plainly(windows, model)
    assert len(examples.window) == 3 and (np.diff(examples.window) > 0).all()
    for k, number in enumerate(examples.window):
        truth, one = {name: values[number] for name, values in windows.truth.items()}, plain[number]
        order = reference.order_of(one, truth["centre"], truth["missing"], N_COND)
        np.testing.assert_array_equal(examples.observed[k], windows.video[number, :N_COND])
        np.testing.assert_array_equal(examples.complete[k], truth["complete"])
        np.testing.assert_array_equal(examples.missing[k], truth["missing"][:N_COND])
        np.testing.assert_allclose(examples.component[k], one.component[:, order], rtol=1e-6)
        np.testing.assert_array_equal(examples.visible[k], one.visible[:, order])
        np.testing.assert_allclose(examples.visibility[k], one.visibility[:, order], rtol=1e-6)
        for name in ("reconstruction", "imputation", "forecast"):
            np.testing.assert_allclose(getattr(examples, name)[k], getattr(one, name), rtol=1e-6)
        boxes = [[reference.box(pose, *SHAPE[1:]) for pose in of_frame[order]] for of_frame in one.pose]
        np.testing.assert_allclose(examples.box[k], boxes, rtol=1e-4, atol=1e-5)


def test_forecasts_are_those_of_the_forecast_protocol():
    windows, sets = KnownWindows(), {"all": np.arange(9)}
    alone = score_forecasts(ToyDecomposer(), windows, N_COND, N_PRED, metrics().frames, sets, 4, 3, CPU, (2,))
    beside = score(windows, horizons=(2,)).forecasts
    for name in FRAMES:
        of_both = [each.scores["all"][name] for each in (alone, beside)]
        np.testing.assert_allclose(of_both[0].per_window, of_both[1].per_window, rtol=1e-6)
        np.testing.assert_allclose(of_both[0].at[2], of_both[1].at[2], rtol=1e-6)
    np.testing.assert_array_equal(alone.example_ids, beside.example_ids)
    np.testing.assert_allclose(alone.prediction, beside.prediction, rtol=1e-6)


def test_a_baseline_that_fills_frames_in_has_imputations_and_forecasts():
    windows = KnownWindows()
    found = score(windows, CopyNeighbour(), protocols=("imputation",), found=replace(metrics(), videos={}))
    missing = windows.truth["missing"][:, :N_COND].any(axis=2)
    expected, later = [], []
    for k, video in enumerate(windows.video):
        whole = np.flatnonzero(~missing[k])
        nearest = [min(whole, key=lambda s: (abs(s - t), s)) if len(whole) else t for t in range(N_COND)]
        last = video[whole[-1]] if len(whole) else video[N_COND - 1]
        frames = np.flatnonzero(missing[k])
        expected.append(reference.scores(video[nearest], windows.truth["complete"][k], frames) if len(frames) else None)
        later.append(reference.scores(np.repeat(last[None], N_PRED, 0), video[N_COND:], list(range(N_PRED))))
    assert_means(found.scores["imputation"]["all"], expected, range(9))
    assert_means(found.forecasts.scores["all"], later, range(9))
    assert found.examples is None and set(found.scores) == {"imputation"}


def test_nothing_missing_is_no_imputation():
    windows = KnownWindows(missing=0.0)
    with pytest.raises(ValueError, match="nothing is missing in the input frames of the all windows"):
        score(windows)
    of_set = score(windows, protocols=("reconstruction", "missingness")).scores["missingness"]["all"]
    assert {name for name, scores in of_set.items() if scores.value is None} == {
        "balanced_accuracy",
        "auroc",
        "recall_missing",
    }


def test_fewer_components_than_objects_cannot_be_matched():
    with pytest.raises(ValueError, match="apart into 1 objects, the test videos have 2: .* set model.n_components"):
        score(KnownWindows(), ToyDecomposer(1))


def test_a_model_that_takes_nothing_apart_is_refused():
    with pytest.raises(ValueError, match="CopyLast neither takes videos apart nor fills frames in: leave imputation"):
        score(KnownWindows(), CopyLast(), protocols=("imputation",))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("imputation_BTCHW", "the imputation of test window 6 is not finite"),
        ("pose_BTK3", "the pose of test window 6 is not finite"),
    ],
)
def test_what_is_not_finite_names_its_window(part, message):
    windows = KnownWindows()

    class Breaks(ToyDecomposer):
        def decompose(self, cond_BTCHW, n_pred):
            found = super().decompose(cond_BTCHW, n_pred)
            values = getattr(found, part).clone()
            values[cond_BTCHW[:, 0, 0, 0, 0] == float(windows.video[6, 0, 0, 0, 0])] = torch.nan
            return replace(found, **{part: values})

    with pytest.raises(ValueError, match=message):
        score(windows, Breaks())


def test_a_pass_takes_no_more_windows_than_memory_allows(monkeypatch):
    """Of a window: 7 frames, as many complete ones, 14 of components, and as much again of what the model makes."""
    windows = KnownWindows()
    monkeypatch.setattr("pipeline_lib.evaluation.scoring.VALUES_PER_PASS", 3 * 58 * 144)
    score(windows, batch_size=100)
    assert max(windows.sizes) == 3
