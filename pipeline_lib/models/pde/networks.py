"""The networks of the PDE model and how they forecast (PDE paper, section 3)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde import dcgan, integrator, mlp, resnet, sst, vgg
from pipeline_lib.models.pde.initialisation import initialise
from pipeline_lib.models.pde.mixing import MIXINGS

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "identity": nn.Identity}

FrameShape = tuple[int, int, int]

ENCODERS: dict[str, Callable[[PdeSettings, int, FrameShape, int], nn.Module]] = {
    "mlp": mlp.build_encoder,
    "dcgan": dcgan.build_encoder,
    "resnet": resnet.build_encoder,
    "vgg": vgg.build_encoder,
    "sst": sst.build_encoder,
}
"""Architecture → (settings, n_cond, (C, H, W), size of the code) → encoder."""

DECODERS: dict[str, Callable[[PdeSettings, FrameShape, int, nn.Module], nn.Module]] = {
    "mlp": mlp.build_decoder,
    "dcgan": dcgan.build_decoder,
    "vgg": vgg.build_decoder,
    "sst": sst.build_decoder,
}
"""Architecture → (settings, (C, H, W), size of the mixed code, output activation) → decoder."""


class StaticCode(NamedTuple):
    """S: the code (B, D), or (B, D, H', W') where it keeps a grid, and the skips of its encoder, deepest first, where
    the decoder takes them."""

    code: Tensor
    skips: tuple[Tensor, ...] = ()

    def flat(self) -> Tensor:
        """Code and skips side by side, (B, …): what the invariance term compares."""
        return torch.cat([part.flatten(1) for part in (self.code, *self.skips)], dim=1)


class PdeNetworks(nn.Module):
    """v̂_t = D(S, T_t), with S from one encoder, T_0 from another, T_{t+1} = T_t + f(T_t).

    Without a static code (the ablation), S is 1 of the size of T and the mixing is the product.
    """

    def __init__(
        self, settings: PdeSettings, task: TaskSettings, frame_shape: FrameShape, frames_per_decoder_call: int | str
    ) -> None:
        super().__init__()
        settings.check_frames(frame_shape)
        self.settings = settings
        self.task = task
        self.frame_shape = frame_shape
        self.frames_per_decoder_call = frames_per_decoder_call
        self.most_windows: int | None = None  # `DecodesInCalls`
        self.mix = MIXINGS[settings.mixing if settings.use_static_code else "mul"]
        code_size = settings.code_size_dynamic
        if settings.use_static_code and settings.mixing == "concat":
            code_size += settings.code_size_static
        encoder = partial(ENCODERS[settings.encoder], settings, task.n_cond, frame_shape)
        self.static_encoder = encoder(settings.code_size_static) if settings.use_static_code else None
        self.dynamic_encoder = encoder(settings.code_size_dynamic)
        self.decoder = DECODERS[settings.decoder](
            settings, frame_shape, code_size, ACTIVATIONS[settings.output_activation]()
        )
        self.integrator = integrator.build(settings)
        for network in (self.static_encoder, self.dynamic_encoder, self.decoder):
            if network is not None:
                initialise(network, settings.init_encoder, settings.gain_encoder)
        initialise(self.integrator, settings.init_integrator, settings.gain_integrator)

    def static_codes(self, *windows_BTCHW: Tensor) -> list[StaticCode]:
        """S of each window of n_cond frames, in one call of the encoder; 1 without a static code."""
        if self.static_encoder is None:
            grid = (1, 1) if self.settings.codes_keep_grid else ()
            ones = windows_BTCHW[0].new_ones(len(windows_BTCHW[0]), self.settings.code_size_dynamic, *grid)
            return [StaticCode(ones)] * len(windows_BTCHW)
        code, skips = self._encoded(self.static_encoder, windows_BTCHW)
        if not self.settings.use_skips:
            return [StaticCode(each) for each in code]
        return [StaticCode(*each) for each in zip(code, zip(*skips, strict=True), strict=True)]

    def dynamic_codes(self, *windows_BTCHW: Tensor) -> list[Tensor]:
        """T of each window of n_cond frames, (B, D) or (B, D, H', W') each, in one call of the encoder."""
        return self._encoded(self.dynamic_encoder, windows_BTCHW)[0]

    @staticmethod
    def _encoded(encoder: nn.Module, windows_BTCHW: tuple[Tensor, ...]) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Code of each window, and each skip of each window; rows (b, window), as per-call statistics want them."""
        n = len(windows_BTCHW)
        code, skips = encoder(torch.stack(windows_BTCHW, dim=1).flatten(0, 1), n_calls=n)
        code_of, *skips_of = [list(each.unflatten(0, (-1, n)).unbind(1)) for each in (code, *skips)]
        return code_of, skips_of

    def decode(self, static_code: StaticCode, dynamic_code_BTD: Tensor) -> Tensor:
        """S, T (B, T, D, …) → frames (B, T, C, H, W), in as few calls of the decoder as memory allows."""
        mixed_BTD = self.mix(static_code.code, dynamic_code_BTD)
        n_videos = mixed_BTD.shape[0]
        frames = [
            self.decoder(part.flatten(0, 1), static_code.skips, n_calls=part.shape[1]).unflatten(0, (n_videos, -1))
            for part in mixed_BTD.split(self._frames_per_call(n_videos), dim=1)
        ]
        return torch.cat(frames, dim=1) if len(frames) > 1 else frames[0]

    def _frames_per_call(self, n_videos: int) -> int:
        """Time steps per decoder call, with `n_videos` rows each."""
        if isinstance(self.frames_per_decoder_call, int):
            return self.frames_per_decoder_call
        rows = ROWS_PER_CALL[self.settings.decoder][next(self.parameters()).device.type != "cpu"]
        return max(1, rows // (self.most_windows or n_videos))

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """(B, n_cond, C, H, W) → (B, n_pred, C, H, W). The conditioning frames are not decoded."""
        return self.swap(cond_BTCHW, cond_BTCHW, n_pred)

    def swap(self, content_BTCHW: Tensor, motion_BTCHW: Tensor, n_pred: int) -> Tensor:
        """S of one video, T of another, (B, n_cond, C, H, W) each → (B, n_pred, C, H, W): the content, moved so."""
        (static_code,) = self.static_codes(content_BTCHW)
        (dynamic_code,) = self.dynamic_codes(motion_BTCHW)
        codes_BTD = self.integrator.trajectory(dynamic_code, n_pred + self.settings.offset)
        return self.decode(static_code, codes_BTD[:, self.settings.offset :])


# Rows that a decoder takes in one call when the setting is `auto`, on a CPU and on a GPU. Rows of an MLP are small.
# Those of a convolutional decoder must stay in a CPU's cache, and within a GPU's memory.
ROWS_PER_CALL = {"mlp": (2**17, 2**17), "dcgan": (32, 4096), "vgg": (64, 4096), "sst": (32, 4096)}
