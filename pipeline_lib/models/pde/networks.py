"""The networks of the PDE model and how they forecast (PDE paper, section 3)."""

import torch
from torch import Tensor, nn

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde.initialisation import initialise
from pipeline_lib.models.pde.integrator import VectorIntegrator
from pipeline_lib.models.pde.mixing import MIXINGS
from pipeline_lib.models.pde.mlp import MlpDecoder, MlpEncoder

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "identity": nn.Identity}


class PdeNetworks(nn.Module):
    """v̂_t = D(S, T_t), with S from one encoder, T_0 from another, T_{t+1} = T_t + f(T_t).

    Without a static code (the ablation), S is 1 of the size of T and the mixing is the product.
    """

    def __init__(
        self,
        settings: PdeSettings,
        task: TaskSettings,
        frame_shape: tuple[int, int, int],
        frames_per_decoder_call: int,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.task = task
        self.frame_shape = frame_shape
        self.frames_per_decoder_call = frames_per_decoder_call
        self.mix = MIXINGS[settings.mixing if settings.use_static_code else "mul"]
        code_size = settings.code_size_dynamic
        if settings.use_static_code and settings.mixing == "concat":
            code_size += settings.code_size_static
        self.static_encoder = self._encoder(settings.code_size_static) if settings.use_static_code else None
        self.dynamic_encoder = self._encoder(settings.code_size_dynamic)
        self.decoder = MlpDecoder(
            code_size,
            settings.decoder_hidden_size,
            settings.decoder_n_layers,
            self.frame_shape,
            ACTIVATIONS[settings.output_activation](),
        )
        self.integrator = VectorIntegrator(
            settings.code_size_dynamic, settings.integrator_hidden_size, settings.integrator_n_blocks
        )
        for network in (self.static_encoder, self.dynamic_encoder, self.decoder):
            if network is not None:
                initialise(network, settings.init_encoder, settings.gain_encoder)
        initialise(self.integrator, settings.init_integrator, settings.gain_integrator)

    def _encoder(self, code_size: int) -> MlpEncoder:
        channels, height, width = self.frame_shape
        n_inputs = self.task.n_cond * channels * height * width
        return MlpEncoder(n_inputs, self.settings.encoder_hidden_size, self.settings.encoder_n_layers, code_size)

    def static_codes(self, *windows_BTCHW: Tensor) -> list[Tensor]:
        """S of each window of n_cond frames, (B, D) each, in one call of the encoder; 1 without a static code."""
        if self.static_encoder is None:
            window = windows_BTCHW[0]
            return [window.new_ones(window.shape[0], self.settings.code_size_dynamic) for _ in windows_BTCHW]
        return list(self.static_encoder(torch.cat(windows_BTCHW)).chunk(len(windows_BTCHW)))

    def dynamic_codes(self, *windows_BTCHW: Tensor) -> list[Tensor]:
        """T of each window of n_cond frames, (B, D) each, in one call of the encoder."""
        return list(self.dynamic_encoder(torch.cat(windows_BTCHW)).chunk(len(windows_BTCHW)))

    def decode(self, static_code_BD: Tensor, dynamic_code_TBD: Tensor) -> Tensor:
        """(B, Ds), (T, B, Dt) → frames (T, B, C, H, W), `frames_per_decoder_call` time steps per decoder call."""
        mixed_TBD = self.mix(static_code_BD, dynamic_code_TBD)
        frames = [self.decoder(part.flatten(0, 1)) for part in mixed_TBD.split(self.frames_per_decoder_call)]
        return torch.cat(frames).unflatten(0, mixed_TBD.shape[:2])

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        """(B, n_cond, C, H, W) → (B, n_pred, C, H, W). The conditioning frames are not decoded."""
        (static_code,) = self.static_codes(cond_BTCHW)
        (dynamic_code,) = self.dynamic_codes(cond_BTCHW)
        codes_TBD = self.integrator.trajectory(dynamic_code, n_pred + self.settings.offset)[self.settings.offset :]
        return self.decode(static_code, codes_TBD).transpose(0, 1)
