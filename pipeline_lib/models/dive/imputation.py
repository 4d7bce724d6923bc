"""Imputation of an object's state where it is missing (DIVE paper, section 4)."""

import torch
from torch import Tensor, nn

from pipeline_lib.models.dive.recurrence import step, zero_states


class Imputation(nn.Module):
    """An LSTM over time on [state, mask], which foretells the next state from its own output.

    Where an object is missing, that takes the place of the state that the frame would have told.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden_size + 1, hidden_size, batch_first=True)
        self.foretell = nn.Linear(hidden_size, hidden_size)

    def forward(self, state_BTKH: Tensor, mask_BTK: Tensor, trust_BTK: Tensor | None) -> Tensor:
        """States (B, T, K, hidden) and masks, 1 where visible → outputs of the LSTM (B, T, K, hidden).

        trust: the share of the state that the frame tells, the rest being imputed: the mask, less what training
        hides. None: nothing is imputed. The first frame never is.
        """
        n_videos, n_frames, n_objects, _ = state_BTKH.shape
        mask_NT1 = mask_BTK.transpose(1, 2).reshape(-1, n_frames, 1)
        state_NTH = state_BTKH.transpose(1, 2).flatten(0, 1)
        if trust_BTK is None:
            output_NTH, _ = self.lstm(torch.cat([state_NTH, mask_NT1], dim=2))
        else:
            output_NTH = self._step_by_step(state_NTH, mask_NT1, trust_BTK.transpose(1, 2).reshape(-1, n_frames, 1))
        return output_NTH.unflatten(0, (n_videos, n_objects)).transpose(1, 2)

    def _step_by_step(self, state_NTH: Tensor, mask_NT1: Tensor, trust_NT1: Tensor) -> Tensor:
        states = zero_states(self.lstm, state_NTH[:, 0])
        outputs: list[Tensor] = []
        for told, mask, trust in zip(state_NTH.unbind(1), mask_NT1.unbind(1), trust_NT1.unbind(1), strict=True):
            x_NH = torch.lerp(self.foretell(outputs[-1]), told, trust) if outputs else told
            output_NH, states = step(self.lstm, torch.cat([x_NH, mask], dim=1), states)
            outputs.append(output_NH)
        return torch.stack(outputs, dim=1)
