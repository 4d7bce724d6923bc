"""Poses of the objects: a first one and changes, of the input frames and of those to come (DIVE paper, section 4)."""

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.models.dive.gaussian import GaussianHead, normal
from pipeline_lib.models.dive.recurrence import State, roll_out


class PoseEncoder(nn.Module):
    """Heads of the pose changes, an LSTM over the objects for first poses, one over time for changes to come."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.change_head = GaussianHead(hidden_size, 3)
        self.initial_lstm = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.initial_head = GaussianHead(hidden_size, 3)
        self.predict = nn.LSTM(hidden_size, hidden_size, batch_first=True)

    def forward(self, imputed_BTKH: Tensor, last_forward: State, n_pred: int) -> tuple[Normal, Normal]:
        """Outputs of the imputation for the input frames, and the last state of the states' forward LSTM → Gaussians
        of the changes (B, T + n_pred, K, 3) and of the initial pose (B, K, 3).

        The roll-out begins, for every object, in the state that the forward LSTM was in after the last object, as in
        the published code.
        """
        n_objects = imputed_BTKH.shape[2]
        state = (last_forward[0].repeat_interleave(n_objects, 0), last_forward[1].repeat_interleave(n_objects, 0))
        future_NTH = roll_out(self.predict, imputed_BTKH[:, -1].flatten(0, 1), [state], n_pred)
        future_BTKH = future_NTH.unflatten(0, (-1, n_objects)).transpose(1, 2)
        changes = self.change_head(torch.cat([imputed_BTKH, future_BTKH], dim=1))
        initial = self.initial_head(self.initial_lstm(imputed_BTKH[:, 0])[0])
        return changes, initial


def constrained(pose_BTK3: Tensor, settings: DiveSettings) -> Tensor:
    """(scale, x, y) with the scale clamped, and the centre kept within the frame by tanh."""
    scale_BTK1, position_BTK2 = pose_BTK3.split([1, 2], dim=-1)
    prior, reach = settings.scale_prior, 1 - settings.margin
    scale_BTK1 = scale_BTK1.clamp(prior - settings.scale_below, prior + settings.scale_above)
    position_BTK2 = position_BTK2.tanh().clamp(-reach, reach) * (scale_BTK1 - 0.5)
    return torch.cat([scale_BTK1, position_BTK2], dim=-1)


def initial_prior(settings: DiveSettings, like: Tensor) -> Normal:
    """Prior of the initial pose: around the prior scale, and the centre of the frame; of shape (3,)."""
    mean = torch.zeros(3, dtype=like.dtype, device=like.device)
    mean[0] = settings.scale_prior
    sigma = torch.full_like(mean, settings.position_prior_sigma)
    sigma[0] = settings.scale_prior_sigma
    return normal(mean, sigma)
