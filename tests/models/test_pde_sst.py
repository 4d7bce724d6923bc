"""SST networks: sizes as published, layers in the published order, and the plain loop's numbers on grids of codes."""

import copy

import pytest
import torch
from torch import nn

from pipeline_lib.config.model import PdeObjectiveSettings, PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde.model import build
from pipeline_lib.models.pde.sst import SstDecoder, SstEncoder
from pipeline_lib.models.protocols import n_parameters
from tests.models.test_pde_convolutional import assert_equal_to_the_plain_loop

TASK = TaskSettings(n_cond=2, n_pred=3, n_pred_test=3)
PUBLISHED = {
    "encoder": "sst",
    "decoder": "sst",
    "use_skips": True,
    "code_size_static": 196,
    "code_size_dynamic": 64,
    "integrator_n_blocks": 2,
    "gain_integrator": 0.71,
    "offset": 0,
    "output_activation": "identity",
}


def make_model(frames_per_decoder_call="auto", frame_shape=(2, 12, 8), **changes):
    values = PUBLISHED | {"code_size_static": 5, "code_size_dynamic": 4, "integrator_hidden_size": 7}
    settings = PdeSettings(
        **(values | changes),
        gain_encoder=0.3,
        objective=PdeObjectiveSettings(lambda_autoencode=0.7, lambda_invariance=1.3, lambda_regularisation=0.2),
    )
    torch.manual_seed(3)
    return build(settings, TASK, frame_shape, "cpu", frames_per_decoder_call).double()


def published_model(**changes):
    return build(PdeSettings(**(PUBLISHED | changes)), TaskSettings(n_cond=4, n_pred=6), (1, 64, 64))


def test_parameter_counts_as_published():
    model = published_model()
    networks = (model.static_encoder, model.dynamic_encoder, model.decoder, model.integrator)
    assert [n_parameters(network) for network in networks] == [4_169_248, 3_251_584, 2_483_523, 5_904_768]


def test_codes_keep_a_grid_and_skips_come_deepest_first():
    encoder = SstEncoder(4, 196)
    code, skips = encoder(torch.rand(2, 4, 1, 64, 64))
    assert code.shape == (2, 196, 16, 16)
    assert [tuple(skip.shape) for skip in skips] == [(2, 256, 16, 16), (2, 128, 32, 32), (2, 64, 64, 64)]
    assert code.min() < 0, "the last convolution has no activation"
    last = [module for module in encoder.modules() if not list(module.children())][-1]
    assert isinstance(last, nn.Conv2d) and last.kernel_size == (3, 3) and last.out_channels == 196


def published_decoder(decoder: SstDecoder, code, skips):
    """The layers in the order of the paper, with the decoder's own blocks taken one after the other."""
    blocks = iter([block for stage in decoder.stages for block in stage] + [decoder.output])

    def through(x, n_blocks):
        for _ in range(n_blocks):
            block = next(blocks)
            x = nn.functional.leaky_relu(block.norm(block.convolution(x)), 0.2)
        return x

    def doubled(x):
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    if not skips:
        hidden = doubled(through(code, 3))
        hidden = doubled(through(hidden, 3))
        return through(hidden, 2)
    h3, h2, h1 = skips
    hidden = through(code, 3)
    hidden = doubled(through(torch.cat([h3, hidden], dim=1), 3))
    hidden = doubled(through(torch.cat([h2, hidden], dim=1), 3))
    return through(torch.cat([h1, hidden], dim=1), 3)


@pytest.mark.parametrize("with_skips", [True, False])
def test_the_decoder_is_the_published_one(with_skips):
    torch.manual_seed(0)
    decoder = SstDecoder(6, 1, with_skips, nn.Identity()).double()
    code, *skips = (torch.randn(2, *shape).double() for shape in [(6, 4, 4), (256, 4, 4), (128, 8, 8), (64, 16, 16)])
    skips = skips if with_skips else []
    expected = published_decoder(copy.deepcopy(decoder), code, skips)
    frames = decoder(code, skips)
    assert frames.shape == (2, 1, 16, 16)
    assert torch.allclose(frames, expected, rtol=0, atol=1e-12)
    widths = [[block.convolution.in_channels for block in stage] for stage in decoder.stages]
    if with_skips:
        assert widths == [[6, 256, 256], [384, 128, 64], [192, 128, 64], [128, 64]]
    else:
        assert widths == [[6, 256, 256], [128, 128, 128], [64]]


@pytest.mark.parametrize(
    "changes", [{}, {"use_skips": False}, {"offset": 2}, {"use_static_code": False, "use_skips": False}]
)
@pytest.mark.parametrize("frames_per_decoder_call", [1, 2, "auto"])
def test_loss_gradients_and_statistics_equal_the_plain_loop(changes, frames_per_decoder_call):
    model = make_model(frames_per_decoder_call, **changes)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 12, 8, dtype=torch.float64), tau=4 if changes else 3)


