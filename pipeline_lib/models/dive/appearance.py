"""Appearance of the objects: one that stays and one that varies in time (DIVE paper, section 4)."""

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import softplus

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.models.dive.gaussian import normal
from pipeline_lib.models.dive.recurrence import roll_out, zero_states

N_LAYERS = 2
STATIC_SIZE = 256


class AppearanceEncoder(nn.Module):
    """Static appearance from all input frames, varying appearance as an initial value and an increment per frame."""

    def __init__(self, settings: DiveSettings) -> None:
        super().__init__()
        self.settings = settings
        hidden, n_features = settings.hidden_size, settings.code_size_appearance
        self.lstm = nn.LSTM(n_features + hidden, hidden, N_LAYERS, batch_first=True)
        self.static = nn.Linear(hidden, STATIC_SIZE)
        self.future_lstm = nn.LSTM(hidden, hidden, N_LAYERS, batch_first=True)
        self.initial = _perceptron(n_features + STATIC_SIZE, hidden, settings.code_size_varying)
        self.increment = _perceptron(hidden + STATIC_SIZE, hidden, settings.code_size_varying)

    def forward(self, feature_BTKD: Tensor, n_pred: int) -> tuple[Tensor, Tensor | None]:
        """Features of the input frames' objects, 0 where missing → static (B, K, 256), varying (B, T + n_pred, K, 48).

        The varying one is None where the settings have it off.
        """
        outputs_BTKH = self._outputs(feature_BTKD)
        static_BKS = self.static(outputs_BTKH[:, -1])
        if not self.settings.use_varying_appearance:
            return static_BKS, None
        last_NH = outputs_BTKH[:, -1].flatten(0, 1)
        zeros, carry = zero_states(self.future_lstm, last_NH), self.settings.carry_appearance_state
        future_NTH = roll_out(self.future_lstm, last_NH, zeros, n_pred, carry)
        future_BTKH = future_NTH.unflatten(0, static_BKS.shape[:2]).transpose(1, 2)
        all_BTKH = torch.cat([outputs_BTKH, future_BTKH], dim=1)
        static_BTKS = static_BKS.unsqueeze(1).expand(-1, all_BTKH.shape[1], -1, -1)
        increment_BTKV = self.increment(torch.cat([all_BTKH, static_BTKS], dim=-1))
        initial_BKV = self.initial(torch.cat([feature_BTKD[:, 0], static_BKS], dim=-1))
        return static_BKS, initial_BKV.unsqueeze(1) + increment_BTKV.cumsum(dim=1)

    def _outputs(self, feature_BTKD: Tensor) -> Tensor:
        """Top outputs of the LSTM over time, (B, T, K, hidden); an object's also sees those of the previous object."""
        output_BTH = feature_BTKD.new_zeros(*feature_BTKD.shape[:2], self.settings.hidden_size)
        outputs = []
        for feature_BTD in feature_BTKD.unbind(2):
            output_BTH, _ = self.lstm(torch.cat([feature_BTD, output_BTH], dim=2))
            outputs.append(output_BTH)
        return torch.stack(outputs, dim=2)


class AppearanceMixing(nn.Module):
    """The Gaussian of an object's appearance in a frame, of its varying and its static appearance."""

    def __init__(self, settings: DiveSettings) -> None:
        super().__init__()
        self.varying_size = settings.code_size_varying
        self.linear = nn.Linear(settings.code_size_varying + STATIC_SIZE, 2 * settings.code_size_appearance)

    def forward(self, static_BKS: Tensor, varying_BTKV: Tensor | None, n_frames: int) -> Normal:
        """Static (B, K, 256), varying (B, n_frames, K, 48) or None → a Normal of (B, n_frames, K, D).

        Without varying appearance, frames have the same Gaussian.
        """
        static_BTKS = static_BKS.unsqueeze(1)
        if varying_BTKV is None:
            varying_BTKV = static_BKS.new_zeros(*static_BTKS.shape[:-1], self.varying_size)
        static_BTKS = static_BTKS.expand(-1, varying_BTKV.shape[1], -1, -1)
        mean, sigma = self.linear(torch.cat([varying_BTKV, static_BTKS], dim=-1)).chunk(2, dim=-1)
        shape = (-1, n_frames, -1, -1)
        return normal(mean.expand(shape), softplus(sigma).expand(shape))


def _perceptron(n_inputs: int, width: int, n_outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_inputs, width), nn.LeakyReLU(0.01), nn.Linear(width, n_outputs))
