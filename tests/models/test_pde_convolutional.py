"""dcgan networks: sizes as published, and statistics per call when many calls are computed at once."""

import pytest
import torch
from torch import nn

from pipeline_lib.config.model import PdeObjectiveSettings, PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.batch_norm import BatchNorm2d
from pipeline_lib.models.pde.model import build
from pipeline_lib.models.protocols import n_parameters
from tests.models.plain_loop import assert_equal_to_the_plain_loop

TASK = TaskSettings(n_cond=2, n_pred=3, n_pred_test=3)


def make_model(frames_per_decoder_call="auto", **changes):
    values = {
        "encoder": "dcgan",
        "decoder": "dcgan",
        "code_size_static": 5,
        "code_size_dynamic": 4,
        "offset": 2,
        "encoder_hidden_size": 3,
        "decoder_hidden_size": 3,
        "integrator_hidden_size": 7,
    }
    settings = PdeSettings(
        **(values | changes),
        gain_encoder=0.3,
        objective=PdeObjectiveSettings(lambda_autoencode=0.7, lambda_invariance=1.3, lambda_regularisation=0.2),
    )
    torch.manual_seed(3)
    return build(settings, TASK, (2, 64, 64), "cpu", frames_per_decoder_call).double()


def test_parameter_counts_of_moving_mnist():
    model = build(PdeSettings(encoder="dcgan", decoder="dcgan"), TaskSettings(n_cond=5, n_pred=10), (1, 64, 64))
    networks = (model.static_encoder, model.dynamic_encoder, model.decoder, model.integrator)
    assert [n_parameters(network) for network in networks] == [3_809_088, 2_924_244, 3_968_833, 283_668]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_skips": True},
        {"offset": 0, "use_skips": True},
        {"mixing": "mul", "code_size_static": 4, "output_activation": "identity"},
        {"use_static_code": False},
    ],
)
@pytest.mark.parametrize("frames_per_decoder_call", [1, 2, "auto"])
def test_loss_gradients_and_statistics_equal_the_plain_loop(changes, frames_per_decoder_call):
    model = make_model(frames_per_decoder_call, **changes)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 64, 64, dtype=torch.float64), tau=4)


def test_channels_last_equals_the_plain_loop():
    model = make_model(use_skips=True).to(memory_format=torch.channels_last)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 64, 64, dtype=torch.float64), tau=2)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_batch_norm_of_many_calls_equals_one_after_the_other(memory_format):
    torch.manual_seed(0)
    ours, plain = BatchNorm2d(4).double(), nn.BatchNorm2d(4).double()
    for norm in (ours, plain):
        nn.init.uniform_(norm.weight, 0.5, 1.5, generator=torch.Generator().manual_seed(1))
    rows = torch.randn(6, 5, 4, 3, 2, dtype=torch.float64) * torch.arange(1, 6).view(1, 5, 1, 1, 1)
    x = rows.flatten(0, 1).contiguous(memory_format=memory_format).requires_grad_()
    expected = torch.stack([plain(rows[:, k]) for k in range(5)], dim=1).flatten(0, 1)
    assert torch.allclose(ours(x, 5), expected, rtol=0, atol=1e-12)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.allclose(getattr(ours, name).double(), getattr(plain, name).double(), rtol=0, atol=1e-12), name
    ours.eval(), plain.eval()
    assert torch.allclose(ours(x, 5), plain(x), rtol=0, atol=1e-12)


def test_running_averages_keep_their_digits_under_autocast():
    averages = {}
    for enabled in (False, True):
        norm = BatchNorm2d(4)
        generator = torch.Generator().manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            for _ in range(50):
                norm(1.2345 + torch.rand(6 * 5, 4, 3, 2, generator=generator), 5)
        averages[enabled] = torch.stack([norm.running_mean, norm.running_var])
    torch.testing.assert_close(averages[True], averages[False], rtol=1e-6, atol=0)


def test_steps_of_the_integrator_add_up_in_float32_under_autocast():
    model = make_model().float()
    code = torch.ones(3, 4)
    for parameter in model.integrator.parameters():
        nn.init.zeros_(parameter)
    model.integrator.blocks[0].layers[-1].bias.data.fill_(1e-3)  # which bf16 can't add to 1
    with torch.autocast("cpu", torch.bfloat16):
        codes = model.integrator.trajectory(code.bfloat16(), 101)
    assert codes.dtype == torch.float32
    torch.testing.assert_close(codes[:, -1], torch.full((3, 4), 1.1), rtol=1e-3, atol=0)


def test_calls_have_statistics_of_their_own():
    """The order of the rows matters: two calls of different brightness are each normalised to mean 0."""
    norm = BatchNorm2d(1)
    x = torch.stack([torch.rand(8, 1, 4, 4), 5 + torch.rand(8, 1, 4, 4)], dim=1)
    normalised = norm(x.flatten(0, 1), 2).unflatten(0, (8, 2))
    assert normalised.mean(dim=(0, 2, 3, 4)).abs().max() < 1e-5


def test_forecast_in_eval_mode_does_not_depend_on_the_batch_nor_on_the_calls():
    model = make_model(1)
    model.loss_terms(torch.rand(3, 5, 2, 64, 64, dtype=torch.float64), 3)
    model.eval()
    cond = torch.rand(3, 2, 2, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        whole = model.forecast(cond, 7)
        one_by_one = torch.cat([model.forecast(each[None], 7) for each in cond])
        model.frames_per_decoder_call = "auto"
        at_once = model.forecast(cond, 7)
    assert whole.shape == (3, 7, 2, 64, 64)
    assert torch.allclose(whole, one_by_one, rtol=0, atol=1e-10)
    assert torch.allclose(whole, at_once, rtol=0, atol=1e-10)


def test_swap_takes_content_and_skips_from_one_video_and_motion_from_the_other():
    model = make_model(use_skips=True).eval()
    content, motion, other = torch.rand(3, 2, 2, 2, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        swapped = model.swap(content, motion, 4)
        assert torch.equal(model.swap(content, content, 4), model.forecast(content, 4))
        assert not torch.allclose(swapped, model.swap(other, motion, 4))
        for parameter in model.static_encoder.parameters():
            parameter.zero_()
        model.static_encoder.apply(lambda module: isinstance(module, nn.BatchNorm2d) and module.reset_running_stats())
        assert torch.equal(model.swap(content, motion, 4), model.swap(other, motion, 4))


def test_frames_of_another_size_are_refused():
    with pytest.raises(ValueError, match="frames of 64x64 pixels, those of this dataset have 1x100"):
        build(PdeSettings(encoder="dcgan", decoder="mlp"), TASK, (1, 1, 100))


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"decoder": "mlp", "encoder": "dcgan"}, "decoder of the same kind"),
        ({"decoder": "mlp", "encoder": "mlp"}, "convolutional encoder"),
        ({"encoder": "dcgan", "decoder": "dcgan", "encoder_hidden_size": 8}, "to be equal, got 8 and 64"),
        ({"encoder": "dcgan", "decoder": "dcgan", "use_static_code": False}, "use_static_code is false"),
    ],
)
def test_skips_need_both_ends(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        PdeSettings(use_skips=True, **changes)


def test_output_layer_stays_in_float32_under_autocast():
    model = make_model().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = model.loss_terms(torch.rand(2, 5, 2, 64, 64), 3)
        assert model.forecast(torch.rand(2, 2, 2, 64, 64), 2).dtype == torch.float32
    assert {term.dtype for term in terms.values()} == {torch.float32}
