"""Which store is used, and what of it stands in commands and logs."""

from pathlib import Path

import pytest

from pipeline_lib.config.tracking import TrackingSettings, without_credentials


def test_the_environment_goes_before_the_configuration_and_that_before_the_results_folder():
    results = Path("some/results")
    named = TrackingSettings(uri="http://127.0.0.1:5000")
    assert named.resolved_uri(results, {"MLFLOW_TRACKING_URI": "https://there"}) == "https://there"
    assert named.resolved_uri(results, {}) == "http://127.0.0.1:5000"
    assert TrackingSettings().resolved_uri(results, {}) == f"sqlite:///{Path.cwd()}/some/results/mlflow.db"


def test_commands_hold_what_differs_from_the_defaults_and_no_address_of_the_environment():
    results = Path("/r")
    assert TrackingSettings().arguments(results, {}) == ["--tracking", "sqlite:////r/mlflow.db"]
    assert TrackingSettings().arguments(results, {"MLFLOW_TRACKING_URI": "http://me:secret@there"}) == []
    settings = TrackingSettings(uri="http://there", experiment_prefix="a b/", timeout=2)
    assert settings.arguments(results, {}) == [
        *("--tracking", "http://there"),
        *("--experiment-prefix", "a b/"),
        *("--timeout", "2.0"),
    ]


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@there:5000/path", "http://there:5000/path"),
        ("postgresql+psycopg://me@there/base", "postgresql+psycopg://there/base"),
        ("sqlite:////r/mlflow.db", "sqlite:////r/mlflow.db"),
    ],
)
def test_credentials_are_cut_out_of_an_address(uri, shown):
    assert without_credentials(uri) == shown