def test_channels_last_equals_the_plain_loop():
    model = make_model().to(memory_format=torch.channels_last)
    assert_equal_to_the_plain_loop(model, torch.rand(3, 5, 2, 12, 8, dtype=torch.float64), tau=2)


def test_grids_are_regularised_by_the_mean_over_all_elements():
    model = make_model()
    video = torch.rand(3, 5, 2, 12, 8, dtype=torch.float64)
    code = copy.deepcopy(model).dynamic_codes(video[:, 1:3], video[:, :2])[1]
    assert code.shape == (3, 4, 3, 2)
    assert abs(model.loss_terms(video, 3)["loss_regularisation"] - code.square().mean() / 2) < 1e-12


def test_invariance_is_taken_over_code_and_skips_together():
    model = make_model()
    video = torch.rand(3, 5, 2, 12, 8, dtype=torch.float64)
    old, new = copy.deepcopy(model).static_codes(video[:, :2], video[:, -2:])
    parts = [((a - b) ** 2).flatten() for a, b in zip((old.code, *old.skips), (new.code, *new.skips), strict=True)]
    assert [part.numel() for part in parts] == [3 * 5 * 6, 3 * 256 * 6, 3 * 128 * 24, 3 * 64 * 96]
    assert abs(model.loss_terms(video, 3)["loss_invariance"] - torch.cat(parts).mean()) < 1e-12


def test_the_integrator_is_a_residual_one_and_initialised_by_its_own_gain():
    model = published_model()
    block = model.integrator.blocks[0]
    kinds = [type(module).__name__ for module in block.modules() if not list(module.children())]
    assert kinds == ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 2 + ["Conv2d", "BatchNorm2d"]
    rows = block.layers[0].convolution.weight.flatten(1)  # (512, 576), orthogonal: perpendicular, as long as the gain
    assert torch.allclose(rows @ rows.T, 0.71**2 * torch.eye(512), atol=1e-5)
    scales = torch.cat([module.weight for module in model.integrator.modules() if isinstance(module, nn.BatchNorm2d)])
    assert abs(scales.mean() - 1) < 0.1 and abs(scales.std() - 0.71) < 0.05
    others = torch.cat([module.weight for module in model.decoder.modules() if isinstance(module, nn.BatchNorm2d)])
    assert abs(others.std() - 0.02) < 0.003
    code = torch.rand(2, 64, 4, 4)
    with torch.no_grad():
        assert torch.allclose(block(code) - code, block.layers(code), atol=1e-5)


def test_without_s_the_decoder_without_skips_takes_t_alone():
    model = published_model(use_static_code=False, use_skips=False)
    assert model.static_encoder is None
    assert model.decoder.stages[0][0].convolution.in_channels == 64
    code = torch.rand(2, 3, 64, 16, 16)
    (static_code,) = model.static_codes(torch.rand(2, 4, 1, 64, 64))
    assert torch.equal(model.mix(static_code.code, code), code)
    assert set(model.loss_weights()) == {"loss_forecast", "loss_autoencode"}


def test_forecasts_and_swaps_do_not_depend_on_the_batch_nor_on_the_calls():
    model = make_model(1)
    model.loss_terms(torch.rand(3, 5, 2, 12, 8, dtype=torch.float64), 3)
    model.eval()
    cond, other = torch.rand(2, 3, 2, 2, 12, 8, dtype=torch.float64)
    with torch.no_grad():
        whole = model.forecast(cond, 7)
        one_by_one = torch.cat([model.forecast(each[None], 7) for each in cond])
        model.frames_per_decoder_call = "auto"
        at_once = model.forecast(cond, 7)
        swapped = model.swap(cond, other, 7)
    assert whole.shape == (3, 7, 2, 12, 8)
    assert torch.allclose(whole, one_by_one, rtol=0, atol=1e-10)
    assert torch.allclose(whole, at_once, rtol=0, atol=1e-10)
    assert not torch.allclose(swapped, whole)


def test_output_block_stays_in_float32_under_autocast():
    model = make_model().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = model.loss_terms(torch.rand(2, 5, 2, 12, 8), 3)
        assert model.forecast(torch.rand(2, 2, 2, 12, 8), 2).dtype == torch.float32
    assert {term.dtype for term in terms.values()} == {torch.float32}


@pytest.mark.parametrize("frame_shape", [(1, 62, 64), (1, 64, 66), (1, 1, 100)])
def test_frames_that_the_poolings_do_not_divide_are_refused(frame_shape):
    height, width = frame_shape[1:]
    with pytest.raises(ValueError, match=f"multiples of 4 pixels, those of this dataset have {height}x{width}"):
        make_model(frame_shape=frame_shape)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"decoder": "dcgan", "use_skips": False}, "encoder and decoder must both be sst"),
        ({"encoder": "mlp", "use_skips": False}, "encoder and decoder must both be sst"),
        ({"mixing": "mul", "code_size_static": 64}, "mixing must be 'concat'"),
    ],
)
def test_grids_go_with_grids(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        PdeSettings(**(PUBLISHED | changes))
