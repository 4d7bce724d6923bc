"""resnet encoder: sizes as published, and statistics per call when several windows are encoded at once."""

import pytest
import torch
from torch import nn

from pipeline_lib.config.model import PdeObjectiveSettings, PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde import resnet
from pipeline_lib.models.pde.model import build
from pipeline_lib.models.protocols import n_parameters
from tests.models.plain_loop import assert_equal_to_the_plain_loop

TASK = TaskSettings(n_cond=2, n_pred=3, n_pred_test=3)


def make_model(**changes):
    """A model of few channels, in float64."""
    codes = {"code_size_static": 5, "code_size_dynamic": 4, "offset": 2}
    settings = PdeSettings(
        encoder="resnet",
        decoder="dcgan",
        **(codes | changes),
        encoder_hidden_size=3,
        decoder_hidden_size=3,
        integrator_hidden_size=7,
        gain_encoder=0.3,
        objective=PdeObjectiveSettings(lambda_autoencode=0.7, lambda_invariance=1.3, lambda_regularisation=0.2),
    )
    torch.manual_seed(3)
    return build(settings, TASK, (3, 64, 64)).double()


def test_parameter_counts_of_chairs():
    settings = PdeSettings(encoder="resnet", decoder="dcgan", code_size_dynamic=10)
    model = build(settings, TaskSettings(n_cond=5, n_pred=10), (3, 64, 64))
    networks = (model.static_encoder, model.dynamic_encoder, model.decoder, model.integrator)
    assert [n_parameters(network) for network in networks] == [11_785_856, 11_241_994, 3_888_963, 273_418]


def test_resolutions_are_the_published_ones():
    sides = []
    encoder = resnet.ResnetEncoder(6, 64, 5)
    for layer in (encoder.convolution, encoder.pool, *encoder.blocks, encoder.output):
        layer.register_forward_hook(lambda layer, inputs, output: sides.append(tuple(output.shape[2:])))
    code, skips = encoder(torch.rand(2, 2, 3, 64, 64))
    assert code.shape == (2, 5) and skips == ()
    assert sides == [(n, n) for n in (33, 17, 17, 17, 9, 9, 5, 5, 3, 3, 1)]


def test_every_layer_is_a_standard_one_of_the_published_shape():
    """A convolution at the front, two in each of eight blocks, three shortcuts, one to the code; a bias everywhere."""
    encoder = resnet.ResnetEncoder(15, 64, 10)
    convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 1 + 16 + 3 + 1 and all(layer.bias is not None for layer in convolutions)
    assert len([module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]) == 1 + 16 + 3
    shortcuts = [block.shortcut for block in encoder.blocks]
    assert [shortcut is not None for shortcut in shortcuts] == [False, False, True, False, True, False, True, False]


def test_a_block_is_that_of_the_paper():
    torch.manual_seed(0)
    block = resnet.BasicBlock(3, 4, stride=2).eval()
    for norm in (block.first_norm, block.second_norm, block.shortcut.norm):
        nn.init.uniform_(norm.running_mean), nn.init.uniform_(norm.running_var, 0.5, 2.0)
    x = torch.randn(2, 3, 8, 8)
    hidden = torch.relu(block.first_norm(block.first(x)))
    hidden = block.second_norm(block.second(hidden)) + block.shortcut.norm(block.shortcut.convolution(x))
    assert torch.allclose(block(x, 1), torch.relu(hidden))
    same = resnet.BasicBlock(3, 3, stride=1).eval()
    assert torch.allclose(
        same(x, 1), torch.relu(same.second_norm(same.second(torch.relu(same.first_norm(same.first(x))))) + x)
    )


@pytest.mark.parametrize("changes", [{}, {"offset": 0}, {"use_static_code": False}])
def test_loss_gradients_and_statistics_equal_the_plain_loop(changes):
    video = torch.rand(3, 5, 3, 64, 64, dtype=torch.float64)
    assert_equal_to_the_plain_loop(make_model(**changes), video, tau=4)


def test_channels_last_equals_the_plain_loop():
    model = make_model().to(memory_format=torch.channels_last)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 3, 64, 64, dtype=torch.float64), tau=2)


def test_initialisation_reaches_every_layer():
    """Convolutions N(0, 0.02), BatchNorms N(1, 0.02), biases 0: in the shortcuts too."""
    settings = PdeSettings(encoder="resnet", decoder="dcgan", code_size_dynamic=10)
    torch.manual_seed(0)
    encoder = build(settings, TaskSettings(n_cond=5, n_pred=10), (3, 64, 64)).static_encoder
    for module in encoder.modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
            mean = 0 if isinstance(module, nn.Conv2d) else 1
            n = module.weight.numel()
            assert abs(module.weight.mean() - mean) < 5 * 0.02 / n**0.5 and (module.bias == 0).all()
            assert abs(module.weight.std() / 0.02 - 1) < 5 / (2 * n) ** 0.5


def test_there_are_no_skips_and_no_frames_of_another_size():
    with pytest.raises(ValueError, match="decoder of the same kind, got encoder 'resnet' and decoder 'dcgan'"):
        PdeSettings(encoder="resnet", decoder="dcgan", use_skips=True)
    with pytest.raises(ValueError, match="resnet is for frames of 64x64 pixels, those of this dataset have 32x32"):
        build(PdeSettings(encoder="resnet", decoder="mlp"), TASK, (3, 32, 32))
