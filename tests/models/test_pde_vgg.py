"""vgg networks: sizes as published, shapes layer by layer, and the plain loop's loss, gradients and statistics."""

import pytest
import torch
from torch import nn

from pipeline_lib.config.model import PdeObjectiveSettings, PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde.model import build
from pipeline_lib.models.pde.vgg import VggDecoder, VggEncoder
from pipeline_lib.models.protocols import n_parameters
from tests.models.test_pde_convolutional import assert_equal_to_the_plain_loop

TASK = TaskSettings(n_cond=2, n_pred=3, n_pred_test=3)


def make_model(side=32, frames_per_decoder_call="auto", **changes):
    values = {
        "encoder": "vgg",
        "decoder": "vgg",
        "code_size_static": 5,
        "code_size_dynamic": 4,
        "offset": 2,
        "encoder_hidden_size": 2,
        "decoder_hidden_size": 2,
        "integrator_hidden_size": 7,
        "output_activation": "identity",
    }
    settings = PdeSettings(
        **(values | changes),
        gain_encoder=0.3,
        objective=PdeObjectiveSettings(lambda_autoencode=0.7, lambda_invariance=1.3, lambda_regularisation=0.2),
    )
    torch.manual_seed(3)
    return build(settings, TASK, (2, side, side), "cpu", frames_per_decoder_call).double()


def test_parameter_counts_of_taxibj():
    settings = PdeSettings(encoder="vgg", decoder="vgg", offset=4, output_activation="identity")
    model = build(settings, TaskSettings(n_cond=4, n_pred=4, n_pred_test=4), (2, 32, 32))
    networks = (model.static_encoder, model.dynamic_encoder, model.decoder, model.integrator)
    assert [n_parameters(network) for network in networks] == [8_692_480, 7_807_420, 8_852_482, 283_668]


