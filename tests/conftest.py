"""What all tests share: one thread, no telemetry, no network, and an experiment small enough to train in seconds."""

import os

# Before anything imports numpy or torch: small arithmetic is faster, and repeats, on one thread.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ["MPLBACKEND"] = "Agg"
for variable in ("MLFLOW_TRACKING_URI", "PIPELINE_TRACEBACK"):
    os.environ.pop(variable, None)  # what a developer has set must not decide a test

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.config.experiment import Experiment
from tests.network_guard import NetworkGuard

REPOSITORY = Path(__file__).resolve().parent.parent
NETWORK = NetworkGuard()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture
def tiny_experiment() -> Experiment:
    """wave_eq_100/pde with a few simulations, narrow networks and 20 iterations."""
    return Experiment.model_validate(
        {
            "name": "wave_eq_100/pde",
            "paper": "pde",
            "title": "PDE",
            "dataset": {
                "name": "wave_eq_100",
                "preparation": {"n_simulations": 4, "n_train_simulations": 3, "n_pixels": 10},
            },
            "task": {"n_cond": 5, "n_pred": 10, "n_pred_test": 15},
            "model": {
                "name": "pde",
                "code_size_static": 8,
                "code_size_dynamic": 8,
                "mixing": "mul",
                "encoder_hidden_size": 16,
                "decoder_hidden_size": 16,
                "integrator_hidden_size": 16,
            },
            "training": {
                "schedule_name": "test",
                "iterations": 20,
                "batch_size": 8,
                "precision": "float32",
                "device": "cpu",
                "n_threads": 1,
                "logging_interval": 5,
                "validation": {"interval": 10, "n_windows": 4},
            },
            "evaluation": {"batch_size": 16, "n_examples": 2, "n_threads": 1, "device": "cpu"},
        }
    )


@pytest.fixture(autouse=True)
def network_attempts() -> Iterator[list[str]]:
    """Fails the test that reaches for another machine, even where the code under test swallows the refusal."""
    yield NETWORK.attempts
    attempts = ", ".join(NETWORK.attempts)
    NETWORK.attempts.clear()
    if attempts:
        pytest.fail(f"reached for the network: {attempts}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not on_gpu:
        return
    import torch  # here, because most test sessions that select a few tests need no torch

    if not torch.cuda.is_available():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
