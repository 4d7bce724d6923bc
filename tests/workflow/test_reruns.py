"""What runs again after an edit, and what does not: seen in dry runs on finished results."""

import os
from collections import Counter
from contextlib import ExitStack

COMMENT = {".py": '# a comment\n"""A string that stands for itself."""\n', ".smk": "# a comment\n"}
RESULTS_OF_A_RUN = Counter(evaluate=1, draw_forecast=1, draw_loss_curves=1)


def times(count: int, counts: Counter[str]) -> Counter[str]:
    return Counter({rule: count * n for rule, n in counts.items()})


def test_nothing_runs_again_after_touches_comments_and_settings_that_change_no_number(finished):
    code = [*(finished.folder / "pipeline_lib").rglob("*.py"), *(finished.folder / "workflow").rglob("*.smk")]
    inputs = list((finished.folder / "data").rglob("*.h5"))
    assert min(path.stat().st_size for path in inputs) > 1_000_000
    with ExitStack() as edits:
        for path in code:
            edits.enter_context(finished.appended(path, COMMENT[path.suffix]))
        threads = "n_threads: 2, logging_interval: 9, checkpoint_interval: 9"
        edits.enter_context(finished.edited("test.yaml", "n_threads: 1, device: cpu", threads))
        for path in [*code, *finished.results.rglob("*.*"), *(finished.folder / "config").rglob("*.yaml"), *inputs]:
            os.utime(path)
        assert finished.plan() == []


def test_an_edit_of_views_makes_those_views_again(finished):
    with ExitStack() as edits:
        for module in ("reporting.figures.horizon", "reporting.tables", "cli.check", "config.model"):
            edits.enter_context(finished.appended(finished.module(module), "EDITED = True\n"))
        assert finished.counts() == Counter(draw_horizon=1, tabulate=1, check=1)


def test_an_edit_of_an_objective_trains_the_models_that_have_it(finished):
    with finished.appended(finished.module("models.pde.objective"), "EDITED = True\n"):
        jobs = finished.plan()
    trained = {(job.wildcards["model"], job.wildcards["seed"]) for job in jobs if job.rule == "train"}
    assert trained == {("pde", "0"), ("pde", "1"), ("pde_no_s", "0"), ("pde_no_s", "1")}
    assert not [job for job in jobs if job.wildcards.get("model") in ("copy_last", "mean_frame")]
    reasons = [job.text for job in jobs if job.rule == "train"]
    assert all("Params have changed" in reason for reason in reasons)


def test_a_loss_weight_concerns_the_runs_that_have_it(finished):
    with finished.edited(
        "test.yaml",
        "  wave_eq_100/pde_no_s: *small",
        "  wave_eq_100/pde_no_s:\n    <<: *small\n    model: {objective: {lambda_forecast: 3.0}}",
    ):
        jobs = finished.plan()
    assert {job.wildcards["model"] for job in jobs if "model" in job.wildcards} == {"pde_no_s"}
    assert Counter(job.rule for job in jobs) == times(2, RESULTS_OF_A_RUN) + Counter(
        train=2, track=1, draw_horizon=1, tabulate=1
    )


def test_another_store_trains_nothing(finished):
    with finished.edited("test.yaml", "data_dir: data", "data_dir: data\ntracking: {uri: 'http://127.0.0.1:5000'}"):
        assert finished.counts() == Counter(track=4)


def test_another_seed_runs_alone(finished):
    with finished.edited("test.yaml", "seeds: [0, 1]", "seeds: [0, 1, 2]"):
        jobs = finished.plan()
    of_runs = [job for job in jobs if job.rule in ("train", "fit", *RESULTS_OF_A_RUN)]
    assert {(job.wildcards.get("seed") or job.wildcards["run"].removeprefix("seed_")) for job in of_runs} == {"2"}
    assert Counter(job.rule for job in of_runs) == times(2, RESULTS_OF_A_RUN) + Counter(train=2)


def test_another_horizon_is_evaluated_not_trained(finished):
    with finished.edited("test.yaml", "n_pred_test: 5", "n_pred_test: 6"):
        counts = finished.counts()
    assert (counts["evaluate"], counts["evaluate_baseline"]) == (4, 2)
    assert counts["train"] == counts["fit"] == counts["prepare"] == 0