def plain_encoder(encoder: VggEncoder, window: torch.Tensor, side: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The layers in the order of the paper's table, written out: code, and what each stage gives."""

    def block(k: int, j: int, x: torch.Tensor) -> torch.Tensor:
        layers = encoder.stages[k][j]
        x = nn.functional.conv2d(x, layers.convolution.weight, layers.convolution.bias, stride=1, padding=1)
        return nn.functional.leaky_relu(plain_norm(layers.norm, x), 0.2)

    pool = nn.MaxPool2d(2)
    h1 = block(0, 1, block(0, 0, window.flatten(1, 2)))
    h2 = block(1, 1, block(1, 0, pool(h1)))
    h3 = block(2, 2, block(2, 1, block(2, 0, pool(h2))))
    h4 = block(3, 2, block(3, 1, block(3, 0, pool(h3))))
    last = pool(h4) if side == 64 else h4
    code = nn.functional.conv2d(last, encoder.output.weight, encoder.output.bias)
    return plain_norm(encoder.norm, code).flatten(1), [h4, h3, h2, h1]


def plain_decoder(decoder: VggDecoder, code: torch.Tensor, skips: list[torch.Tensor], side: int) -> torch.Tensor:
    """The layers in the order of the paper's table, written out."""

    def block(k: int, j: int, x: torch.Tensor) -> torch.Tensor:
        layers = decoder.stages[k][j]
        x = nn.functional.conv2d(x, layers.convolution.weight, layers.convolution.bias, stride=1, padding=1)
        return nn.functional.leaky_relu(plain_norm(layers.norm, x), 0.2)

    def with_skip(x: torch.Tensor, k: int) -> torch.Tensor:
        return torch.cat([x, skips[k]], dim=1) if skips else x

    upsample = nn.Upsample(scale_factor=2, mode="nearest")
    first = decoder.first.convolution
    x = nn.functional.conv_transpose2d(code[:, :, None, None], first.weight, first.bias)
    x = nn.functional.leaky_relu(plain_norm(decoder.first.norm, x), 0.2)
    x = upsample(x) if side == 64 else x
    x = upsample(block(0, 2, block(0, 1, block(0, 0, with_skip(x, 0)))))
    x = upsample(block(1, 2, block(1, 1, block(1, 0, with_skip(x, 1)))))
    x = upsample(block(2, 1, block(2, 0, with_skip(x, 2))))
    x = block(3, 0, with_skip(x, 3))
    return nn.functional.conv_transpose2d(x, decoder.output.weight, decoder.output.bias, stride=1, padding=1)


def plain_norm(norm: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    """With the statistics of the batch, eps 1e-5."""
    mean, variance = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]


@pytest.mark.parametrize("with_skips", [False, True])
@pytest.mark.parametrize("side", [32, 64])
def test_layers_are_those_of_the_table(side, with_skips):
    model = make_model(side, use_skips=with_skips)
    window = torch.rand(3, 2, 2, side, side, dtype=torch.float64)
    code, skips = model.static_encoder(window)
    expected_code, expected_skips = plain_encoder(model.static_encoder, window, side)
    assert code.shape == (3, 5)
    assert [skip.shape[1:] for skip in skips] == [(16 >> k, side >> (3 - k), side >> (3 - k)) for k in range(4)]
    torch.testing.assert_close(code, expected_code, rtol=0, atol=1e-10)
    for skip, expected in zip(skips, expected_skips, strict=True):
        torch.testing.assert_close(skip, expected, rtol=0, atol=1e-10)
    mixed = torch.rand(3, 9, dtype=torch.float64)
    frames = model.decoder(mixed, skips if with_skips else ())
    assert frames.shape == (3, 2, side, side)
    expected_frames = plain_decoder(model.decoder, mixed, list(skips) if with_skips else [], side)
    torch.testing.assert_close(frames, expected_frames, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_skips": True},
        {"offset": 0, "use_skips": True},
        {"mixing": "mul", "code_size_static": 4, "output_activation": "sigmoid"},
        {"use_static_code": False},
    ],
)
@pytest.mark.parametrize("frames_per_decoder_call", [1, 2, "auto"])
def test_loss_gradients_and_statistics_equal_the_plain_loop(changes, frames_per_decoder_call):
    model = make_model(32, frames_per_decoder_call, **changes)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 32, 32, dtype=torch.float64), tau=4)


@pytest.mark.parametrize("use_skips", [False, True])
def test_larger_frames_equal_the_plain_loop(use_skips):
    model = make_model(64, use_skips=use_skips)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 64, 64, dtype=torch.float64), tau=3)


def test_channels_last_equals_the_plain_loop():
    model = make_model(use_skips=True).to(memory_format=torch.channels_last)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 32, 32, dtype=torch.float64), tau=2)


def test_frames_of_another_size_are_refused():
    with pytest.raises(ValueError, match="frames of 32x32 or 64x64 pixels, those of this dataset have 48x48"):
        build(PdeSettings(encoder="vgg", decoder="vgg"), TASK, (2, 48, 48))
    with pytest.raises(ValueError, match=r"model.decoder: dcgan is for frames of 64x64"):
        build(PdeSettings(encoder="vgg", decoder="dcgan"), TASK, (2, 32, 32))


@pytest.mark.parametrize("n_calls", [1, 2])
def test_a_batch_of_one_window_is_refused(n_calls):
    encoder = make_model().static_encoder
    with pytest.raises(ValueError, match=r"batch of one window .* training.batch_size"):
        encoder(torch.rand(n_calls, 2, 2, 32, 32, dtype=torch.float64), n_calls=n_calls)
    assert encoder.eval()(torch.rand(1, 2, 2, 32, 32, dtype=torch.float64))[0].shape == (1, 5)


def test_output_layer_stays_in_float32_under_autocast():
    model = make_model().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = model.loss_terms(torch.rand(2, 5, 2, 32, 32), 3)
        assert model.forecast(torch.rand(2, 2, 2, 32, 32), 2).dtype == torch.float32
    assert {term.dtype for term in terms.values()} == {torch.float32}
