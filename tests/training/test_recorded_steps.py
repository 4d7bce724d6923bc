"""Steps that are recorded and replayed: the same numbers as steps that are not."""

import pytest
import torch

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.training import MultiStepSettings, OptimiserSettings
from pipeline_lib.training import steps
from pipeline_lib.training.recorded_steps import StepRecorder, recorder
from tests.training.recorded import GraphsInPython
from tests.training.toy import assert_same, toy_trainer, toy_videos, weights


@pytest.fixture
def in_python(monkeypatch):
    """Recordings on the CPU, in a class that counts."""
    graphs = type("Counted", (GraphsInPython,), {"made": 0})
    monkeypatch.setattr(steps, "recorder", lambda asked, precision, device: StepRecorder(graphs) if asked else None)
    return graphs


def test_recorded_steps_give_the_same_bits(tiny_experiment, tmp_path, in_python):
    """Also where the last batch of an epoch is smaller, and the learning rate changes on the way."""
    optimiser = OptimiserSettings(learning_rate=1e-3, schedule=MultiStepSettings(milestones=(12,), decay=0.5))
    often = {"iterations": 120, "optimiser": optimiser}
    plain = toy_trainer(tiny_experiment, tmp_path / "plain", **often)
    recorded = toy_trainer(tiny_experiment, tmp_path / "recorded", cuda_graphs=True, **often)
    plain.run()
    recorded.run()
    assert_same(weights(recorded), weights(plain))
    assert in_python.made == 2, "recordings hold the learning rate that they were made with"
    now = recorded._recorder._graphs
    assert now.n_replayed > now.n_recorded > 1 and now.n_run + now.n_replayed == 120 - 12 * 8


def test_a_batch_is_replayed_at_the_place_where_it_was_recorded():
    seen = []
    steps_taken = StepRecorder(GraphsInPython)

    def work(batch):
        seen.append((batch.data_ptr(), batch.tolist()))
        return batch.sum(), {}, None

    for value in range(5):
        total, _, _ = steps_taken.take(7, torch.full((3,), float(value)), work, lambda: None)
        assert total == 3 * value
    assert [values[0] for _, values in seen] == [0, 1, 2, 3, 4]
    assert len({place for place, _ in seen[1:]}) == 1


def test_only_a_gpu_records_and_not_in_fp16():
    assert recorder(True, "float32", torch.device("cpu")) is None
    assert recorder(False, "fp16", torch.device("cuda")) is None
    with pytest.raises(ValueError, match=r"fp16 can't be recorded.*set training.precision to bf16"):
        recorder(True, "fp16", torch.device("cuda"))


@pytest.mark.parametrize("changes", [{"compile": True}, {"n_processes": 2}], ids=str)
def test_what_can_not_be_recorded_is_refused(tiny_experiment, changes):
    settings = tiny_experiment.training.model_dump() | {"cuda_graphs": True, **changes}
    with pytest.raises(ValueError, match="cuda_graphs records the steps of one process"):
        type(tiny_experiment.training)(**settings)


def on_a_gpu(model):
    """Settings of a training on a GPU: of the PDE model of the experiment, or of a small DIVE on square frames."""
    if model == "pde":
        return {"device": "cuda"}
    sizes = {"image_latent": 8, "code_size_appearance": 8, "hidden_size": 8, "code_size_varying": 4, "ngf": 4}
    videos = toy_videos(n_pixels=256).unflatten(-1, (16, 16)).squeeze(3)
    return {"device": "cuda", "model": DiveSettings(**sizes, gamma_switch_step=30), "videos": videos}


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["pde", "dive"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_gpu_gives_the_same_curve_with_and_without(tiny_experiment, tmp_path, model, precision):
    """Noise and schedule of DIVE too."""
    often = {"iterations": 200, "precision": precision, **on_a_gpu(model)}
    plain = toy_trainer(tiny_experiment, tmp_path / "plain", **often)
    plain.run()
    # Made after the first has run, because to make a trainer is to seed the noise of its steps.
    recorded = toy_trainer(tiny_experiment, tmp_path / "recorded", cuda_graphs=True, **often)
    recorded.run()
    assert any(recorded._recorder._recordings.values())
    for name, tensor in weights(plain).items():
        torch.testing.assert_close(weights(recorded)[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["pde", "dive"])
def test_recorded_steps_resume_on_a_gpu(tiny_experiment, tmp_path, model):
    often = {"cuda_graphs": True, **on_a_gpu(model)}
    whole = toy_trainer(tiny_experiment, tmp_path / "whole", iterations=200, **often)
    whole.run()
    toy_trainer(tiny_experiment, tmp_path / "twice", iterations=120, **often).run()
    rest = toy_trainer(tiny_experiment, tmp_path / "twice", iterations=200, **often)
    assert rest.restore()
    rest.run()
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(rest)[name], tensor, rtol=1e-4, atol=1e-5)


def test_the_trainings_of_the_gpu_tests_run(tiny_experiment, tmp_path):
    """On the CPU, that they are not wrong in themselves."""
    for model in ("pde", "dive"):
        toy_trainer(tiny_experiment, tmp_path / model, iterations=10, **(on_a_gpu(model) | {"device": "cpu"})).run()
