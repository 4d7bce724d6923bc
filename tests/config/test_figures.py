"""Which figures there are of which experiments."""

import pytest

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.figures import experiments_shown, figures_of_dataset, figures_of_run, frame_kind
from pipeline_lib.config.loading import read_experiment
from pipeline_lib.config.registry import FIGURES

VECTOR_FIGURES = ["forecast", "loss_curves"]
IMAGE_FIGURES = ["forecast", "loss_curves", "forecast_animation"]


@pytest.fixture
def experiment(repository):
    def read(name: str) -> Experiment:
        return read_experiment(repository / "config" / "experiments" / f"{name}.yaml")

    return read


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("wave_eq_100/pde", VECTOR_FIGURES),
        ("wave_eq_100/copy_last", []),
        ("wave_eq/pde", IMAGE_FIGURES),
        ("moving_mnist/pde", [*IMAGE_FIGURES, "swap", "swap_grid", "swap_animation"]),
        ("chairs/pde", [*IMAGE_FIGURES, "swap", "swap_grid", "swap_animation"]),
        ("chairs/copy_last", []),
        ("moving_mnist/copy_last", []),
        ("taxibj/pde", IMAGE_FIGURES),
    ],
)
def test_a_run_has_the_figures_that_its_data_and_its_evaluation_allow(experiment, name, figures):
    assert figures_of_run(experiment(name)) == figures


@pytest.mark.parametrize(
    ("protocols", "figures"),
    [
        (("forecast",), []),
        (("forecast", "reconstruction"), ["decomposition", "decomposition_animation"]),
        (("forecast", "imputation"), ["imputation"]),
        (
            ("forecast", "reconstruction", "imputation", "missingness"),
            ["decomposition", "imputation", "decomposition_animation"],
        ),
    ],
)
def test_videos_are_shown_taken_apart_where_that_was_evaluated(experiment, protocols, figures):
    digits = experiment("moving_mnist/pde")
    evaluation = digits.evaluation.model_copy(update={"protocols": protocols})
    assert figures_of_run(digits.model_copy(update={"evaluation": evaluation})) == [*IMAGE_FIGURES, *figures]


def test_figures_over_several_runs_go_by_the_frames_too(experiment):
    assert figures_of_dataset([experiment("wave_eq_100/pde")]) == ["horizon"]
    digits = [experiment("moving_mnist/pde"), experiment("moving_mnist/copy_last")]
    assert figures_of_dataset(digits) == ["horizon", "long_horizon"]
    assert experiments_shown("long_horizon", digits) == digits


def test_forecasts_that_stand_beside_each_other_are_of_the_same_windows(experiment):
    flows = [experiment(f"taxibj/{name}") for name in ("pde", "pde_published_windows", "copy_last")]
    assert experiments_shown("long_horizon", flows) == [flows[0], flows[2]]
    assert experiments_shown("long_horizon", flows[1:2]) == flows[1:2]
    assert experiments_shown("horizon", flows) == flows


def test_what_only_the_data_tell_counts_as_an_image(experiment, monkeypatch):
    digits = experiment("moving_mnist/pde")
    assert frame_kind(digits) == "image"
    monkeypatch.setattr(type(digits.dataset), "frame_shape", None)
    assert frame_kind(digits) == "image"


def test_every_figure_has_files_of_kinds_that_can_be_written():
    assert {suffix for figure in FIGURES.values() for suffix in figure.suffixes} == {"png", "pdf", "html", "gif"}
    assert all(figure.scope == "dataset" for figure in FIGURES.values() if figure.reads_predictions)
