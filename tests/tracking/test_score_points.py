"""What scores are called in the store: protocol, metric, number of frames and window set are all in the name."""

from pipeline_lib.tracking.run_folder import describe, horizon_points, score_points

METRICS = {
    "title": "PDE",
    "dataset": "moving_mnist",
    "data_source": "digits of MNIST",
    "n_pred_test": 4,
    "protocols": {
        "forecast": {
            "window_sets": {
                "all": {"n_windows": 50, "metrics": {"ssim_gauss11": {}, "mse_per_pixel": {}}},
                "published": {"n_windows": 20, "metrics": {"mse_per_pixel": {}}},
            }
        },
        "swap": {"window_sets": {"all": {"n_windows": 50, "metrics": {"ssim_gauss11": {}}}}},
    },
}
for number, of_set in enumerate(of for p in METRICS["protocols"].values() for of in p["window_sets"].values()):
    for of_metric in of_set["metrics"].values():
        mean = {"mean": number + 0.5, "std_over_windows": None}
        of_metric |= {**mean, "horizon": [number, 1, 2, 3], "at": {"2": {**mean, "mean": number + 0.25}, "4": mean}}


def test_every_score_has_a_name_of_its_own():
    points = score_points(METRICS, time_ms=7, main_only=False)
    assert {point.key: point.value for point in points} == {
        "test_ssim_gauss11_at_2": 0.25,
        "test_ssim_gauss11": 0.5,
        "test_mse_per_pixel_at_2": 0.25,
        "test_mse_per_pixel": 0.5,
        "test_mse_per_pixel_at_2_published": 1.25,
        "test_mse_per_pixel_published": 1.5,
        "test_swap_ssim_gauss11_at_2": 2.25,
        "test_swap_ssim_gauss11": 2.5,
    }
    assert len(points) == 8 and {(point.step, point.time_ms) for point in points} == {(0, 7)}
    main = {point.key for point in score_points(METRICS, 7, main_only=True)}
    assert main == {point.key for point in points if not point.key.endswith("_published")}


def test_each_protocol_has_its_curves_on_its_main_windows():
    points = horizon_points(METRICS, 7)
    assert sorted({point.key for point in points}) == [
        "test_mse_per_pixel_by_horizon",
        "test_ssim_gauss11_by_horizon",
        "test_swap_ssim_gauss11_by_horizon",
    ]
    swap = [(point.step, point.value) for point in points if "swap" in point.key]
    assert swap == [(1, 2.0), (2, 1.0), (3, 2.0), (4, 3.0)]


def test_the_note_says_what_each_name_means():
    note = describe(METRICS)
    assert "`test_swap_ssim_gauss11_at_2` of the content swap: mean over 2 predicted frames and 50 test windows" in note
    for point in [*score_points(METRICS, 0, False), *horizon_points(METRICS, 0)]:
        assert f"`{point.key}`" in note
