"""What makes a training faster leaves its curve of losses what it is, within what the precision allows."""

import pytest
import torch

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.training import OptimiserSettings
from pipeline_lib.records.journal import metric_points, read_journal
from pipeline_lib.runtime.device import configure
from tests.training.toy import toy_trainer, toy_videos

CODES = {"code_size_static": 6, "code_size_dynamic": 4, "integrator_hidden_size": 16, "gain_encoder": 0.2}
DCGAN = {"encoder": "dcgan", "decoder": "dcgan", "encoder_hidden_size": 4, "decoder_hidden_size": 4}
DIVE = {"image_latent": 8, "code_size_appearance": 8, "hidden_size": 8, "code_size_varying": 4, "ngf": 4}
N_ITERATIONS = 40
LEARNING_RATE = {"mlp": 1e-3, "dcgan": 4e-4, "dive": 4e-4}

SWITCHES = {
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "tf32": {"precision": "tf32"},
    "channels_last": {"channels_last": True},
    "bf16, channels_last": {"precision": "bf16", "channels_last": True},
    "compiled": {"compile": True},
    "recorded": {"cuda_graphs": True},
    "bf16, channels_last, recorded": {"precision": "bf16", "channels_last": True, "cuda_graphs": True},
}
TOLERANCE = {"float32": 1e-3, "tf32": 0.01, "bf16": 0.02, "fp16": 0.02}
"""Of a loss, relative: trainings that round otherwise go apart, step by step."""
OF_CONVOLUTIONS = 0.05
"""The same in few digits: BatchNorm divides by the deviations of small batches, and losses begin in the hundreds."""
CPU_CASES = [
    ("mlp", "bf16"),
    *[("dcgan", name) for name in ("bf16", "channels_last", "bf16, channels_last")],
    *[("dive", name) for name in ("bf16", "channels_last")],
]
GPU_CASES = [(model, name) for model in ("mlp", "dcgan", "dive") for name in SWITCHES]


def losses(experiment, folder, model, device, **switches):
    """The journalled losses of a short training: of an MLP on rows of pixels, of convolutions, or of DIVE."""
    if model == "mlp":
        settings, videos = experiment.model, toy_videos()
    else:
        side = 64 if model == "dcgan" else 16
        settings = PdeSettings(**DCGAN, **CODES) if model == "dcgan" else DiveSettings(**DIVE)
        videos = toy_videos(n_pixels=side * side).unflatten(-1, (side, side)).squeeze(3)
    torch_device = torch.device(device)
    configure(torch_device, torch.get_num_threads(), tf32=switches.get("precision") == "tf32")
    trainer = toy_trainer(
        experiment,
        folder,
        device=device,
        model=settings,
        videos=videos,
        iterations=N_ITERATIONS,
        logging_interval=1,
        optimiser=OptimiserSettings(learning_rate=LEARNING_RATE[model], schedule=None),
        **switches,
    )
    trainer.run()
    configure(torch_device, torch.get_num_threads())
    return [value for _, _, value in metric_points(read_journal(trainer.journal.path))["loss"]]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Losses of the training in float32 with no switch, by model and device; each training is run once."""
    found = {}

    def plainly(experiment, model, device):
        if (model, device) not in found:
            folder = tmp_path_factory.mktemp("plain")
            found[model, device] = losses(experiment, folder, model, device, precision="float32")
        return found[model, device]

    return plainly


def check(experiment, folder, plain, model, name, device):
    switches = {"precision": "float32"} | SWITCHES[name]
    expected = plain(experiment, model, device)
    assert len(expected) == N_ITERATIONS and max(expected) > 1.03 * min(expected), "there is something to follow"
    tolerance = TOLERANCE[switches["precision"]]
    if model == "dcgan" and switches["precision"] in ("bf16", "fp16"):
        tolerance = OF_CONVOLUTIONS
    assert losses(experiment, folder, model, device, **switches) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize(("model", "name"), CPU_CASES)
def test_a_cpu_follows_the_plain_curve(tiny_experiment, tmp_path, plain, model, name):
    check(tiny_experiment, tmp_path, plain, model, name, "cpu")


@pytest.mark.slow
def test_a_compiled_training_follows_the_plain_curve(tiny_experiment, tmp_path, plain):
    """Of an MLP: convolutions take many minutes to compile on a CPU, and stand in test_layout.py, for three steps."""
    check(tiny_experiment, tmp_path, plain, "mlp", "compiled", "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize(("model", "name"), GPU_CASES)
def test_a_gpu_follows_its_plain_curve(tiny_experiment, tmp_path, plain, model, name):
    check(tiny_experiment, tmp_path, plain, model, name, "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["mlp", "dcgan"])
def test_a_gpu_follows_the_curve_of_a_cpu(tiny_experiment, plain, model):
    """DIVE's noise is another one there."""
    assert plain(tiny_experiment, model, "cuda") == pytest.approx(plain(tiny_experiment, model, "cpu"), rel=1e-3)
