"""MLP encoder and decoder (WaveEq, WaveEq-100)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.linear import Linear


def _linear_stack(sizes: list[int]) -> nn.Sequential:
    """Linear layers of the given sizes with ReLU between them."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        layers += [Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class MlpEncoder(nn.Module):
    """Flattened conditioning frames → code; `n_layers` linear layers with ReLU between."""

    def __init__(self, n_inputs: int, hidden_size: int, n_layers: int, code_size: int) -> None:
        super().__init__()
        self.layers = _linear_stack([n_inputs] + [hidden_size] * (n_layers - 1) + [code_size])

    def forward(self, window_NTCHW: Tensor, n_calls: int = 1) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, n_cond, C, H, W) → code (N, code_size), no skips. Rows do not depend on each other, so calls don't."""
        return self.layers(window_NTCHW.flatten(1)), ()


class MlpDecoder(nn.Module):
    """Mixed code → frame; `n_layers` linear layers with ReLU between, then the output activation."""

    def __init__(
        self, code_size: int, hidden_size: int, n_layers: int, frame_shape: tuple[int, int, int], activation: nn.Module
    ) -> None:
        super().__init__()
        self.frame_shape = frame_shape
        self.layers = _linear_stack([code_size] + [hidden_size] * (n_layers - 1) + [math.prod(frame_shape)])
        self.activation = activation

    def forward(self, code_ND: Tensor, skips: Sequence[Tensor] = (), n_calls: int = 1) -> Tensor:
        """(N, code_size) → (N, C, H, W) in float32; the output layer is computed in float32 under autocast too."""
        assert not skips
        output_layer = self.layers[-1]
        assert isinstance(output_layer, nn.Linear)
        hidden = self.layers[:-1](code_ND)
        with torch.autocast(code_ND.device.type, enabled=False):
            output = output_layer(hidden.to(output_layer.weight.dtype))
            return self.activation(output).unflatten(1, self.frame_shape)


def build_encoder(settings: PdeSettings, n_cond: int, frame_shape: tuple[int, int, int], code_size: int) -> MlpEncoder:
    """An encoder of n_cond frames (C, H, W)."""
    n_inputs = n_cond * math.prod(frame_shape)
    return MlpEncoder(n_inputs, settings.encoder_hidden_size, settings.encoder_n_layers, code_size)


def build_decoder(
    settings: PdeSettings, frame_shape: tuple[int, int, int], code_size: int, activation: nn.Module
) -> MlpDecoder:
    """A decoder of mixed codes to frames (C, H, W)."""
    return MlpDecoder(code_size, settings.decoder_hidden_size, settings.decoder_n_layers, frame_shape, activation)
