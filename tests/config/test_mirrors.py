"""Mirrors in a configuration: checked, and in the order in which they are tried."""

import pytest

from pipeline_lib.config.loading import load_pipeline
from pipeline_lib.config.problems import ConfigurationError
from pipeline_lib.config.raw import RAW_SOURCES

MNIST = RAW_SOURCES["mnist"]


def loaded(project, **settings):
    content = {"experiments": ["wave_eq_100/copy_last"], **settings}
    return load_pipeline([project.write("config/config.yaml", content)], project.root)


def test_without_a_word_on_mirrors_a_source_has_its_own(project):
    assert loaded(project).settings.mirrors_of(MNIST) == MNIST.mirrors


def test_configured_mirrors_replace_those_and_a_folder_goes_first(project):
    settings = loaded(project, mirror_dir="/srv/raw", mirrors={"mnist": ["https://a.example/b", "c"]}).settings
    assert settings.mirrors_of(MNIST) == ("/srv/raw/mnist", "https://a.example/b", "c")


@pytest.mark.parametrize(
    ("mirrors", "problem"),
    [
        ({"minst": ["x"]}, "mirrors: 'minst' is no raw source that is downloaded; allowed are mnist; did you mean"),
        ({"mnist_sample": ["x"]}, "mirrors: 'mnist_sample' is no raw source that is downloaded; allowed are mnist"),
        ({"mnist": ["x", "ftp://a/"]}, "mirrors.mnist.1: given 'ftp://a/'; a mirror is an address that begins with"),
        ({"mnist": []}, "mirrors.mnist: given []; "),
    ],
)
def test_what_is_wrong_with_mirrors_is_named_with_its_key(project, mirrors, problem):
    with pytest.raises(ConfigurationError) as error:
        loaded(project, mirrors=mirrors)
    assert error.value.problems[0].startswith(f"config/config.yaml: {problem}")


def test_a_pipeline_names_the_sources_of_its_datasets(project):
    assert loaded(project).raw_sources == ()
    for name in ("moving_mnist", "moving_mnist_sample"):
        project.write(
            f"config/experiments/{name}/copy_last.yaml",
            {
                "dataset": {"name": name},
                "task": {"n_cond": 5, "n_pred": 10, "n_pred_test": 95},
                "model": {"name": "copy_last"},
            },
        )
    names = ["moving_mnist/copy_last", "wave_eq_100/copy_last", "moving_mnist_sample/copy_last"]
    pipeline = loaded(project, experiments=names)
    assert pipeline.raw_sources == ("mnist", "mnist_sample")
    assert pipeline.paths.raw_file("mnist", "x.gz") == pipeline.paths.data_dir / "raw" / "mnist" / "x.gz"
